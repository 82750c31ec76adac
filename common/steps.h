#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/record.h"

/*
 * How long after a panic's datagram each step came: a histogram a step, for the metrics.  They
 * travel in `stats` like any counter, as STEP_le_BOUND (how many took no longer than BOUND seconds
 * and longer than the bound before) and STEP_sum_us.
 */
enum step {
    STEP_KNOWN,    /* the correlator has the panic */
    STEP_JUDGED,   /* with a verdict that asks for more than a row in the history */
    STEP_RECORDED, /* its incident is on disk, which is when it is acknowledged */
    STEP_TOLD,     /* the Node is annotated and cordoned */
    STEP_POD_GONE, /* the first one */
    STEP_NODE_DELETED,
    STEP_CLOSED,
    STEPS,
};
extern const char *const step_names[]; /* known, judged, ... NULL */

#define STEP_BOUNDS 19
extern const char *const step_bounds[STEP_BOUNDS + 1]; /* in seconds; the last one is "+Inf" */

/* Zeroed, nothing was noted. */
struct steps {
    uint64_t counts[STEPS][STEP_BOUNDS + 1]; /* each bound's own, not those below */
    uint64_t sums_us[STEPS];
};

/* STEP of what was received at RECEIVED_US was done at NOW_US, both wall time. */
void steps_note(struct steps *steps, enum step step, uint64_t received_us, uint64_t now_us);

/* Adds what is not zero to OUT, whose array lives in ARENA, as counters_record() does. */
void steps_record(const struct steps *steps, struct arena *arena, struct counts *out);

/* Takes a counter of another stage's; false when it is none of a step. */
bool steps_take(struct steps *steps, const struct count *count);
