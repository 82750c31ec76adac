#include "actuator/remedy_state.h"

#include <string.h>

#include "actuator/marks.h"
#include "common/clock.h"

/* How long volumes may take to be detached, and how often the Node is read meanwhile. */
#define VOLUMES_US       (3 * US_PER_MINUTE)
#define VOLUMES_EVERY_US (2 * US_PER_SECOND)

/* A Node that changes under us is read again at once, but not as fast as we can for ever. */
#define CONFLICTS_AT_ONCE 3

/* How far one may go, before the Node was read. */
static enum mode level_of(const struct remedy *remedy)
{
    static const enum mode most[] = {
        [RIGHT_HISTORY] = MODE_OBSERVE,
        [RIGHT_TELL] = MODE_ANNOTATE,
        [RIGHT_CORDON] = MODE_ANNOTATE,
        [RIGHT_REMOVE] = MODE_NODE,
    };
    enum mode level = most[remedy_right_with(remedy, LEASE_LAPSED)];

    if (remedy->halt.most < level)
        level = remedy->halt.most;
    return remedy->plan.mode < level ? remedy->plan.mode : level;
}

static void node_is_gone(struct remedy *remedy)
{
    char count[256];

    remedy_count(remedy, count, sizeof(count));
    /* An attempt whose answer was lost has arrived: one of ours, or one of libcurl's own. */
    if (remedy->node_delete_sent) {
        remedy_settle(remedy, OUTCOME_DELETED, "Node deleted; %s", count);
        return;
    }
    if (remedy->leave == REMEDY_LEAVE_ELSEWHERE) {
        remedy_settle(remedy, OUTCOME_ELSEWHERE, "the Node is gone, and another host leads");
        return;
    }
    remedy_tell_node(remedy, "the Node was deleted by somebody else");
    remedy_settle(remedy, OUTCOME_NODE_GONE, "the Node was deleted by somebody else; %s", count);
}

/* The taint would evict what the new boot runs, and may keep it from ever being Ready: so what was
 * set goes at once. */
static void has_rebooted(struct remedy *remedy, const struct answer_node *node, const char *count)
{
    remedy_tell_node(remedy, "the node has rebooted since");
    if (marks_are_of(node, remedy->plan.boot))
        remedy_undo(remedy, OUTCOME_REBOOTED, "the node has rebooted (boot %.64s)", node->boot);
    else
        remedy_settle(remedy, OUTCOME_REBOOTED, "the node has rebooted (boot %.64s); %s",
                      node->boot, count);
}

/* Judges what was read: is it still the machine, and the boot, that died?  What ends takes its marks
 * from whatever boot bears them. */
static bool is_the_dead_one(struct remedy *remedy, const struct answer_node *node)
{
    char count[256];

    remedy_count(remedy, count, sizeof(count));
    if (strcmp(node->uid, remedy->plan.uid) != 0) {
        remedy_tell_node(remedy, "the Node was created anew since");
        remedy_settle(remedy, OUTCOME_RECREATED, "the Node was created anew (uid %.64s); %s",
                      node->uid, count);
        return false;
    }
    if (remedy->plan.verdict == VERDICT_LATE)
        return true; /* of a boot that is over */
    if (strcmp(node->boot, remedy->plan.boot) != 0 && !remedy->ending.begun) {
        has_rebooted(remedy, node, count);
        return false;
    }
    return true;
}

void remedy_set_level(struct remedy *remedy)
{
    const struct remedy_plan *plan = &remedy->plan;

    remedy->lease.spared = plan->verdict == VERDICT_SILENT;
    remedy->halt = halts_limit(plan->on_halt, plan->cause, plan->reason_code);
    remedy->level = level_of(remedy);
    if (!remedy->node)
        return;
    struct optout optout = optouts_of(remedy->plan.optouts, remedy->node);
    remedy->opted_out = optout.most < remedy->level ? optout.why : NULL;
    if (optout.most < remedy->level)
        remedy->level = optout.most;
    /* Its pods were treated for less, and that they are done is no right to more. */
    if (remedy->released && remedy->level > remedy->released_level)
        remedy->level = remedy->released_level;
}

