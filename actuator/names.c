#include "actuator/names.h"

#include <stdlib.h>

#include "common/memory.h"

static const struct {
    const char *words, *preposition, *reason, *condition;
} causes[NAMES_CAUSES] = {
    [CAUSE_KERNEL_PANIC] = { "kernel panic", "on", "NodeKernelPanic", "KernelPanic" },
    [CAUSE_HALT] = { "orderly shutdown", "of", "NodeHalt", "Halt" },
    [CAUSE_DRILL] = { "drill", "on", "NodeDrill", "Drill" },
    [CAUSE_PREEMPTED] = { "preemption", "of", "NodePreempted", "Preempted" },
    [CAUSE_HARDWARE] = { "hardware failure", "on", "NodeHardwareFailure", "HardwareFailure" },
    [CAUSE_OTHER] = { "failure", "of", "NodeFailure", "Failure" },
};

struct names *names_new(const char *domain)
{
    struct names *names = xcalloc(1, sizeof(*names));
    names->pod_reason = xasprintf("pod.%s/pod-termination-reason", domain);
    names->pod_reason_code = xasprintf("pod.%s/pod-termination-reason-code", domain);
    names->pod_reason_detail = xasprintf("pod.%s/pod-termination-reason-detail", domain);
    names->pod_by_caller = xasprintf("pod.%s/pod-termination-by-caller", domain);
    names->node_reason = xasprintf("node.%s/node-termination-reason", domain);
    names->node_by_caller = xasprintf("node.%s/node-termination-by-caller", domain);
    names->node_set = xasprintf("node.%s/lastgasp-set", domain);
    names->node_lastgasp = xasprintf("node.%s/lastgasp", domain);
    names->pod_lastgasp = xasprintf("pod.%s/lastgasp", domain);
    for (unsigned cause = 0; cause < NAMES_CAUSES; cause++)
        names->condition[cause] = xasprintf("%s/%s", domain, causes[cause].condition);
    return names;
}

void names_free(struct names *names)
{
    if (!names)
        return;
    free(names->pod_reason);
    free(names->pod_reason_code);
    free(names->pod_reason_detail);
    free(names->pod_by_caller);
    free(names->node_reason);
    free(names->node_by_caller);
    free(names->node_set);
    free(names->node_lastgasp);
    free(names->pod_lastgasp);
    for (unsigned cause = 0; cause < NAMES_CAUSES; cause++)
        free(names->condition[cause]);
    free(names);
}

const char *names_reason(enum cause cause)
{
    return causes[cause].reason;
}

const char *names_cause(enum cause cause)
{
    return causes[cause].words;
}

const char *names_preposition(enum cause cause)
{
    return causes[cause].preposition;
}
