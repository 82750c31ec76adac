#include "actuator/remedy_state.h"

#include "common/clock.h"

/* How often a host that does not lead looks at what the one that does has done. */
#define STAND_BY_US (3 * US_PER_SECOND)

void remedy_let_through(struct remedy *remedy)
{
    struct remedy_task *task;

    if (!remedy->held.first || remedy_barred(remedy, REMEDY_MARK_POD))
        return;
    if (!remedy_is_identified(remedy, REMEDY_MARK_POD)) {
        if (!remedy->node_busy)
            remedy_ask_node(remedy, REMEDY_READ_NODE, 0);
        return;
    }
    while ((task = remedy_pop(&remedy->held)))
        remedy_push(&remedy->acts, task);
}

/* All that may be done about the pods, and then about the Node. */
static void remove_all(struct remedy *remedy)
{
    const char *why = remedy_barred(remedy, REMEDY_MARK_POD);

    remedy_hold(remedy, why ? why : remedy_lacks_reading(remedy));
    if (why)
        return;
    if (!remedy->released) {
        remedy_tell_removal(remedy);
        remedy_release_pods(remedy);
    }
    remedy_let_through(remedy);
    if (remedy->open > 0)
        return;
    if (remedy->anew) {
        remedy_list_anew(remedy);
        return;
    }
    if (remedy->plan.dry == REMEDY_REAL && (!remedy->list_settled || remedy->list_found)) {
        remedy_list(remedy);
        if (remedy->level == MODE_NODE && !remedy->node_busy)
            remedy_ask_node(remedy, REMEDY_READ_NODE, 0);
        return;
    }
    if (!remedy->node_busy)
        remedy_finish_node(remedy);
}

static void mark(struct remedy *remedy)
{
    const char *why = remedy_barred(remedy, REMEDY_MARK_NODE);

    remedy_hold(remedy, why);
    if (!why && !remedy->node_busy)
        remedy_ask_node(remedy, REMEDY_MARK_NODE, 0);
}

/* Pods that wait in the queues were to be removed, and now they are not. */
static bool opted_out_meanwhile(const struct remedy *remedy)
{
    return remedy->released && remedy->released_level >= MODE_PODS && remedy->level < MODE_PODS;
}

void remedy_advance(struct remedy *remedy)
{
    if (remedy->over)
        return;
    remedy_lease_say(remedy);
    if (remedy->ending.begun) {
        remedy_advance_ending(remedy);
        return;
    }
    if (!remedy->node)
        return;
    if (rights_only_tell(remedy->plan.verdict)) {
        remedy_tell_advance(remedy);
        return;
    }
    if (opted_out_meanwhile(remedy)) {
        remedy_opt_out(remedy);
        return;
    }
    if (remedy->level == MODE_OBSERVE) {
        if (remedy->list_whole)
            remedy_observe(remedy);
        return;
    }
    if (!remedy->marked) {
        mark(remedy);
    } else if (remedy->list_whole) {
        if (!remedy->events_queued)
            remedy_tell_pods(remedy);
        remedy->events_queued = true;
        remove_all(remedy);
    }
    if (!remedy->over && remedy->leave == REMEDY_LEAVE_ELSEWHERE && !remedy->node_busy)
        remedy_ask_node(remedy, REMEDY_READ_NODE, STAND_BY_US);
}
