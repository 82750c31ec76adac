/*
 * How it works.  Incidents stand in one list, oldest first.  engine_pump goes along it and lets
 * each send what it can, until the window is full: first everything that lets pods start elsewhere,
 * of all incidents, then what only tells people.  So the oldest is finished first and the next ones
 * fill what it leaves free; sharing the window fairly would finish all of them last.
 *
 * The pump runs after every answer, at the end of the loop's turn, so that the answers of one turn
 * are all known before it chooses.  A timer runs it when a remedy waits for time to pass (an
 * attempt made again, volumes, expiry); no other step waits for a timer.
 *
 * An incident that has ended is written to the database by whoever runs the turn (setup.ended),
 * and freed once that is on disk and its last Event was answered.
 */
#include "actuator/engine_internal.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actuator/counts.h"
#include "common/clock.h"
#include "common/memory.h"

/*
 * A request that finds no connection waits for TCP's and TLS's handshakes, some milliseconds or
 * ten times the round trip.  A panic must not, so the connection is used before the server (Go
 * closes after 3 minutes) or a NAT on the way forgets it.
 */
#define WARM_EVERY_US (30 * US_PER_SECOND)

static struct timeval timeval_of(uint64_t us)
{
    return (struct timeval){ (time_t)(us / US_PER_SECOND), (suseconds_t)(us % US_PER_SECOND) };
}

void engine_pump_soon(struct engine *engine)
{
    event_active(engine->pump, EV_TIMEOUT, 0);
}

static void note_end(struct work *work)
{
    enum outcome outcome;
    const char *detail;

    if (work->ended || !remedy_is_over(work->remedy, &outcome, &detail))
        return;
    work->ended = true;
    work->engine->setup.ended(work->engine->setup.arg);
}

void engine_answered(struct work *work, const struct remedy_request *request,
                     struct remedy_answer *answer)
{
    struct people *people = work->engine->setup.people;
    const char *id = work->incident->id;
    const char *words = remedy_answered(work->remedy, request, answer, clock_monotonic_us());
    const struct remedy_pod *pod;

    if (words)
        people_step(people, id, words);
    while ((pod = remedy_next_ended(work->remedy)))
        people_pod(people, id, pod);
    note_end(work);
}

static bool has_room(const struct engine *engine)
{
    return engine->in_flight < engine->window.size;
}

/* Lets every remedy send what it can; returns when one of them wants to be asked again. */
static uint64_t send_all(struct engine *engine, enum remedy_urgency urgency)
{
    uint64_t wake_us = UINT64_MAX;
    struct remedy_request request;

    for (struct work *work = engine->first; work && has_room(engine); work = work->next) {
        while (has_room(engine) &&
               remedy_next(work->remedy, urgency, clock_monotonic_us(), &request))
            flight_start(work, &request);
        note_end(work);
        uint64_t at_us = remedy_wake_us(work->remedy);
        if (at_us < wake_us)
            wake_us = at_us;
    }
    return wake_us;
}

static void work_free(struct work *work)
{
    remedy_free(work->remedy);
    bodies_free(work->bodies);
    incident_free(work->incident);
    free(work);
}

static void sweep(struct engine *engine)
{
    struct work **at = &engine->first;

    while (*at) {
        struct work *work = *at;
        if (work->recorded && remedy_is_idle(work->remedy)) {
            *at = work->next;
            work_free(work);
        } else {
            at = &work->next;
        }
    }
    engine->last = at;
}

static void on_pump(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct engine *engine = arg;

    if (engine->stopping) {
        if (engine->in_flight == 0)
            engine->setup.drained(engine->setup.arg);
        return;
    }
    uint64_t act_us = send_all(engine, REMEDY_ACT), tell_us = send_all(engine, REMEDY_TELL);
    sweep(engine);

    uint64_t wake_us = act_us < tell_us ? act_us : tell_us, now_us = clock_monotonic_us();
    if (wake_us == UINT64_MAX) {
        evtimer_del(engine->wake);
    } else {
        struct timeval delay = timeval_of(wake_us > now_us ? wake_us - now_us : 0);
        evtimer_add(engine->wake, &delay);
    }
}

static void on_warm(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct engine *engine = arg;
    struct timeval every = timeval_of(WARM_EVERY_US);

    if (engine->sent_us == 0 || clock_monotonic_us() - engine->sent_us >= WARM_EVERY_US)
        flight_warm(engine);
    evtimer_add(engine->warm, &every);
}

