#include "common/clock.h"
#include "correlator/state.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/*
 * While an incident is open its machine goes on being probed, and the actuator hears of it: that
 * it is silent still (evidence, which may be lost), or that it answers, or that the Node is another
 * one by now (retract, which may not).  An incident is open from the verdict that led to its intent
 * until the actuator's result, and for as long as the actuator's `open` says, which is also how we
 * know of it after a restart.
 *
 * Evidence is as old as the last attempt that it rests on.  The actuator acts on none that is older
 * than 5 s, so it is told as soon as there is an attempt to tell of, each --evidence.
 *
 * A retract follows its intent over the same socket.  What was judged but not sent is taken back
 * instead, and judged again.
 */
#define SUSPECTS_MAX 65536 /* that `open` may make; panics are bounded by themselves */

static struct suspect *suspect_of(struct delivery *delivery)
{
    return (struct suspect *)((char *)delivery - offsetof(struct suspect, retract));
}

/* Of a time in wall time, what the monotonic clock says then; at least 1. */
static uint64_t to_monotonic(uint64_t wall_us)
{
    uint64_t now_us = clock_monotonic_us(), wall_now_us = clock_wall_us();
    if (wall_us >= wall_now_us)
        return now_us + (wall_us - wall_now_us);
    return wall_now_us - wall_us < now_us ? now_us - (wall_now_us - wall_us) : 1;
}

static uint64_t to_wall(uint64_t monotonic_us)
{
    return clock_wall_us() - (clock_monotonic_us() - monotonic_us);
}

struct silence evidence_silence(const struct suspect *suspect)
{
    struct silence silence = { RECORD_ABSENT, RECORD_ABSENT, RECORD_ABSENT };
    if (suspect->state == SETTLE_SILENT)
        silence.until_us = to_wall(suspect->silent_us);
    if (suspect->settle.answered_us != 0) {
        silence.last_answer_us = to_wall(suspect->settle.answered_us);
        silence.rtt_us = suspect->settle.rtt_us;
    }
    return silence;
}

void evidence_begin(struct correlator *correlator, struct suspect *suspect, const struct gasp *gasp)
{
    suspect->judged_until_us = to_monotonic(gasp->received_us + correlator->settings.expire_us);
    suspect->evidence_us = clock_monotonic_us(); /* the intent is as good */
    suspect->told_us = suspect->silent_us;
}

static void send_retract(struct correlator *correlator, struct suspect *suspect,
                         enum retract_why why)
{
    suspect->judged_until_us = suspect->open_until_us = 0;
    if (suspect->is_retracting) /* it may stand before the intent that it is about by now */
        channel_client_withdraw(correlator->actuator, &suspect->retract);
    suspect->is_retracting = true;
    suspect->why = why;
    correlator->values[RETRACTS]++;
    log_notice_of(suspect->retract.id, "node %s: %s, taken back", suspect->node.name,
                  why == RETRACT_ANSWERS ? "it answers" : retract_why_names[why]);
    channel_client_deliver(correlator->actuator, &suspect->retract);
}

static void take_back(struct correlator *correlator, struct suspect *suspect, enum retract_why why)
{
    uint64_t now_us = clock_monotonic_us();
    if (!suspect_is_open(suspect, now_us))
        return;
    bool sent, was_open = suspect->open_until_us > now_us;
    struct gasp *gasp = judgements_recall(correlator->judgements, suspect->retract.id, &sent);
    bool only_judged = gasp != NULL && !sent && !was_open;
    for (struct gasp *next; gasp != NULL; gasp = next) {
        next = gasp->next;
        hear_wait(suspect, gasp);
    }
    if (only_judged)
        suspect->judged_until_us = 0;
    else
        send_retract(correlator, suspect, why);
}

static void on_answered(void *arg, struct suspect *suspect)
{
    take_back(arg, suspect, RETRACT_ANSWERS);
}

