#include "common/clock.h"
#include "common/memory.h"
#include "correlator/judge.h"
#include "correlator/state.h"

/*
 * The way of a panic: it comes over the listeners' socket (hear), becomes a gasp, and is judged at
 * once (consider).  Most often that makes it part of a judgement, whose intent goes out over the
 * actuator's socket; when that is acknowledged, the panic is acknowledged in its turn.  What cannot
 * be judged yet is held, and considered again each second and when the map is whole.  Nothing here
 * outlives the process, and nothing needs to: the listener sends again what is not acknowledged.
 *
 * What there is no room for is refused, which makes the listener park it and try again each minute.
 */
#define GASPS_MAX   32768 /* a listener has 17,408 slots */
#define WAITING_MAX 1024  /* of them, from addresses that no Node has: anybody can send such */

static enum map_state map_state(const struct correlator *correlator)
{
    if (nodewatch_map(correlator->watch) == NULL)
        return MAP_MISSING;
    return nodewatch_is_stale(correlator->watch) ? MAP_STALE : MAP_FRESH;
}

static uint64_t age_us(const struct gasp *gasp)
{
    uint64_t now = clock_wall_us();
    return now > gasp->received_us ? now - gasp->received_us : 0;
}

/* Looks up whose address it is, and fixes that the first time it is somebody's. */
static enum nodemap_answer look_up(const struct correlator *correlator, struct gasp *gasp,
                                   struct node *now)
{
    const struct nodemap *map = nodewatch_map(correlator->watch);
    if (map == NULL)
        return NODEMAP_NOBODY;
    enum node_rank rank;
    enum nodemap_answer answer = nodemap_find(map, &gasp->source, now, &rank);
    if (answer == NODEMAP_FOUND && gasp->node == NULL) {
        gasp->node = xmalloc(sizeof(*gasp->node));
        *gasp->node = *now;
        gasp->rank = rank;
    }
    return answer;
}

static void join(struct correlator *correlator, struct gasp *gasp, const struct judged *judged)
{
    bool first;
    gasp->verdict = judged->verdict;
    gasp->words = xstrdup(judged->words);
    correlator->values[INTENTS + gasp->verdict]++;
    const char *incident = judgements_join(correlator->judgements, judged->subject, gasp, &first);
    if (first)
        log_notice_of(incident, "node %s: %s (%s), verdict %s: %s; from panic %s",
                      judged->subject->name, gasp->reason, reason_code_names[gasp->reason_code],
                      verdict_names[gasp->verdict], gasp->words, gasp->id);
    else
        log_debug_of(incident, "joined by panic %s: %s, verdict %s", gasp->id, gasp->reason,
                     verdict_names[gasp->verdict]);
}

static void drop_unknown(struct correlator *correlator, struct gasp *gasp,
                         enum nodemap_answer answer)
{
    char source[ADDRESS_TEXT_SIZE];
    uint64_t skipped;
    correlator->values[UNKNOWN]++;
    if (log_sample_due(&correlator->unknown_sample, clock_monotonic_us(), &skipped))
        log_warning_of(gasp->id, "%s %s; not acted on: %s (and %llu like it)",
                       address_print(&gasp->source, source),
                       answer == NODEMAP_CONTESTED ? "is claimed by several Nodes"
                                                   : "is no Node's address",
                       gasp->reason, (unsigned long long)skipped);
    channel_server_acknowledge(correlator->listeners, gasp->kind, gasp->id);
    gasps_remove(&correlator->gasps, gasp);
}

/* Returns JUDGE_HOLD or JUDGE_WAIT when the gasp must be kept, else it has found its end or its
 * judgement. */
