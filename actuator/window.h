#pragma once

#include <stdint.h>

/*
 * How many requests may be in flight at once, over all incidents.  More than the API server works
 * on at a time only wait in its queue, and when that is full it refuses, for up to 32 s: so a
 * refusal (429) halves the window, once for all that were sent under it, and each windowful of
 * answers widens it by one.  Pure.
 */
#define WINDOW_START 16
#define WINDOW_MOST  100

struct window {
    unsigned size;
    unsigned good;      /* answers since it last grew */
    uint64_t halved_us; /* monotonic; what was sent before it says nothing new */
};

void window_init(struct window *window);
void window_answered(struct window *window, unsigned status, uint64_t sent_us, uint64_t now_us);
