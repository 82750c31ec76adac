#pragma once

#include "correlator/kubelets.h"

/*
 * How many Nodes could be judged by their silence.  To ask that of every Node at once would keep
 * the loop for too long, so a part of them is looked at a second, all within a minute.  Pure.
 */
struct coverage {
    uint32_t cursor;
    size_t seen;     /* probable ones, of the walk under way */
    size_t probable; /* by the last whole walk */
};

/* Whether silence counts of a Node that last answered at ANSWERED_US (0: never). */
bool coverage_is_probable(uint64_t answered_us, uint64_t now_us, uint64_t baseline_us);

/* To be called each second. */
void coverage_pass(struct coverage *coverage, const struct nodemap *map,
                   const struct kubelets *kubelets, uint64_t now_us, uint64_t baseline_us);
