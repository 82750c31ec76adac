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

#define INCIDENTS_MAX 16384
#define WORDS_MAX     1024 /* of them, those that are only told */

#define LEASE_EVERY_US (1 * US_PER_SECOND)
#define LEASE_APART_US (20 * US_PER_MS)

static const struct timeval tick_every = { .tv_usec = 250 * US_PER_MS };

static struct timeval timeval_of(uint64_t us)
{
    return (struct timeval){ (time_t)(us / US_PER_SECOND), (suseconds_t)(us % US_PER_SECOND) };
}

void engine_pump_soon(struct engine *engine)
{
    event_active(engine->pump, EV_TIMEOUT, 0);
}

/* The ids are hashes that nobody can choose: their first digits are as good as any. */
static struct work **bucket_of(struct engine *engine, const char *id)
{
    char digits[5];

    snprintf(digits, sizeof(digits), "%.4s", id);
    return &engine->buckets[strtoul(digits, NULL, 16) % WORK_BUCKETS];
}

struct work *engine_find(const struct engine *engine, const char *id)
{
    struct work *work = *bucket_of((struct engine *)engine, id);

    /* One that is ended and written may come again, beside itself. */
    while (work && ((work->ended && !work->watch.on) || strcmp(work->incident->id, id) != 0))
        work = work->same_bucket;
    return work;
}

static void list(struct engine *engine, struct work *work)
{
    struct work **bucket = bucket_of(engine, work->incident->id);

    work->same_bucket = *bucket;
    *bucket = work;
    *engine->last = work;
    engine->last = &work->next;
    engine->count++;
}

static void unlist(struct work *work, struct work **at)
{
    struct engine *engine = work->engine;
    struct work **bucket = bucket_of(engine, work->incident->id);

    while (*bucket != work)
        bucket = &(*bucket)->same_bucket;
    *bucket = work->same_bucket;
    *at = work->next;
    engine->count--;
}

void engine_answered(struct work *work, const struct remedy_request *request,
                     struct remedy_answer *answer)
{
    const char *id = work->incident->id;
    const struct remedy_pod *pod;

    remedy_answered(work->remedy, request, answer, clock_monotonic_us());
    while ((pod = remedy_next_ended(work->remedy)))
        people_pod(work->engine->setup.people, id, pod);
    engine_take_stock(work);
    engine_note_end(work);
}

static bool has_room(const struct engine *engine)
{
    return engine->in_flight < engine->window.size;
}

/* Whether REQUEST is the next one that WORK may send now. */
static bool next(struct work *work, enum remedy_urgency urgency, struct remedy_request *request)
{
    uint64_t now_us = clock_monotonic_us();

    engine_give_leave(work, now_us);
    return remedy_next(work->remedy, urgency, now_us, request);
}

/* Lets every remedy send what it can; returns when one of them wants to be asked again. */
static uint64_t send_all(struct engine *engine, enum remedy_urgency urgency)
{
    uint64_t wake_us = UINT64_MAX;
    struct remedy_request request;

    for (struct work *work = engine->first; work && has_room(engine); work = work->next) {
        /* In a storm hundreds stand before the one that it is about, with Events left to send. */
        if (work->ended && urgency == REMEDY_ACT)
            continue;
        while (has_room(engine) && next(work, urgency, &request))
            flight_start(work, &request);
        engine_take_stock(work);
        engine_note_end(work);
        uint64_t at_us = remedy_wake_us(work->remedy);
        if (at_us < wake_us)
            wake_us = at_us;
    }
    return wake_us;
}

static void work_free(struct work *work)
{
    if (work->witnesses)
        witness_leave(work->engine->witness, work->witnesses);
    remedy_free(work->remedy);
    free(work->detail);
    bodies_free(work->bodies);
    incident_free(work->incident);
    free(work);
}

/* Those that are written down and have nothing left to send go. */
static void sweep(struct engine *engine)
{
    struct work **at = &engine->first;

    while (*at) {
        struct work *work = *at;
        if (work->recorded && !work->watch.on && remedy_is_idle(work->remedy)) {
            unlist(work, at);
            work_free(work);
        } else {
            at = &work->next;
        }
    }
    engine->last = at;
}

/* The Leases of very many incidents are read less often, so that they do not crowd the rest out;
 * when one is due to have lapsed it is read at that moment in any case. */