/* What was read is the Node that the next request is about; it may have opted out meanwhile. */
static void keep_node(struct remedy *remedy, struct remedy_answer *answer)
{
    if (!answer->node)
        return;
    answer_node_free(remedy->node);
    remedy->node = answer->node;
    answer->node = NULL;
    remedy_identify(remedy, answer->sent_us);
    remedy_set_level(remedy);
}

/* That is all a report gives the right to; how it goes on is told as of every other death. */
static void tell_of_report(struct remedy *remedy)
{
    if (remedy->plan.verdict != VERDICT_REPORTED || remedy->report_told || remedy->ending.begun)
        return;
    remedy->report_told = true;
    remedy_tell_node(remedy, "another process says so; the machine is being asked");
}

/* Read, and it is still the one that died. */
static void looked_at(struct remedy *remedy, struct remedy_answer *answer)
{
    keep_node(remedy, answer);
    if (!remedy->looked) {
        remedy->looked = true;
        remedy->lease.lost_before = remedy->node->ready == READY_UNKNOWN;
    }
    tell_of_report(remedy);
    if (remedy->ending.begun)
        remedy->ending.read = true;
    else
        remedy_lease_begin(remedy);
}

static void read_again(struct remedy *remedy, const struct remedy_answer *answer)
{
    uint64_t delay_us = 0;

    if (++remedy->conflicts > CONFLICTS_AT_ONCE)
        delay_us = remedy_backoff(remedy->conflicts - CONFLICTS_AT_ONCE, answer->chance);
    remedy_ask_node(remedy, REMEDY_READ_NODE, delay_us);
}

static void refused(struct remedy *remedy, enum remedy_kind kind,
                    const struct remedy_answer *answer)
{
    char count[256];

    remedy_count(remedy, count, sizeof(count));
    if (remedy->ending.begun)
        remedy_settle(remedy, OUTCOME_PARTIAL, "%s, but what was set on the Node stays: %s",
                      remedy->ending.detail, answer->message);
    else if (!remedy->marked)
        remedy_settle(remedy, OUTCOME_REFUSED, "%s", answer->message);
    else if (kind == REMEDY_READ_NODE)
        remedy_settle(remedy, OUTCOME_PARTIAL, "the Node cannot be read any more, %s; %s",
                      answer->message, count);
    else
        remedy_settle(remedy, OUTCOME_PARTIAL, "the Node is kept, %s; %s", answer->message, count);
}

/* A write was taken; what came back is the Node that the next one is about. */
static void written(struct remedy *remedy, enum remedy_kind kind, struct remedy_answer *answer)
{
    char count[256];

    remedy->conflicts = 0;
    if (kind == REMEDY_DELETE_NODE) {
        remedy_count(remedy, count, sizeof(count));
        remedy_say(remedy, "Node deleted");
        if (remedy->plan.dry != REMEDY_REAL)
            remedy_settle(remedy, OUTCOME_DRY_RUN, "had it been real: Node deleted; %s", count);
        else
            remedy_settle(remedy, OUTCOME_DELETED, "Node deleted; %s", count);
        return;
    }
    if (answer->node && !is_the_dead_one(remedy, answer->node))
        return;
    /* In a dry run on the server what comes back was never stored. */
    if (remedy->plan.dry == REMEDY_REAL)
        keep_node(remedy, answer);
    if (kind == REMEDY_CLEAR_NODE) {
        remedy_say(remedy, "what was set on the Node is undone");
        remedy_undone(remedy);
        return;
    }
    if (kind == REMEDY_TAINT_NODE) {
        remedy_say(remedy, "Node tainted out of service, %zu volumes are attached",
                   remedy->node->volumes);
        remedy->tainted = true;
        return;
    }
    remedy_say(remedy, "Node annotated and cordoned");
    remedy->marked = !remedy->mark_is_old;
    if (remedy->marked)
        remedy_tell_node(remedy, NULL);
}

