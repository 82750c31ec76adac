/*
 * How it works: leader election as client-go does it, and a budget in the same object.
 *
 * The Lease belongs to its holder, who renews it every 5 s.  Whoever is not the holder looks every
 * 2 s, and takes it once neither holder nor renewTime changed for 15 s of its own monotonic clock.
 * No clock is compared with another host's.  The holder counts from the moment at which it *began*
 * its last successful renewal, and stops writing 10 s after it: whoever takes over saw that renewal
 * later than that, and waits longer.
 *
 * Every write carries the resourceVersion that it is based on, so writes are in one order, and a
 * holder that was frozen finds out at its next one.  That is what the limits rest on, not on who
 * leads: a node is granted only after a write that has it in the annotation came back, so two hosts
 * that both believed to lead could still not pay for more than the limits allow.
 *
 * What a host learns from the object it keeps (limits_window.h), also through a takeover by another
 * and back.  A request without an answer may have been carried out: the object is read before
 * anything else is written.
 *
 * Between the check of ledger_state_may_write() and the arrival of the write lies time in which a
 * host can be frozen; nothing on this side can close that.  Such a write is about a node that was
 * paid for, and it names the uids that it is about.
 */
#include "actuator/ledger_state.h"

#include <stdlib.h>
#include <string.h>

#include "actuator/ledger_object.h"
#include "actuator/limits_window.h"
#include "common/json.h"
#include "common/memory.h"

enum wish { WISH_NOTHING, WISH_PAUSE, WISH_RESUME };

struct ledger_state {
    const char *identity;
    const struct limits *limits;
    struct limits_window *window;
    struct json_writer *writer;

    struct ledger_object *object; /* as it was last seen; NULL: never */
    bool missing, broken;
    bool stale;          /* somebody else may have written: to be read first */
    uint64_t looked_us;  /* when it was last seen */
    uint64_t changed_us; /* when its holder was last seen to renew it */
    uint64_t renewed_us; /* when our last successful renewal began; 0: we do not hold it */
    uint64_t retry_us;   /* nothing is sent before */

    enum ledger_step under_way;
    uint64_t sent_us;
    bool sent_renewal;
    enum wish wish, sent_wish;
    bool releasing, released;

    char latch[LIMITS_WHY_SIZE]; /* why we latch, until it is written */
    uint64_t armed_us;           /* after a resume, it latches again only from then on */
};

struct ledger_state *ledger_state_new(const char *identity, const struct limits *limits)
{
    struct ledger_state *state = xcalloc(1, sizeof(*state));

    state->identity = identity;
    state->limits = limits;
    state->window = limits_window_new(limits);
    state->writer = json_writer_new();
    return state;
}

void ledger_state_free(struct ledger_state *state)
{
    limits_window_free(state->window);
    json_writer_free(state->writer);
    ledger_object_free(state->object);
    free(state);
}

static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

const char *ledger_state_holder(const struct ledger_state *state)
{
    return state->object && state->object->holder ? state->object->holder : "";
}

static bool is_ours(const struct ledger_state *state)
{
    return same(ledger_state_holder(state), state->identity);
}

static bool is_free(const struct ledger_state *state, uint64_t now_us)
{
    return *ledger_state_holder(state) == '\0' || now_us >= state->changed_us + LEDGER_TAKE_US;
}

enum ledger_role ledger_state_role(const struct ledger_state *state, uint64_t now_us)
{
    if (state->missing)
        return LEDGER_MISSING;
    if (state->broken)
        return LEDGER_BROKEN;
    if (state->renewed_us > 0)
        return now_us < state->renewed_us + LEDGER_WRITE_US ? LEDGER_LEADS : LEDGER_LATE;
    if (!state->object || is_ours(state) || is_free(state, now_us))
        return LEDGER_UNKNOWN;
    return LEDGER_STANDBY;
}

const char *ledger_state_paused(const struct ledger_state *state)
{
    if (state->object && state->object->paused)
        return state->object->paused;
    return state->wish == WISH_PAUSE ? "here, and not yet written for all hosts" : NULL;
}

const char *ledger_state_latched(const struct ledger_state *state)
{
    if (state->object && state->object->latched)
        return state->object->latched;
    return *state->latch ? state->latch : NULL;
}

size_t ledger_state_touched(const struct ledger_state *state)
{
    return limits_window_touched(state->window);
}

uint64_t ledger_state_room(const struct ledger_state *state, const struct limits_sizes *sizes,
                           uint64_t now_us)
{
    return limits_window_room(state->window, sizes, now_us);
}