struct engine *engine_new(const struct engine_setup *setup)
{
    static const struct timeval now;
    struct engine *engine = xcalloc(1, sizeof(*engine));

    engine->setup = *setup;
    engine->writer = json_writer_new();
    engine->last = &engine->first;
    window_init(&engine->window);
    engine->pump = event_new(setup->base, -1, 0, on_pump, engine);
    engine->wake = evtimer_new(setup->base, on_pump, engine);
    engine->warm = evtimer_new(setup->base, on_warm, engine);
    evtimer_add(engine->warm, &now);
    return engine;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    while (engine->flights)
        flight_free(engine->flights);
    while (engine->first) {
        struct work *next = engine->first->next;
        work_free(engine->first);
        engine->first = next;
    }
    event_free(engine->pump);
    event_free(engine->wake);
    event_free(engine->warm);
    json_writer_free(engine->writer);
    free(engine);
}

/* The intent's time is wall time; from now on it is measured by the clock that nobody sets. */
static uint64_t expiry(const struct incident *incident)
{
    uint64_t wall_us = clock_wall_us();

    if (incident->expires_us <= wall_us)
        return 0;
    return clock_monotonic_us() + (incident->expires_us - wall_us);
}

static void say_taken_up(const struct work *work)
{
    const struct engine_setup *setup = &work->engine->setup;
    char words[128];

    snprintf(words, sizeof(words), "on disk and acknowledged; verdict %s, mode %s",
             verdict_names[work->incident->verdict], mode_names[setup->mode]);
    people_write(setup->people, work->incident->id, words);
}

static void say_closed(const struct work *work, enum outcome outcome, const char *detail)
{
    char words[64];

    log_notice_of(work->incident->id, "closed as %s: %s", outcome_names[outcome], detail);
    snprintf(words, sizeof(words), "closed as %s", outcome_names[outcome]);
    people_write(work->engine->setup.people, work->incident->id, words);
}

void engine_adopt(struct engine *engine, struct incident *incident)
{
    const struct engine_setup *setup = &engine->setup;
    struct work *work = xcalloc(1, sizeof(*work));

    work->engine = engine;
    work->incident = incident;
    work->bodies = bodies_new(incident, setup->names, setup->dry, setup->instance, engine->writer);
    work->remedy = remedy_new(&(struct remedy_plan){
        .uid = incident->uid,
        .boot = incident->boot,
        .verdict = incident->verdict,
        .mode = setup->mode,
        .right = rights_of(incident->verdict, incident->cause, setup->accept_unverified),
        .dry = setup->dry,
        .expires_us = expiry(incident),
    });
    *engine->last = work;
    engine->last = &work->next;
    log_notice_of(incident->id, "%s (%s)", bodies_text(work->bodies),
                  verdict_names[incident->verdict]);
    say_taken_up(work);
    note_end(work);
    engine_pump_soon(engine);
}

void engine_retract(struct engine *engine, const char *id, const char *why)
{
    for (struct work *work = engine->first; work; work = work->next) {
        if (strcmp(work->incident->id, id) != 0)
            continue;
        remedy_retract(work->remedy, why);
        note_end(work);
    }
}

bool engine_record(struct engine *engine, struct incidents *incidents)
{
    enum outcome outcome;
    const char *detail;
    bool whole = true;

    for (struct work *work = engine->first; work; work = work->next) {
        if (!work->ended || work->recorded)
            continue;
        remedy_is_over(work->remedy, &outcome, &detail);
        whole &= incidents_finish(incidents, work->incident->id, outcome, detail, clock_wall_us());
    }
    return whole;
}

void engine_recorded(struct engine *engine,
                     void (*each)(void *arg, const char *id, enum outcome outcome,
                                  const char *detail),
                     void *arg)
{
    enum outcome outcome;
    const char *detail;

    for (struct work *work = engine->first; work; work = work->next) {
        if (!work->ended || work->recorded)
            continue;
        work->recorded = true;
        remedy_is_over(work->remedy, &outcome, &detail);
        say_closed(work, outcome, detail);
        engine->setup.counts[COUNT_INCIDENTS_CLOSED]++;
        each(arg, work->incident->id, outcome, detail);
    }
    engine_pump_soon(engine);
}

size_t engine_open(const struct engine *engine)
{
    size_t open = 0;

    for (const struct work *work = engine->first; work; work = work->next)
        open += !work->ended;
    return open;
}

void engine_stop(struct engine *engine)
{
    engine->stopping = true;
    evtimer_del(engine->warm);
    evtimer_del(engine->wake);
    engine_pump_soon(engine);
}
