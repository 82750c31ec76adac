#pragma once

#include <sys/queue.h>

#include "actuator/limits_window.h"
#include "common/clock.h"

/* Inside the window: limits_window.c keeps the table, limits_admit.c decides who gets in. */

/* Whoever still wants in asks again when it is told that something changed; who does not is gone.
 */
#define LIMITS_WANT_US US_PER_SECOND
/* What the annotation may hold of the 256 KiB of all annotations. */
#define LIMITS_TEXT_MAX (200 * 1024)
#define LIMITS_BUCKETS  1024

struct touch {
    char *node, *zone;
    uint64_t paid_us;  /* 0: not paid for */
    uint64_t asked_us; /* last wanted in; 0: has what it wanted */
    bool repay;        /* it is still touched, a while after it was paid */
    bool sent;         /* the write under way pays for it */
    struct touch *same_bucket;
    TAILQ_ENTRY(touch) link;
};

struct limits_window {
    const struct limits *limits;
    uint64_t longest_us, cover_us;
    TAILQ_HEAD(, touch) all;
    size_t count;
    struct touch *buckets[LIMITS_BUCKETS];
};

/* How much TOUCH takes in the annotation, at most. */
size_t limits_line_size(const struct touch *touch);
