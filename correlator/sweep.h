#pragma once

#include <stddef.h>
#include <stdint.h>

#include "correlator/kubelets.h"

/*
 * When which kubelet port is tried: each one once a period, evenly spread, and those that were
 * never tried within a tenth of it.  Pure.
 */
struct sweep {
    size_t next;                 /* of all, in turn */
    size_t next_untried;         /* where the search for those goes on */
    uint64_t looked_us;          /* monotonic; 0: not yet */
    uint64_t owed, owed_untried; /* millionths of a try that are due */
};

#define SWEEP_RATE_LEAST 50   /* untried ones a second, when there are few */
#define SWEEP_RATE_MOST  1000 /* tries a second of either kind, however many there are */

/* Lets the time until NOW_US pass, of which at most a second counts: after a gap of our own loop
 * nothing is made up for. */
void sweep_pass(struct sweep *sweep, const struct kubelets *kubelets, uint64_t period_us,
                uint64_t now_us);

/* The index of the next port to try, which is marked as tried; SIZE_MAX when none is due. */
size_t sweep_next(struct sweep *sweep, struct kubelets *kubelets);