static void check_identity(struct correlator *correlator, struct suspect *suspect)
{
    const struct nodemap *map = nodewatch_map(correlator->watch);
    struct node_facts now;
    if (map == NULL || !nodemap_load(map, suspect->node.name, &now))
        return;
    if (strcmp(now.node.uid, suspect->node.uid) != 0)
        take_back(correlator, suspect, RETRACT_RECREATED);
    else if (strcmp(now.node.boot, suspect->node.boot) != 0)
        take_back(correlator, suspect, RETRACT_REBOOTED);
}

static void on_judge(void *arg, struct suspect *suspect)
{
    check_identity(arg, suspect);
    if (suspect->gasps != NULL)
        hear_suspect(arg, suspect);
}

static bool on_evidence(void *arg, struct suspect *suspect)
{
    struct correlator *correlator = arg;
    struct finding finding;
    char words[WORDS_SIZE];
    suspect_finding(probing_means(correlator->probing), suspect, clock_monotonic_us(), &finding);
    struct record record = {
        .kind = RECORD_EVIDENCE,
        .evidence = { .id = suspect->retract.id,
                      .silent_until_us = to_wall(suspect->silent_us),
                      .words = words_silent(&finding, words) },
    };
    if (!channel_client_is_connected(correlator->actuator) ||
        !channel_client_send(correlator->actuator, &record))
        return false;
    correlator->values[EVIDENCE]++;
    log_debug_of(suspect->retract.id, "%s", words);
    return true;
}

const struct probing_handler evidence_handler = { on_judge, on_answered, on_evidence };

static bool fits(const char *text, char *out, size_t cap)
{
    return (size_t)snprintf(out, cap, "%s", text) < cap;
}

/* Its name, uid and boot id; false when one of them is no Node's. */
static bool read_node(const struct open_incident *open, struct node *node)
{
    return fits(open->node, node->name, sizeof(node->name)) &&
           fits(open->uid, node->uid, sizeof(node->uid)) &&
           fits(open->boot, node->boot, sizeof(node->boot));
}

void evidence_open(struct correlator *correlator, const struct open_incident *open)
{
    struct node node;
    struct address address;
    correlator->values[OPENS]++;
    if (correlator->probing == NULL)
        return;
    if (!read_node(open, &node) || !address_parse(open->address, &address)) {
        log_warning_of(open->id, "cannot probe node %s at \"%s\"", open->node, open->address);
        return;
    }
    struct suspect *suspect = probing_find(correlator->probing, node_number(&node));
    if (suspect == NULL && (open->until_us <= clock_wall_us() ||
                            probing_suspects(correlator->probing) >= SUSPECTS_MAX))
        return;
    if (suspect == NULL)
        suspect = probing_suspect_at(correlator->probing, &node, &address, (uint16_t)open->port);
    suspect->open_until_us = to_monotonic(open->until_us);
    if (open->last_answer_us != RECORD_ABSENT)
        settle_baseline(&suspect->settle, to_monotonic(open->last_answer_us),
                        open->rtt_us != RECORD_ABSENT ? open->rtt_us : 0);
}

void evidence_result(struct correlator *correlator, const struct result *result)
{
    if (correlator->probing == NULL)
        return;
    struct suspect *suspect = probing_find(correlator->probing, incident_number(result->id));
    if (suspect != NULL)
        suspect->judged_until_us = 0;
}

void evidence_speaks(struct correlator *correlator, const struct speaks *speaks)
{
    const struct nodemap *map = nodewatch_map(correlator->watch);
    struct address source;
    struct node node;
    enum node_rank rank;
    correlator->values[SPEAKS]++;
    if (correlator->probing == NULL || map == NULL || !address_parse(speaks->source, &source) ||
        nodemap_find(map, &source, &node, &rank) != NODEMAP_FOUND)
        return;
    struct suspect *suspect = probing_find(correlator->probing, node_number(&node));
    if (suspect != NULL)
        settle_hint(&suspect->settle, clock_monotonic_us());
}

void evidence_fill(struct delivery *delivery, struct record *record)
{
    record->kind = RECORD_RETRACT;
    record->retract = (struct retract){ .id = delivery->id, .why = suspect_of(delivery)->why };
}

void evidence_acknowledged(struct delivery *delivery)
{
    suspect_of(delivery)->is_retracting = false;
}
