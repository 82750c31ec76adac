#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actuator/limits.h"

/*
 * The nodes that were touched lately, over all hosts, and those that want in.  Pure; all times are
 * of the caller's monotonic clock.
 *
 * A node is paid for by being in the annotation that all hosts share.  A payment covers touches for
 * 15 s (a quarter of the shortest window, if that is less).  It is granted in the first 10 of them,
 * so that an answer holds for 5 s; what is granted in the second 5 is paid again by the next write
 * of the ledger; and a node counts until its last payment, that cover and the limit's window are
 * over.  So in any time as long as a limit's window no more nodes than it allows are touched,
 * whichever host dies or freezes in between.
 */
struct limits_window;

/* LIMITS outlives it. */
struct limits_window *limits_window_new(const struct limits *limits);
void limits_window_free(struct limits_window *window);

/* Whether NODE is paid for, and may be touched for 5 s. */
bool limits_window_touch(struct limits_window *window, const char *node, uint64_t now_us);

/* NODE wants in, which holds for a second and counts for the latch.  Whether it did not before. */
bool limits_window_want(struct limits_window *window, const char *node, const char *zone,
                        uint64_t now_us);

/*
 * Chooses what the next write pays for: again what is still touched a while after it was paid, and
 * whoever wants in, in the order in which they first asked, as far as the limits allow; without
 * ADMIT only nodes that are in the window already.
 */
void limits_window_pay(struct limits_window *window, const struct limits_sizes *sizes, bool admit,
                       uint64_t now_us);
/* Whether that would let anyone in. */
bool limits_window_has_room(const struct limits_window *window, const struct limits_sizes *sizes,
                            bool admit, uint64_t now_us);
/* How many more could get in, the limits of zones aside; UINT64_MAX: it cannot be said. */
uint64_t limits_window_room(const struct limits_window *window, const struct limits_sizes *sizes,
                            uint64_t now_us);
/* That write, made at SENT_US, is on the server; or nobody knows. */
void limits_window_paid(struct limits_window *window, bool written, uint64_t sent_us);

/* When the next node leaves a limit's window; UINT64_MAX: none is in one. */
uint64_t limits_window_slides_us(const struct limits_window *window, uint64_t now_us);

/* Whether in one window more than twice as many wanted in as a limit allows: which, in WHY. */
bool limits_window_overrun(const struct limits_window *window, const struct limits_sizes *sizes,
                           uint64_t now_us, char why[LIMITS_WHY_SIZE]);

/* Forgets what no limit asks for any more. */
void limits_window_age(struct limits_window *window, uint64_t now_us);

/* The annotation: a line a node, "NAME AGE ZONE" with the age in seconds; what is being paid for
 * has age 0.  The text is the caller's to free. */
char *limits_window_print(const struct limits_window *window, uint64_t now_us);
/* Adds what TEXT says; what is known already has the younger of the two ages.  False, with nothing
 * added, when TEXT is not such lines. */
bool limits_window_read(struct limits_window *window, const char *text, uint64_t now_us);

/* How many nodes are paid for. */
size_t limits_window_touched(const struct limits_window *window);
