#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/record.h"

struct evbuffer;

/*
 * What each stage last said of itself in `stats`, printed as metrics in Prometheus' text format by
 * the table of common/metrics.h.  Pure.
 *
 * There may be several listeners at once: each has a number, the smallest that is free, which is a
 * label of its metrics.  So one that is started anew is the same one with its counters reset, which
 * Prometheus knows how to take.  What was not said again for 35 s, or by one that left, is gone.
 */
#define STAGES_FRESH_US (35 * US_PER_SECOND) /* they say it every 10 s */

struct stages;

struct stages *stages_new(void);
void stages_free(struct stages *stages);

/* PEER, which stands for one process of the stage OF, counts this.  Further ones than the channel
 * has peers are left out. */
void stages_take(struct stages *stages, enum role of, const void *peer, const struct counts *counts,
                 uint64_t now_us);
void stages_forget(struct stages *stages, const void *peer);

/* How many of the stage OF are there, by what they said. */
size_t stages_count(const struct stages *stages, enum role of, uint64_t now_us);

void stages_print(const struct stages *stages, uint64_t now_us, struct evbuffer *out);