bool ledger_state_leads(const struct ledger_state *state, uint64_t now_us)
{
    return ledger_state_role(state, now_us) == LEDGER_LEADS && !state->releasing;
}

bool ledger_state_may_write(const struct ledger_state *state, uint64_t now_us)
{
    return ledger_state_leads(state, now_us) && !ledger_state_paused(state);
}

enum ledger_answer ledger_state_ask(struct ledger_state *state, const struct limits_sizes *sizes,
                                    const char *node, const char *zone, uint64_t now_us)
{
    if (ledger_state_role(state, now_us) == LEDGER_STANDBY)
        return LEDGER_ELSEWHERE;
    if (!ledger_state_may_write(state, now_us))
        return LEDGER_WAIT;
    if (limits_window_touch(state->window, node, now_us))
        return LEDGER_GRANTED;
    bool is_new = limits_window_want(state->window, node, zone, now_us);
    if (is_new && now_us >= state->armed_us && !ledger_state_latched(state))
        limits_window_overrun(state->window, sizes, now_us, state->latch);
    return LEDGER_WAIT;
}

void ledger_state_pause(struct ledger_state *state, bool pause)
{
    state->wish = pause ? WISH_PAUSE : WISH_RESUME;
}

bool ledger_state_is_settled(const struct ledger_state *state)
{
    return state->wish == WISH_NOTHING;
}

void ledger_state_release(struct ledger_state *state)
{
    state->releasing = true;
}

bool ledger_state_is_released(const struct ledger_state *state)
{
    return state->released;
}

/* The operator has seen that many want in: the limits hold, but it does not latch again at once. */
static void disarm(struct ledger_state *state, uint64_t now_us)
{
    uint64_t longest_us = 0;

    for (enum limits_rule rule = 0; rule < LIMITS_RULES; rule++) {
        if (state->limits->rule[rule].window_us > longest_us)
            longest_us = state->limits->rule[rule].window_us;
    }
    state->latch[0] = '\0';
    state->armed_us = now_us + longest_us;
}

/* OBJECT is what is on the server now. */
static void see(struct ledger_state *state, struct ledger_object *object, uint64_t now_us)
{
    struct ledger_object *old = state->object;

    if (!old || !same(old->holder, object->holder) || !same(old->renewed, object->renewed))
        state->changed_us = now_us;
    if (old && old->latched && !object->latched)
        disarm(state, now_us);
    state->object = object;
    state->looked_us = now_us;
    state->missing = state->stale = false;
    if (!is_ours(state))
        state->renewed_us = 0;
    ledger_object_free(old);
}

static void fail(struct ledger_state *state, uint64_t now_us)
{
    state->stale = true;
    state->retry_us = now_us + LEDGER_RETRY_US;
}

static void was_read(struct ledger_state *state, unsigned status, const char *body, size_t size,
                     uint64_t now_us)
{
    struct ledger_object *object = status == 200 ? ledger_object_read(body, size) : NULL;

    if (status == 404) {
        state->missing = true;
        state->renewed_us = 0;
    }
    if (!object) {
        fail(state, now_us);
        return;
    }
    if (!state->object || !same(state->object->version, object->version))
        state->broken =
            object->touched && !limits_window_read(state->window, object->touched, now_us);
    see(state, object, now_us);
    if (state->broken)
        state->renewed_us = 0;
}

static void was_written(struct ledger_state *state, unsigned status, const char *body, size_t size,
                        uint64_t now_us)
{
    bool written = status == 200;
    struct ledger_object *object = written ? ledger_object_read(body, size) : NULL;

    limits_window_paid(state->window, written, state->sent_us);
    if (!written) {
        fail(state, now_us);
        if (status == 409)
            state->retry_us = 0;
        state->released = state->releasing;
        return;
    }
    if (object)
        see(state, object, now_us);
    else
        fail(state, now_us);
    state->released = state->releasing;
    if (state->sent_renewal)
        state->renewed_us = state->releasing ? 0 : state->sent_us;
    if (state->sent_wish == WISH_RESUME)
        disarm(state, now_us);
    if (state->sent_wish == state->wish)
        state->wish = WISH_NOTHING;
    if (object && object->latched)
        state->latch[0] = '\0';
}

void ledger_state_answered(struct ledger_state *state, unsigned status, const char *body,
                           size_t size, uint64_t now_us)
{
    enum ledger_step step = state->under_way;

    state->under_way = LEDGER_REST;
    if (step == LEDGER_READ)
        was_read(state, status, body, size, now_us);
    else
        was_written(state, status, body, size, now_us);
}

