#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How many requests may be in flight at once, over all incidents.  More than the API server works
 * on at a time only wait in its queue, each for longer, and when that is full it refuses, for up to
 * 32 s.  So a refusal (429) halves the window, once for all that were sent under it, and each
 * windowful of answers widens it by one, up to the size that it starts with.  Beyond that it widens
 * only while writes are answered as fast as they ever were, so that more of them at once are more
 * in the same time, and narrows again when they take twice as long.  Pure.
 */
#define WINDOW_START 16
#define WINDOW_MOST  100

struct window {
    unsigned size;
    unsigned answers;    /* since it last changed or was judged */
    unsigned writes;     /* of these */
    uint64_t took_us;    /* all those writes together */
    uint64_t fastest_us; /* what a write took in the best of all windowfuls; 0: none was yet */
    uint64_t halved_us;  /* monotonic; what was sent before it says nothing new */
};

struct window_answer {
    unsigned status; /* HTTP's; 0: no whole answer */
    bool wrote;
    uint64_t sent_us, answered_us; /* monotonic */
    size_t in_flight;              /* requests, this one among them */
};

void window_init(struct window *window);
void window_answered(struct window *window, const struct window_answer *answer);
