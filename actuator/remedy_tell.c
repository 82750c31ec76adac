/*
 * What is told, and no more: a drill, and what a node says late of a boot that is over.  Anybody on
 * the node can say either, so that nothing of the Node and its pods is written, nothing is paid for
 * out of the limits, and no Lease is looked at.  But it ends as told only when the API server has
 * its Events: a drill that says so without them would prove nothing.
 *
 * Of a boot that is over the pods that started before the present one are those that died with it:
 * their owners are told.  After a restart of ours it is not known any more which these are.
 */
#include "actuator/remedy_state.h"

#include <string.h>

#include "common/clock.h"

static bool lists(const struct remedy *remedy)
{
    return remedy->plan.verdict == VERDICT_LATE && remedy->plan.booted_us != RECORD_ABSENT;
}

void remedy_tell_begin(struct remedy *remedy)
{
    remedy_ask_node(remedy, REMEDY_READ_NODE, 0);
    if (lists(remedy))
        remedy_list(remedy);
}

/* Both times are RFC 3339 in UTC to the second, as Kubernetes writes them. */
bool remedy_tells_of(const struct remedy *remedy, const struct answer_pod *pod)
{
    static const char seconds[] = "2026-11-23T06:12:20";
    char booted[CLOCK_TEXT_SIZE];

    if (!lists(remedy))
        return true;
    clock_print(remedy->plan.booted_us, booted);
    return pod->started && strncmp(pod->started, booted, strlen(seconds)) < 0;
}

static size_t count_owners(const struct remedy *remedy)
{
    size_t count = 0;

    for (const struct owner_of *owner = remedy->owners; owner; owner = owner->next)
        count += owner->seen.pods > 0;
    return count;
}

static void settle(struct remedy *remedy)
{
    size_t owners = count_owners(remedy);

    if (remedy->events_lost > 0)
        remedy_settle(remedy, OUTCOME_REFUSED, "%zu Events were not taken: %s", remedy->events_lost,
                      remedy->refusal);
    else if (remedy->plan.dry != REMEDY_REAL)
        remedy_settle(remedy, OUTCOME_DRY_RUN,
                      "had it been real: an Event on the Node and %zu owners of pods told", owners);
    else
        remedy_settle(remedy, OUTCOME_TOLD,
                      "an Event on the Node, %zu owners of pods told; nothing else is done",
                      owners);
}

void remedy_tell_advance(struct remedy *remedy)
{
    const char *why = remedy_barred(remedy, REMEDY_EVENT);

    if (lists(remedy) && !remedy->list_whole)
        return;
    if (remedy->opted_out) {
        remedy_settle(remedy, OUTCOME_OPTED_OUT, "%s", remedy->opted_out);
    } else if (remedy->level == MODE_OBSERVE) {
        remedy_settle(remedy, OUTCOME_OBSERVED,
                      "would have sent an Event on the Node, and told %zu owners of pods",
                      count_owners(remedy));
    } else if (why && remedy->leave == REMEDY_LEAVE_ELSEWHERE) {
        remedy_settle(remedy, OUTCOME_ELSEWHERE, "another host leads, and tells");
    } else if (why) {
        remedy_hold(remedy, why);
    } else if (!remedy->events_queued) {
        remedy_hold(remedy, NULL);
        remedy->events_queued = true;
        remedy_tell_node(remedy, NULL);
        remedy_tell_owners(remedy);
    } else if (remedy->events_open == 0) {
        settle(remedy);
    }
}