void remedy_node_answered(struct remedy *remedy, enum remedy_kind kind, enum answer_class class,
                          struct remedy_answer *answer)
{
    switch (class) {
    case ANSWER_GONE:
        node_is_gone(remedy);
        break;
    case ANSWER_CONFLICT:
        remedy->node_delete_sent = false;
        read_again(remedy, answer);
        break;
    case ANSWER_NEVER:
        refused(remedy, kind, answer);
        break;
    case ANSWER_DONE:
        if (kind != REMEDY_READ_NODE) {
            written(remedy, kind, answer);
        } else if (is_the_dead_one(remedy, answer->node)) {
            looked_at(remedy, answer);
        }
        break;
    case ANSWER_LATER:
        break;
    }
}

static bool is_out_of_service(const struct answer_node *node)
{
    for (size_t i = 0; i < node->taint_count; i++) {
        if (answer_taint_is_out_of_service(&node->taints[i]))
            return true;
    }
    return false;
}

/*
 * Deleting the Node while volumes are attached would make the attach-detach controller wait for
 * six minutes; the taint lets it detach at once, but is looked up on the Node (KEP-2268).
 */
static bool volumes_are_detached(struct remedy *remedy)
{
    const struct answer_node *node = remedy->node;
    char count[256];

    if (node->volumes == 0)
        return true;
    if (remedy->volumes_until_us == 0)
        remedy->volumes_until_us = remedy->now_us + VOLUMES_US;
    if (remedy->now_us >= remedy->volumes_until_us) {
        remedy_count(remedy, count, sizeof(count));
        remedy_settle(remedy, OUTCOME_PARTIAL,
                      "the Node is kept, %zu volumes are still attached after 3 minutes; %s",
                      node->volumes, count);
        return false;
    }
    if (remedy->plan.dry != REMEDY_REAL && remedy->tainted)
        return true;
    if (is_out_of_service(node))
        remedy_ask_node(remedy, REMEDY_READ_NODE, VOLUMES_EVERY_US);
    else
        remedy_ask_node(remedy, REMEDY_TAINT_NODE, 0);
    return false;
}

/* Why one did not go as far as the mode allows; NULL: one did. */
static const char *why_no_further(const struct remedy *remedy)
{
    if (remedy->opted_out)
        return remedy->opted_out;
    return remedy->level < remedy->plan.mode ? remedy->halt.why : NULL;
}

void remedy_finish_node(struct remedy *remedy)
{
    enum outcome done = remedy->level == MODE_PODS ? OUTCOME_PODS_DONE : OUTCOME_TOLD;
    const char *why = why_no_further(remedy);
    char count[256];

    remedy_count(remedy, count, sizeof(count));
    if (remedy->tally.refused > 0)
        remedy_settle(remedy, OUTCOME_PARTIAL, "%s; %s", count, remedy->refusal);
    else if (remedy->plan.dry != REMEDY_REAL && remedy->level < MODE_NODE)
        remedy_settle(remedy, OUTCOME_DRY_RUN, "had it been real: %s", count);
    else if (remedy->level < MODE_NODE)
        remedy_settle(remedy, done, "%s%s%s", count, why ? "; " : "", why ? why : "");
    else if (remedy->tally.kept > 0)
        remedy_settle(remedy, OUTCOME_PODS_DONE,
                      "%s; the Node is kept, %zu of its pods opted out of removal", count,
                      remedy->tally.kept);
    else if (!volumes_are_detached(remedy))
        return;
    else if (remedy->node->finalizers)
        remedy_settle(remedy, OUTCOME_LEFT_TO_OWNER,
                      "the Node has finalizers and is left to their owner; %s", count);
    else
        remedy_ask_node(remedy, REMEDY_DELETE_NODE, 0);
}