static enum judge_step consider(struct correlator *correlator, struct gasp *gasp)
{
    enum map_state map = map_state(correlator);
    if (map != MAP_FRESH && gasp->node != NULL)
        return JUDGE_HOLD;
    struct node now;
    enum nodemap_answer answer = look_up(correlator, gasp, &now);
    char source[ADDRESS_TEXT_SIZE];
    struct judge_case c = {
        .map = map,
        .source = address_print(&gasp->source, source),
        .now = answer == NODEMAP_FOUND ? &now : NULL,
        .then = gasp->node,
        .rank = gasp->rank,
        .said_node = gasp->said_node,
        .said_boot = gasp->said_boot,
        .waited_us = clock_monotonic_us() - gasp->arrived_us,
        .age_us = age_us(gasp),
        .expire_us = correlator->settings.expire_us,
    };
    struct judged judged;
    judge(&c, &judged);
    if (judged.step == JUDGE_INTENT)
        join(correlator, gasp, &judged);
    else if (judged.step == JUDGE_UNKNOWN)
        drop_unknown(correlator, gasp, answer);
    return judged.step;
}

static void hold(struct correlator *correlator, struct gasp *gasp, enum judge_step step)
{
    gasp->next = NULL;
    *correlator->held_end = gasp;
    correlator->held_end = &gasp->next;
    correlator->held_count++;
    correlator->waiting += step == JUDGE_WAIT;
}

void hear_again(struct correlator *correlator)
{
    struct gasp *gasp = correlator->held;
    correlator->held = NULL;
    correlator->held_end = &correlator->held;
    correlator->held_count = correlator->waiting = 0;
    for (struct gasp *next; gasp != NULL; gasp = next) {
        next = gasp->next;
        enum judge_step step = consider(correlator, gasp);
        if (step == JUDGE_HOLD || step == JUDGE_WAIT)
            hold(correlator, gasp, step);
    }
}

static void log_held(struct correlator *correlator, const struct gasp *gasp, enum judge_step step)
{
    char source[ADDRESS_TEXT_SIZE];
    uint64_t skipped;
    correlator->values[HELD]++;
    if (!log_sample_due(&correlator->held_sample, clock_monotonic_us(), &skipped))
        return;
    const char *why = "there has been no watch of nodes for too long";
    if (step == JUDGE_WAIT)
        why = "no Node has its address, perhaps not yet";
    else if (nodewatch_map(correlator->watch) == NULL)
        why = "the list of nodes is not whole yet";
    log_notice_of(gasp->id, "held, for %s: %s from %s (and %llu like it)", why, gasp->reason,
                  address_print(&gasp->source, source), (unsigned long long)skipped);
}

static void refuse(struct correlator *correlator, struct channel_peer *peer, struct gasp *gasp)
{
    correlator->values[NO_ROOM]++;
    channel_peer_refuse(peer, gasp->kind, gasp->id, "too many panics are held");
    gasps_remove(&correlator->gasps, gasp);
}

void hear(struct correlator *correlator, struct channel_peer *peer, const struct record *record)
{
    const char *id = record->kind == RECORD_PANIC ? record->panic.id : record->halt.id;
    correlator->values[record->kind == RECORD_PANIC ? PANICS : HALTS]++;
    if (gasps_find(&correlator->gasps, id) != NULL) {
        correlator->values[SENT_AGAIN]++;
        return;
    }
    struct gasp *gasp = gasp_new(record, clock_monotonic_us());
    if (gasp == NULL) {
        channel_peer_refuse(peer, record->kind, id, "its source is no address");
        return;
    }
    gasps_add(&correlator->gasps, gasp);
    if (correlator->gasps.count > GASPS_MAX) {
        refuse(correlator, peer, gasp);
        return;
    }
    enum judge_step step = consider(correlator, gasp);
    if (step == JUDGE_WAIT && correlator->waiting >= WAITING_MAX) {
        refuse(correlator, peer, gasp);
    } else if (step == JUDGE_HOLD || step == JUDGE_WAIT) {
        hold(correlator, gasp, step);
        log_held(correlator, gasp, step);
    }
}

void heard_out(void *arg, const struct gasp *gasp)
{
    struct correlator *correlator = arg;
    correlator->values[ACKNOWLEDGED]++;
    channel_server_acknowledge(correlator->listeners, gasp->kind, gasp->id);
}
