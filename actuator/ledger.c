/* The ledger's requests, timers and words; what they mean is in ledger_state.c. */
#include "actuator/ledger.h"

#include <event2/event.h>
#include <stdlib.h>

#include "actuator/ledger_object.h"
#include "actuator/ledger_state.h"
#include "actuator/ledger_words.h"
#include "actuator/limits_census.h"
#include "common/clock.h"
#include "common/kube/http.h"
#include "common/log.h"
#include "common/memory.h"

/* A connection that fell silent is given up while there is still time to renew over another. */
#define ANSWER_US (3 * US_PER_SECOND)

struct ledger {
    struct ledger_setup setup;
    struct ledger_state *state;
    struct limits_census *census;
    struct kube_call *call; /* under way */
    const char *verb;
    struct event *pump, *wake;
    uint64_t slides_us; /* when the next node leaves the window, as of the last pump */

    enum ledger_role role; /* as it was last said */
    bool paused, latched, failing;

    void (*written)(void *arg); /* of ledger_pause() */
    void *written_arg;
    void (*released)(void *arg); /* of ledger_release() */
    void *released_arg;
};

static const struct limits_sizes *sizes(struct ledger *ledger)
{
    return limits_census_sizes(ledger->census);
}

static void say_role(const struct ledger *ledger)
{
    switch (ledger->role) {
    case LEDGER_UNKNOWN:
        log_info("nobody is known to hold the ledger");
        break;
    case LEDGER_MISSING:
        log_alert("there is no Lease lastgasp in the namespace lastgasp: no node is touched until "
                  "it is there (kubectl apply -f ledger.yaml)");
        break;
    case LEDGER_BROKEN:
        log_alert("the annotation " LEDGER_TOUCHED " of the Lease lastgasp/lastgasp cannot be "
                  "read: no node is touched until it is mended, or taken off");
        break;
    case LEDGER_STANDBY:
        log_notice("%s acts; this host stands by", ledger_state_holder(ledger->state));
        break;
    case LEDGER_LEADS:
        log_notice("this host acts, as %s; %zu nodes were touched lately", ledger->setup.identity,
                   ledger_state_touched(ledger->state));
        break;
    case LEDGER_LATE:
        log_error("the ledger could not be renewed for 10 s: this host writes nothing more until "
                  "it can");
        break;
    }
}

static void say_pause(struct ledger *ledger)
{
    const char *paused = ledger_state_paused(ledger->state);
    const char *latched = ledger_state_latched(ledger->state);

    if (!ledger->paused && paused)
        log_warning("paused: %s", paused);
    if (!ledger->latched && latched)
        log_alert("latched: %s; no further node is touched until `lastgasp-incidents resume`",
                  latched);
    if ((ledger->paused && !paused) || (ledger->latched && !latched))
        log_notice("%s", paused || latched ? "resumed in part" : "resumed");
    ledger->paused = paused;
    ledger->latched = latched;
}

/* Says what is different; whether anything is. */
static bool note_changes(struct ledger *ledger)
{
    enum ledger_role role = ledger_state_role(ledger->state, clock_monotonic_us());
    bool paused = ledger_state_paused(ledger->state);
    bool latched = ledger_state_latched(ledger->state);
    bool changed = role != ledger->role || paused != ledger->paused || latched != ledger->latched;

    if (role != ledger->role) {
        ledger->role = role;
        say_role(ledger);
    }
    say_pause(ledger);
    return changed;
}

static void pump_soon(struct ledger *ledger)
{
    event_active(ledger->pump, EV_TIMEOUT, 0);
}

static void tell_changed(struct ledger *ledger)
{
    ledger->setup.changed(ledger->setup.arg);
}

static void note_reachability(struct ledger *ledger, const struct kube_answer *answer)
{
    char message[KUBE_ERROR_SIZE];
    bool well = answer->status == 200 || answer->status == 404 || answer->status == 409;

    *ledger->setup.failures += !well || answer->status == 404;
    if (!well && !ledger->failing) {
        kube_describe(ledger->verb, LEDGER_NAME, answer, message, sizeof(message));
        log_warning("%s (tried again each second)", message);
    } else if (well && ledger->failing) {
        log_notice("the ledger answers again");
    }
    ledger->failing = !well;
}

static void tell_settled(struct ledger *ledger)
{
    void (*written)(void *arg) = ledger->written;
    void (*released)(void *arg) = ledger->released;

    if (written && ledger_state_is_settled(ledger->state)) {
        ledger->written = NULL;
        written(ledger->written_arg);
    }
    if (released && ledger_state_is_released(ledger->state)) {
        ledger->released = NULL;
        released(ledger->released_arg);
    }
}

static void on_answer(void *arg, const struct kube_answer *answer)
{
    struct ledger *ledger = arg;
    bool wrote = ledger->verb[0] == 'P' && answer->status == 200;

    ledger->call = NULL;
    note_reachability(ledger, answer);
    ledger_state_answered(ledger->state, answer->status, answer->body, answer->size,
                          clock_monotonic_us());
    if (note_changes(ledger) || wrote)
        tell_changed(ledger);
    pump_soon(ledger);
}

