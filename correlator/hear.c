#include "common/clock.h"
#include "common/memory.h"
#include "correlator/coverage.h"
#include "correlator/judge.h"
#include "correlator/state.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * The way of a panic: it comes over the listeners' socket (hear), becomes a gasp, and is judged at
 * once (consider), by the Nodes as the server has told them up to that moment.  Most often it is
 * not known yet whether the machine is dead: then it waits with the others of its Node's suspect,
 * and is considered again when that turns out to be silent or alive, and each second.  In the end
 * it is part of a judgement, whose intent goes out over the actuator's socket; when that is
 * acknowledged, the panic is acknowledged in its turn.
 *
 * What no Node is known for is held here, and considered again each second and when the map is
 * whole.  Nothing outlives the process, and nothing needs to: the listener sends again what is not
 * acknowledged.
 *
 * What there is no room for is refused, which makes the listener park it and try again each minute.
 */
#define GASPS_MAX   32768 /* a listener has 17,408 slots */
#define WAITING_MAX 1024  /* of them, from addresses that no Node has: anybody can send such */
#define WORDS_MAX   1024  /* of them, drills and late words: nobody dies of waiting for these */

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

/* Than a row in the history. */
static bool asks_for_more(enum verdict verdict)
{
    return verdict == VERDICT_SILENT || verdict == VERDICT_UNPROBABLE ||
           verdict == VERDICT_UNVERIFIED;
}

static void join(struct correlator *correlator, struct gasp *gasp, struct suspect *suspect,
                 const struct judged *judged)
{
    bool first;
    gasp->verdict = judged->verdict;
    free(gasp->words);
    gasp->words = xstrdup(judged->words);
    if (suspect != NULL &&
        (judged->verdict == VERDICT_SILENT || judged->verdict == VERDICT_UNPROBABLE)) {
        gasp->silence = evidence_silence(suspect);
        evidence_begin(correlator, suspect, gasp);
    }
    correlator->values[INTENTS + gasp->verdict]++;
    const char *incident = judgements_join(correlator->judgements, judged->subject, gasp, &first);
    if (first && asks_for_more(gasp->verdict))
        steps_note(&correlator->steps, STEP_JUDGED, gasp->received_us, clock_wall_us());
    if (first)
        log_notice_of(incident, "node %s: %s (%s), verdict %s: %s; from %s %s",
                      judged->subject->name, gasp->reason, reason_code_names[gasp->reason_code],
                      verdict_names[gasp->verdict], gasp->words, gasp_name(gasp), gasp->id);
    else
        log_debug_of(incident, "joined by %s %s: %s, verdict %s", gasp_name(gasp), gasp->id,
                     gasp->reason, verdict_names[gasp->verdict]);
}

/* What a dry run acknowledged, no listener would send to the correlator that comes after it. */
static void acknowledge(struct correlator *correlator, const struct gasp *gasp)
{
    if (correlator->settings.to != NULL)
        channel_server_acknowledge(correlator->listeners, gasp->kind, gasp->id);
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
    acknowledge(correlator, gasp);
    gasps_remove(&correlator->gasps, gasp);
}

static void drop_living(struct correlator *correlator, struct gasp *gasp,
                        const struct judged *judged)
{
    uint64_t skipped;
    correlator->values[ALIVE]++;
    if (log_sample_due(&correlator->alive_sample, clock_monotonic_us(), &skipped))
        log_notice_of(gasp->id, "node %s is alive, not acted on: %s; %s (and %llu like it)",
                      judged->subject->name, gasp->reason, judged->words,
                      (unsigned long long)skipped);
    acknowledge(correlator, gasp);
    gasps_remove(&correlator->gasps, gasp);
}

/* What probing found of the machine since GASP, in WORDS if it came to something. */
static enum probe_state probe_state(const struct correlator *correlator, const struct gasp *gasp,
                                    const struct suspect *suspect, char words[WORDS_SIZE])
{
    struct finding finding;
    if (correlator->probing == NULL)
        return PROBE_NONE;
    if (suspect == NULL)
        return PROBE_ASKING;
    const struct means *means = probing_means(correlator->probing);
    suspect_finding(means, suspect, clock_monotonic_us(), &finding);
    if (suspect_is_alive(means, suspect, gasp->arrived_us)) {
        words_answering(&finding, words);
        return PROBE_ALIVE;
    }
    if (suspect->state != SETTLE_SILENT && suspect->state != SETTLE_UNPROBABLE)
        return PROBE_ASKING;
    words_silent(&finding, words);
    return suspect->state == SETTLE_SILENT ? PROBE_SILENT : PROBE_UNPROBABLE;
}

