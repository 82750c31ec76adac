#include "actuator/remedy_state.h"

#include <stdarg.h>
#include <stdio.h>

#include "actuator/marks.h"
#include "common/clock.h"

/* How often the Node is looked at while it is another host's to undo what was set. */
#define LOOK_EVERY_US (3 * US_PER_SECOND)

void remedy_undo(struct remedy *remedy, enum outcome outcome, const char *format, ...)
{
    struct ending *ending = &remedy->ending;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(ending->detail, sizeof(ending->detail), format, arguments);
    va_end(arguments);
    ending->begun = true;
    ending->outcome = outcome;
    remedy_hold(remedy, NULL);
    remedy_drop(remedy);
    remedy_advance_ending(remedy);
}

void remedy_undone(struct remedy *remedy)
{
    char count[256];

    remedy_count(remedy, count, sizeof(count));
    remedy_settle(remedy, remedy->ending.outcome, "%s; %s", remedy->ending.detail, count);
}

/*
 * The Node is read first, whatever we remember: another host may have set the marks, or the one
 * that we were before a restart.
 */
void remedy_advance_ending(struct remedy *remedy)
{
    if (remedy->node_busy)
        return;
    if (remedy->plan.mode == MODE_OBSERVE) {
        remedy_undone(remedy);
    } else if (!remedy->ending.read) {
        remedy_ask_node(remedy, REMEDY_READ_NODE, 0);
    } else if (!marks_are_of(remedy->node, remedy->plan.boot)) {
        remedy_undone(remedy);
    } else if (!remedy_barred(remedy, REMEDY_CLEAR_NODE)) {
        remedy_ask_node(remedy, REMEDY_CLEAR_NODE, 0);
    } else {
        remedy_ask_node(remedy, REMEDY_READ_NODE, LOOK_EVERY_US);
    }
}

void remedy_retract(struct remedy *remedy, enum retract_why why, uint64_t now_us)
{
    static const struct {
        enum outcome outcome;
        const char *words;
    } ends[] = {
        [RETRACT_ANSWERS] = { OUTCOME_RETRACTED, "the machine answers again" },
        [RETRACT_REBOOTED] = { OUTCOME_REBOOTED, "the machine has rebooted" },
        [RETRACT_RECREATED] = { OUTCOME_RECREATED, "the Node was created anew" },
    };

    if (remedy->over || remedy->ending.begun || rights_only_tell(remedy->plan.verdict))
        return;
    remedy->now_us = now_us;
    if (remedy->marked || remedy->report_told)
        remedy_tell_node(remedy, ends[why].words);
    remedy_undo(remedy, remedy->removing ? OUTCOME_PARTIAL : ends[why].outcome, "%s",
                ends[why].words);
}

void remedy_give_up(struct remedy *remedy, const char *by, uint64_t now_us)
{
    if (remedy->over || remedy->ending.begun)
        return;
    remedy->now_us = now_us;
    if (rights_only_tell(remedy->plan.verdict)) {
        remedy_settle(remedy, OUTCOME_RETRACTED, "%s asked to undo it; nothing is set for it", by);
        return;
    }
    if (remedy->marked || remedy->report_told)
        remedy_tell_node(remedy, "a person takes it back");
    remedy_undo(remedy, remedy->removing ? OUTCOME_PARTIAL : OUTCOME_RETRACTED,
                "%s asked to undo it", by);
}

void remedy_expire(struct remedy *remedy)
{
    enum lease_state lease = lease_judge(&remedy->lease, remedy->witnesses, remedy->now_us);
    char count[256];

    if (remedy->leave == REMEDY_LEAVE_ELSEWHERE) {
        remedy_settle(remedy, OUTCOME_ELSEWHERE,
                      "its time ran out while another host led, whose history says what was done");
        return;
    }
    /* Whoever set it: another host, or the one that we were before a restart. */
    if (remedy->level > MODE_OBSERVE && lease == LEASE_ALIVE) {
        remedy_undo(remedy, remedy->removing ? OUTCOME_PARTIAL : OUTCOME_EXPIRED,
                    "its time ran out, and the Node's Lease is renewed: nothing is left set");
        return;
    }
    remedy_count(remedy, count, sizeof(count));
    remedy_settle(remedy, OUTCOME_EXPIRED, "its time ran out before all was done%s%s: %s",
                  remedy->held_for ? ", it waited " : "", remedy->held_for ? remedy->held_for : "",
                  count);
}

void remedy_opt_out(struct remedy *remedy)
{
    char count[256];

    if (remedy->level == MODE_OBSERVE) {
        remedy_undo(remedy, OUTCOME_OPTED_OUT, "%s", remedy->opted_out);
        return;
    }
    remedy_count(remedy, count, sizeof(count));
    remedy_settle(remedy, OUTCOME_OPTED_OUT, "%s; %s", remedy->opted_out, count);
}

/* What observing shows in the end: what would have been done with the greatest mode, but for what a
 * halt is limited to. */
static void settle_observed(struct remedy *remedy)
{
    if (remedy->halt.most == MODE_OBSERVE)
        remedy_settle(remedy, OUTCOME_OBSERVED, "%s; %zu pods are on the Node", remedy->halt.why,
                      remedy->open);
    else if (remedy_right(remedy) == RIGHT_HISTORY)
        remedy_settle(remedy, OUTCOME_OBSERVED,
                      "the verdict %s gives no right to touch anything; %zu pods are on the Node",
                      verdict_names[remedy->plan.verdict], remedy->open);
    else if (remedy->halt.most == MODE_ANNOTATE)
        remedy_settle(remedy, OUTCOME_OBSERVED,
                      "would have cordoned the Node and annotated %zu pods; %s", remedy->open,
                      remedy->halt.why);
    else
        remedy_settle(remedy, OUTCOME_OBSERVED,
                      "would have deleted %zu pods and the Node, and annotated %zu pods of "
                      "DaemonSets",
                      remedy->open - remedy->daemons, remedy->daemons);
}

void remedy_observe(struct remedy *remedy)
{
    const char *why = remedy_lacks_evidence(remedy, REMEDY_MARK_POD);

    if (remedy->opted_out) {
        remedy_undo(remedy, OUTCOME_OPTED_OUT, "%s", remedy->opted_out);
    } else if (why &&
               (remedy_needs_lease(remedy) || remedy->plan.verdict == VERDICT_REPORTED)) {
        remedy_hold(remedy, why);
    } else {
        settle_observed(remedy);
    }
}
