/*
 * After a Node was deleted its machine is watched for 10 minutes, by the prober that watched it
 * before: a kubelet registers once per process (kubernetes/pkg/kubelet, registerWithAPIServer), so
 * one that was alive after all goes on answering and never makes its Node again.  A machine that
 * booted anew answers and registers within moments, hence the pause before we look.
 */
#include "actuator/engine_internal.h"

#include <stdlib.h>

#include "actuator/counts.h"
#include "common/clock.h"
#include "common/memory.h"

#define WATCH_US    (10 * US_PER_MINUTE)
#define REGISTER_US (10 * US_PER_SECOND)

bool engine_watches(const struct work *work)
{
    const struct incident *incident = work->incident;

    return work->outcome == OUTCOME_DELETED && work->engine->setup.dry == REMEDY_REAL &&
           (incident->verdict == VERDICT_SILENT || incident->verdict == VERDICT_UNPROBABLE);
}

void engine_watch_begin(struct work *work, uint64_t since_wall_us)
{
    work->watch.on = work->watch.was_on = true;
    work->watch.until_wall_us = since_wall_us + WATCH_US;
    work->heard_us = 0;
}

static void finish(struct work *work, enum outcome outcome, const char *detail)
{
    if (work->watch.call)
        kube_cancel(work->watch.call);
    work->watch.call = NULL;
    work->watch.on = false;
    work->recorded = false;
    engine_end(work, outcome, detail);
}

static void strand(struct work *work)
{
    const struct answer_node *node = remedy_node(work->remedy);
    const char *address = node ? node->address : work->incident->address;
    char *detail = xasprintf(
        "%s answers, but has no Node %s any more: its kubelet lives and registers only when it "
        "starts. Restart the kubelet there, or the machine; the labels, annotations and taints "
        "that the Node had are kept with this incident. Before: %s",
        address, work->incident->node, work->detail);

    work->engine->setup.counts[COUNT_STRANDED]++;
    finish(work, OUTCOME_STRANDED, detail);
    free(detail);
}

static void on_node(void *arg, const struct kube_answer *answer)
{
    struct work *work = arg;

    work->watch.call = NULL;
    if (!work->watch.on || work->watch.answered_us == 0)
        return;
    if (answer->status == 404)
        strand(work);
    else if (answer->status == 200)
        finish(work, OUTCOME_DELETED, work->detail); /* it has registered again */
    else
        work->watch.answered_us = clock_monotonic_us(); /* asked again after as long */
}

void engine_watch_retract(struct work *work, enum retract_why why)
{
    if (why != RETRACT_ANSWERS)
        finish(work, OUTCOME_DELETED, work->detail);
    else if (work->watch.answered_us == 0)
        work->watch.answered_us = clock_monotonic_us();
}

void engine_watch_tick(struct work *work, uint64_t now_us)
{
    const struct watch *watch = &work->watch;
    struct bodies_call call;

    if (!watch->on || watch->call)
        return;
    if (watch->answered_us > 0 && now_us >= watch->answered_us + REGISTER_US) {
        bodies_build_node(work->incident->node, &call);
        work->watch.call =
            kube_submit(work->engine->setup.client,
                        &(struct kube_request){
                            .verb = call.verb, .path = call.path, .done = on_node, .arg = work });
    } else if (watch->answered_us == 0 && clock_wall_us() >= watch->until_wall_us) {
        finish(work, OUTCOME_DELETED, work->detail);
    }
}