/* Whether a panic of the Node would find it probable, which is what a drill is for. */
static const char *would_find(const struct correlator *correlator, const struct gasp *gasp,
                              char words[WORDS_SIZE])
{
    const struct nodemap *map = nodewatch_map(correlator->watch);
    struct node_facts facts;
    uint64_t now_us = clock_monotonic_us(), baseline_us = correlator->settings.times.baseline_us;
    if (gasp->kind != RECORD_DRILL || correlator->probing == NULL || map == NULL ||
        gasp->node == NULL || !nodemap_load(map, gasp->node->name, &facts))
        return NULL;
    uint64_t answered_us =
        kubelets_answered_us(probing_means(correlator->probing)->kubelets, &facts);
    if (coverage_is_probable(answered_us, now_us, baseline_us))
        snprintf(words, WORDS_SIZE, "its kubelet answered %.0f s ago, so that silence would count",
                 (double)(now_us - answered_us) / US_PER_SECOND);
    else
        snprintf(words, WORDS_SIZE,
                 "no answer of its kubelet is known for %.0f s, so that only "
                 "its Lease would count",
                 (double)baseline_us / US_PER_SECOND);
    return words;
}

static bool must_be_kept(enum judge_step step)
{
    return step == JUDGE_HOLD || step == JUDGE_WAIT || step == JUDGE_ASK;
}

/* Unless it must be kept, the gasp has found its end or its judgement.  SUSPECT may be NULL. */
static enum judge_step consider(struct correlator *correlator, struct gasp *gasp,
                                struct suspect *suspect)
{
    struct node now;
    enum nodemap_answer answer = look_up(correlator, gasp, &now);
    char source[ADDRESS_TEXT_SIZE], found[WORDS_SIZE] = "";
    struct judge_case c = {
        .kind = gasp->kind,
        .proof = gasp->proof,
        .map = map_state(correlator),
        .probe = probe_state(correlator, gasp, suspect, found),
        .found = suspect != NULL ? found : would_find(correlator, gasp, found),
        .source = address_print(&gasp->source, source),
        .now = answer == NODEMAP_FOUND ? &now : NULL,
        .then = gasp->node,
        .rank = gasp->rank,
        .said_node = gasp->said_node,
        .said_boot = gasp->said_boot,
        .old_boot = gasp->old_boot,
        .waited_us = clock_monotonic_us() - gasp->arrived_us,
        .age_us = age_us(gasp),
        .expire_us = correlator->settings.expire_us,
        .came_before = gasp->received_us < correlator->known_us,
    };
    struct judged judged;
    judge(&c, &judged);
    if (judged.step == JUDGE_INTENT)
        join(correlator, gasp, suspect, &judged);
    else if (judged.step == JUDGE_ALIVE)
        drop_living(correlator, gasp, &judged);
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
    correlator->waiting += step == JUDGE_WAIT && !gasp_is_words(gasp);
}

static void append(struct suspect *suspect, struct gasp *gasp)
{
    gasp->next = NULL;
    *suspect->gasps_end = gasp;
    suspect->gasps_end = &gasp->next;
}

void hear_wait(struct suspect *suspect, struct gasp *gasp)
{
    if (suspect->gasps == NULL) {
        suspect->gasp_us = gasp->arrived_us;
        suspect->gasp_name = gasp_name(gasp);
    }
    append(suspect, gasp);
    suspect->judged_us = 0;
}

/* The machine is asked from now on, also while the map cannot be relied on. */
static void ask(struct correlator *correlator, struct gasp *gasp)
{
    struct suspect *suspect = probing_find(correlator->probing, node_number(gasp->node));
    if (suspect == NULL) {
        struct node_facts facts = { .claim_count = 0 };
        nodemap_load(nodewatch_map(correlator->watch), gasp->node->name, &facts);
        facts.node = *gasp->node;
        suspect = probing_suspect(correlator->probing, &facts, &gasp->source);
        log_info_of(suspect->retract.id, "is node %s dead? %s (%s), from %s %s",
                    gasp->node->name, gasp->reason, reason_code_names[gasp->reason_code],
                    gasp_name(gasp), gasp->id);
    }
    hear_wait(suspect, gasp);
}