static bool has_to_write(const struct ledger_state *state, const struct limits_sizes *sizes,
                         uint64_t now_us)
{
    return state->wish != WISH_NOTHING || state->releasing || *state->latch ||
           state->renewed_us == 0 || now_us >= state->renewed_us + LEDGER_RENEW_US ||
           limits_window_has_room(state->window, sizes, !ledger_state_latched(state), now_us);
}

static enum ledger_step choose(const struct ledger_state *state, const struct limits_sizes *sizes,
                               uint64_t now_us)
{
    bool may_hold = state->object && (is_ours(state) || is_free(state, now_us));

    if (state->under_way != LEDGER_REST || state->released || now_us < state->retry_us)
        return LEDGER_REST;
    if (!state->object || state->stale)
        return LEDGER_READ;
    if (!state->broken && may_hold && has_to_write(state, sizes, now_us))
        return LEDGER_WRITE;
    if (!state->broken && !may_hold && state->wish != WISH_NOTHING)
        return LEDGER_WRITE;
    bool holds = may_hold && state->renewed_us > 0;
    return !holds && now_us >= state->looked_us + LEDGER_LOOK_US ? LEDGER_READ : LEDGER_REST;
}

/* What the next write makes of the leadership. */
static void change_holder(const struct ledger_state *state, struct ledger_change *change,
                          const char *time)
{
    change->holder = state->releasing ? "" : state->identity;
    change->renewed = time;
    if (is_ours(state))
        return;
    change->acquired = time;
    change->transitions++;
}

static const char *write_body(struct ledger_state *state, const struct limits_sizes *sizes,
                              uint64_t now_us, uint64_t wall_us, size_t *size)
{
    const struct ledger_object *object = state->object;
    char time[CLOCK_TEXT_SIZE], *touched = NULL;
    struct ledger_change change = {
        .holder = object->holder,
        .acquired = object->acquired,
        .renewed = object->renewed,
        .transitions = object->transitions,
        .paused = object->paused,
        .latched = ledger_state_latched(state),
        .touched = object->touched,
    };

    clock_print(wall_us, time);
    char *paused = xasprintf("%s %s", time, state->identity);
    if (state->wish == WISH_PAUSE && !change.paused)
        change.paused = paused;
    if (state->wish == WISH_RESUME)
        change.paused = change.latched = NULL;
    state->sent_renewal = is_ours(state) || is_free(state, now_us);
    if (state->sent_renewal) {
        change_holder(state, &change, time);
        limits_window_age(state->window, now_us);
        limits_window_pay(state->window, sizes, !change.latched, now_us);
        change.touched = touched = limits_window_print(state->window, now_us);
    }
    const char *body = ledger_object_write(object, &change, state->writer, size);
    free(paused);
    free(touched);
    return body;
}

enum ledger_step ledger_state_next(struct ledger_state *state, const struct limits_sizes *sizes,
                                   uint64_t now_us, uint64_t wall_us, const char **body,
                                   size_t *size)
{
    if (state->releasing && state->renewed_us == 0 && state->under_way == LEDGER_REST)
        state->released = true;
    enum ledger_step step = choose(state, sizes, now_us);
    if (step == LEDGER_REST)
        return step;
    if (step == LEDGER_WRITE) {
        *body = write_body(state, sizes, now_us, wall_us, size);
        if (!*body) {
            limits_window_paid(state->window, false, now_us);
            state->broken = true;
            state->renewed_us = 0;
            return LEDGER_REST;
        }
        state->sent_wish = state->wish;
    }
    state->under_way = step;
    state->sent_us = now_us;
    return step;
}

uint64_t ledger_state_slides_us(const struct ledger_state *state, uint64_t now_us)
{
    return limits_window_slides_us(state->window, now_us);
}

uint64_t ledger_state_wake_us(const struct ledger_state *state, uint64_t now_us)
{
    uint64_t slides_us = ledger_state_slides_us(state, now_us);
    uint64_t late_us = state->renewed_us + LEDGER_WRITE_US;
    uint64_t renews_us = state->renewed_us + LEDGER_RENEW_US;

    if (state->released)
        return UINT64_MAX;
    if (state->under_way != LEDGER_REST)
        return now_us < late_us ? late_us : UINT64_MAX;
    if (now_us < state->retry_us)
        return state->retry_us;
    if (state->renewed_us == 0)
        return state->looked_us + LEDGER_LOOK_US;
    return slides_us < renews_us ? slides_us : renews_us;
}
