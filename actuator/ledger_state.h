#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actuator/ledger.h"
#include "actuator/limits.h"
#include "common/clock.h"

/*
 * The ledger without its requests: what is known of the Lease, and from an answer the next request.
 * Pure: times are the caller's, by its monotonic clock unless they are called wall.
 */
#define LEDGER_RENEW_US                                                                            \
    (5 * US_PER_SECOND)                      /* the holder renews this long after it last began to \
                                              */
#define LEDGER_WRITE_US (10 * US_PER_SECOND) /* and writes for this long at most */
#define LEDGER_TAKE_US  (15 * US_PER_SECOND) /* unchanged for so long, it is anybody's */
#define LEDGER_LOOK_US  (2 * US_PER_SECOND)  /* others look this often */
#define LEDGER_RETRY_US US_PER_SECOND

struct ledger_state;

/* IDENTITY and LIMITS outlive the state. */
struct ledger_state *ledger_state_new(const char *identity, const struct limits *limits);
void ledger_state_free(struct ledger_state *state);

enum ledger_role {
    LEDGER_UNKNOWN, /* not read yet, or nobody's: we try to take it */
    LEDGER_MISSING, /* there is no such object */
    LEDGER_BROKEN,  /* the object holds what we cannot read */
    LEDGER_STANDBY, /* another host acts */
    LEDGER_LEADS,   /* we act */
    LEDGER_LATE,    /* we would, but could not renew in time */
};
enum ledger_role ledger_state_role(const struct ledger_state *state, uint64_t now_us);
const char *ledger_state_holder(const struct ledger_state *state);  /* "": nobody */
const char *ledger_state_paused(const struct ledger_state *state);  /* NULL: it is not */
const char *ledger_state_latched(const struct ledger_state *state); /* NULL: it is not */
size_t ledger_state_touched(const struct ledger_state *state);
/* How many more the limits allow at this moment, those of zones aside; UINT64_MAX: not known. */
uint64_t ledger_state_room(const struct ledger_state *state, const struct limits_sizes *sizes,
                           uint64_t now_us);

enum ledger_answer ledger_state_ask(struct ledger_state *state, const struct limits_sizes *sizes,
                                    const char *node, const char *zone, uint64_t now_us);
bool ledger_state_leads(const struct ledger_state *state, uint64_t now_us);
bool ledger_state_may_write(const struct ledger_state *state, uint64_t now_us);
void ledger_state_pause(struct ledger_state *state, bool pause);
/* Whether what ledger_state_pause() asked for last is on the server. */
bool ledger_state_is_settled(const struct ledger_state *state);
void ledger_state_release(struct ledger_state *state);
bool ledger_state_is_released(const struct ledger_state *state);

enum ledger_step { LEDGER_REST, LEDGER_READ, LEDGER_WRITE };

/* The next request, which is under way from then on; BODY of a write is valid until it is answered.
 */
enum ledger_step ledger_state_next(struct ledger_state *state, const struct limits_sizes *sizes,
                                   uint64_t now_us, uint64_t wall_us, const char **body,
                                   size_t *size);
void ledger_state_answered(struct ledger_state *state, unsigned status, const char *body,
                           size_t size, uint64_t now_us);
/* When the next node leaves the window; UINT64_MAX: none is in it. */
uint64_t ledger_state_slides_us(const struct ledger_state *state, uint64_t now_us);
/* When to ask for the next request, or tell who waits, at the latest. */
uint64_t ledger_state_wake_us(const struct ledger_state *state, uint64_t now_us);