void hear_suspect(struct correlator *correlator, struct suspect *suspect)
{
    struct gasp *gasp = suspect->gasps;
    suspect->gasps = NULL;
    suspect->gasps_end = &suspect->gasps;
    for (struct gasp *next; gasp != NULL; gasp = next) {
        next = gasp->next;
        if (must_be_kept(consider(correlator, gasp, suspect)))
            append(suspect, gasp);
    }
}

/* Keeps a gasp that must be kept: with its suspect, or here. */
static void keep(struct correlator *correlator, struct gasp *gasp, enum judge_step step)
{
    if (gasp->node != NULL && correlator->probing != NULL && !gasp_is_words(gasp))
        ask(correlator, gasp);
    else
        hold(correlator, gasp, step);
}

void hear_again(struct correlator *correlator)
{
    struct gasp *gasp = correlator->held;
    correlator->held = NULL;
    correlator->held_end = &correlator->held;
    correlator->held_count = correlator->waiting = 0;
    for (struct gasp *next; gasp != NULL; gasp = next) {
        next = gasp->next;
        enum judge_step step = consider(correlator, gasp, NULL);
        if (must_be_kept(step))
            keep(correlator, gasp, step);
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
    if (gasp->kind == RECORD_LATE && step == JUDGE_WAIT)
        why = "no Node that has booted again has its address yet";
    else if (step == JUDGE_WAIT)
        why = "no Node has its address, perhaps not yet";
    else if (nodewatch_map(correlator->watch) == NULL)
        why = "the list of nodes is not whole yet";
    log_notice_of(gasp->id, "held, for %s: %s from %s (and %llu like it)", why, gasp->reason,
                  address_print(&gasp->source, source), (unsigned long long)skipped);
}

static void refuse(struct correlator *correlator, struct channel_peer *peer, struct gasp *gasp)
{
    correlator->values[NO_ROOM]++;
    channel_peer_refuse(peer, gasp->kind, gasp->id,
                        gasp_is_words(gasp) ? "too many drills and late words are under way"
                                            : "too many panics are held");
    gasps_remove(&correlator->gasps, gasp);
}

/* What it counts as, and its id. */
static enum counter look_at(const struct record *record, const char **id)
{
    switch (record->kind) {
    case RECORD_HALT:
        *id = record->halt.id;
        return HALTS;
    case RECORD_DRILL:
        *id = record->drill.id;
        return DRILLS;
    case RECORD_LATE:
        *id = record->late.id;
        return LATES;
    default:
        *id = record->panic.id;
        return PANICS;
    }
}

static bool has_room_for(const struct correlator *correlator, const struct gasp *gasp)
{
    if (gasp_is_words(gasp) && correlator->gasps.words > WORDS_MAX)
        return false;
    return correlator->gasps.count <= GASPS_MAX;
}

void hear(struct correlator *correlator, struct channel_peer *peer, const struct record *record)
{
    const char *id;
    correlator->values[look_at(record, &id)]++;
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
    if (record->kind == RECORD_PANIC)
        steps_note(&correlator->steps, STEP_KNOWN, gasp->received_us, clock_wall_us());
    if (!has_room_for(correlator, gasp)) {
        refuse(correlator, peer, gasp);
        return;
    }
    nodewatch_read_on(correlator->watch);
    enum judge_step step = consider(correlator, gasp, NULL);
    if (!must_be_kept(step))
        return;
    if (step == JUDGE_WAIT && !gasp_is_words(gasp) && correlator->waiting >= WAITING_MAX) {
        refuse(correlator, peer, gasp);
        return;
    }
    if (step != JUDGE_ASK)
        log_held(correlator, gasp, step);
    keep(correlator, gasp, step);
}

void heard_out(void *arg, const struct gasp *gasp)
{
    struct correlator *correlator = arg;
    correlator->values[ACKNOWLEDGED]++;
    channel_server_acknowledge(correlator->listeners, gasp->kind, gasp->id);
}