static void set_pace(struct engine *engine)
{
    uint64_t spread_us = engine_open(engine) * LEASE_APART_US;
    engine->lease_every_us = spread_us > LEASE_EVERY_US ? spread_us : LEASE_EVERY_US;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct engine *engine = arg;
    uint64_t now_us = clock_monotonic_us();

    engine_note_pause(engine);
    set_pace(engine);
    for (struct work *work = engine->first; work; work = work->next)
        engine_watch_tick(work, now_us);
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
    engine_note_pause(engine);
    uint64_t act_us = send_all(engine, REMEDY_ACT), tell_us = send_all(engine, REMEDY_TELL);
    sweep(engine);

    uint64_t wake_us = act_us < tell_us ? act_us : tell_us, now_us = clock_monotonic_us();
    /* With a full window nothing can be sent before an answer comes, and that pumps. */
    if (wake_us == UINT64_MAX || !has_room(engine)) {
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

static bool is_suspect(void *arg, const char *node)
{
    return engine_is_suspect(arg, node);
}

struct engine *engine_new(const struct engine_setup *setup)
{
    static const struct timeval now;
    struct engine *engine = xcalloc(1, sizeof(*engine));
    const struct witness_setup witnesses = { .base = setup->base,
                                             .client = setup->client,
                                             .names = setup->names,
                                             .is_suspect = is_suspect,
                                             .arg = engine };

    engine->setup = *setup;
    engine->writer = json_writer_new();
    engine->last = &engine->first;
    window_init(&engine->window);
    engine->pump = event_new(setup->base, -1, 0, on_pump, engine);
    engine->wake = evtimer_new(setup->base, on_pump, engine);
    engine->warm = evtimer_new(setup->base, on_warm, engine);
    evtimer_add(engine->warm, &now);
    engine->tick = event_new(setup->base, -1, EV_PERSIST, on_tick, engine);
    event_add(engine->tick, &tick_every);
    engine->witness = witness_new(&witnesses);
    engine->ticked_us = clock_monotonic_us();
    engine->lease_every_us = LEASE_EVERY_US;
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
    witness_free(engine->witness);
    event_free(engine->tick);
    event_free(engine->pump);
    event_free(engine->wake);
    event_free(engine->warm);
    json_writer_free(engine->writer);
    free(engine);
}

/* The intent's time is wall time; from now on it is measured by the clock that nobody sets. */
uint64_t engine_expiry(const struct incident *incident)
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

/* The silence that the intent came with, as evidence; or the watch, when that is all that is left.
 */
static void go_on(struct work *work)
{
    struct incident *incident = work->incident;

    if (incident->state == INCIDENT_WATCHING) {
        work->ended = work->recorded = true;
        work->outcome = OUTCOME_DELETED;
        work->detail = xstrdup(incident->detail);
        engine_watch_begin(work, incident->closed_us);
        return;
    }
    say_taken_up(work);
    if (incident->silent_until_us != RECORD_ABSENT)
        engine_evidence(work->engine, incident->id, incident->silent_until_us, incident->words);
}

static struct remedy *remedy_for(const struct engine *engine, const struct incident *incident)
{
    const struct engine_setup *setup = &engine->setup;

    return remedy_new(&(struct remedy_plan){
        .uid = incident->uid,
        .boot = incident->boot,
        .verdict = incident->verdict,
        .cause = incident->cause,
        .reason_code = incident->reason_code,
        .mode = setup->mode,
        .on_halt = setup->on_halt,
        .dry = setup->dry,
        .accept_unverified = setup->accept_unverified,
        .looked = incident->look != INCIDENT_NOT_LOOKED,
        .lost_before = incident->look == INCIDENT_LOST_BEFORE,
        .deleted = incident->state == INCIDENT_WATCHING,
        .optouts = setup->optouts,
        .lease_every_us = &engine->lease_every_us,
        .expires_us = engine_expiry(incident),
        .booted_us = incident->booted_us,
    });
}

bool engine_has_room_for(const struct engine *engine, const char *id)
{
    return engine->count < INCIDENTS_MAX || engine_find(engine, id);
}

bool engine_has_room_for_words(const struct engine *engine)
{
    size_t words = 0;

    for (const struct work *work = engine->first; work; work = work->next)
        words += rights_only_tell(work->incident->verdict);
    return words < WORDS_MAX;
}

void engine_adopt(struct engine *engine, struct incident *incident)
{
    const struct engine_setup *setup = &engine->setup;
    struct work *work = xcalloc(1, sizeof(*work));

    work->engine = engine;
    work->incident = incident;
    work->look_saved = incident->look != INCIDENT_NOT_LOOKED;
    work->bodies = bodies_new(incident, setup->names, setup->dry, setup->instance, engine->writer);
    work->remedy = remedy_for(engine, incident);
    list(engine, work);
    log_notice_of(incident->id, "%s (%s)", bodies_text(work->bodies),
                  verdict_names[incident->verdict]);
    go_on(work);
    engine_note_end(work);
    engine_pump_soon(engine);
}

size_t engine_open(const struct engine *engine)
{
    size_t open = 0;

    for (const struct work *work = engine->first; work; work = work->next)
        open += !work->ended;
    return open;
}

size_t engine_held(const struct engine *engine)
{
    size_t held = 0;

    for (const struct work *work = engine->first; work; work = work->next)
        held += !work->ended && work->stand == REMEDY_HELD;
    return held;
}

void engine_note_step(struct work *work, enum step step)
{
    if (!work->noted[step] && !rights_only_tell(work->incident->verdict))
        steps_note(work->engine->setup.steps, step, work->incident->received_us, clock_wall_us());
    work->noted[step] = true;
}

void engine_stop(struct engine *engine)
{
    engine->stopping = true;
    evtimer_del(engine->warm);
    evtimer_del(engine->wake);
    event_del(engine->tick);
    engine_pump_soon(engine);
}