static void submit(struct ledger *ledger, enum ledger_step step, const char *body, size_t size)
{
    ledger->verb = step == LEDGER_WRITE ? "PUT" : "GET";
    ledger->call =
        kube_submit(ledger->setup.client, &(struct kube_request){
                                              .verb = ledger->verb,
                                              .path = LEDGER_PATH,
                                              .content_type = body ? "application/json" : NULL,
                                              .body = body,
                                              .body_size = size,
                                              .answer_us = ANSWER_US,
                                              .done = on_answer,
                                              .arg = ledger,
                                          });
}

static void wake_at(struct ledger *ledger, uint64_t at_us, uint64_t now_us)
{
    if (at_us == UINT64_MAX)
        return;
    uint64_t delay_us = at_us > now_us ? at_us - now_us : 0;
    struct timeval delay = { (time_t)(delay_us / US_PER_SECOND),
                             (suseconds_t)(delay_us % US_PER_SECOND) };
    evtimer_add(ledger->wake, &delay);
}

static void on_pump(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct ledger *ledger = arg;
    uint64_t now_us = clock_monotonic_us();
    const char *body = NULL;
    size_t size = 0;

    enum ledger_step step =
        ledger_state_next(ledger->state, sizes(ledger), now_us, clock_wall_us(), &body, &size);
    if (step != LEDGER_REST)
        submit(ledger, step, body, size);
    tell_settled(ledger);

    bool slid = now_us >= ledger->slides_us;
    ledger->slides_us = ledger_state_slides_us(ledger->state, now_us);
    if (note_changes(ledger) || slid)
        tell_changed(ledger);
    if (ledger->role == LEDGER_LEADS)
        limits_census_keep(ledger->census);
    wake_at(ledger, ledger_state_wake_us(ledger->state, now_us), now_us);
}

static void on_census(void *arg)
{
    struct ledger *ledger = arg;

    tell_changed(ledger);
    pump_soon(ledger);
}

struct ledger *ledger_new(const struct ledger_setup *setup)
{
    struct ledger *ledger = xcalloc(1, sizeof(*ledger));

    ledger->setup = *setup;
    ledger->slides_us = UINT64_MAX;
    ledger->state = ledger_state_new(setup->identity, setup->limits);
    ledger->census = limits_census_new(setup->client, on_census, ledger);
    ledger->pump = event_new(setup->base, -1, 0, on_pump, ledger);
    ledger->wake = evtimer_new(setup->base, on_pump, ledger);
    pump_soon(ledger);
    return ledger;
}

void ledger_free(struct ledger *ledger)
{
    if (!ledger)
        return;
    if (ledger->call)
        kube_cancel(ledger->call);
    limits_census_free(ledger->census);
    ledger_state_free(ledger->state);
    event_free(ledger->pump);
    event_free(ledger->wake);
    free(ledger);
}

enum ledger_answer ledger_ask(struct ledger *ledger, const char *node, const char *zone)
{
    enum ledger_answer answer =
        ledger_state_ask(ledger->state, sizes(ledger), node, zone, clock_monotonic_us());

    if (answer == LEDGER_WAIT && ledger->role == LEDGER_LEADS) {
        if (ledger->setup.limits->rule[LIMITS_ZONE_PERCENT].value > 0)
            limits_census_need_zones(ledger->census);
        pump_soon(ledger);
    }
    return answer;
}

bool ledger_may_write(const struct ledger *ledger)
{
    return ledger_state_may_write(ledger->state, clock_monotonic_us());
}

bool ledger_leads(const struct ledger *ledger)
{
    return ledger_state_leads(ledger->state, clock_monotonic_us());
}

const char *ledger_elsewhere(const struct ledger *ledger)
{
    bool elsewhere = ledger_state_role(ledger->state, clock_monotonic_us()) == LEDGER_STANDBY;
    return elsewhere ? ledger_state_holder(ledger->state) : NULL;
}

void ledger_describe(const struct ledger *ledger, char *words)
{
    ledger_words(ledger->state, limits_census_sizes(ledger->census), clock_monotonic_us(), words);
}

void ledger_pause(struct ledger *ledger, bool pause, void (*written)(void *arg), void *arg)
{
    ledger->written = written;
    ledger->written_arg = arg;
    ledger_state_pause(ledger->state, pause);
    pump_soon(ledger);
}

struct ledger_view ledger_look(const struct ledger *ledger)
{
    return (struct ledger_view){
        .paused = ledger_state_paused(ledger->state) != NULL,
        .latched = ledger_state_latched(ledger->state) != NULL,
        .touched = ledger_state_touched(ledger->state),
    };
}

void ledger_release(struct ledger *ledger, void (*done)(void *arg), void *arg)
{
    ledger->released = done;
    ledger->released_arg = arg;
    ledger_state_release(ledger->state);
    pump_soon(ledger);
}
