#pragma once

#include "actuator/bodies.h"
#include "actuator/engine.h"
#include "actuator/window.h"
#include "actuator/witness.h"
#include "common/log.h"

struct event;

/*
 * Inside the engine: engine.c keeps the incidents and their turns, engine_told.c passes on what is
 * known, engine_watch.c watches deleted Nodes' machines, engine_close.c writes down what ended,
 * flight.c carries single requests.
 */

/* An incident that is being worked on. */
struct work {
    struct engine *engine;
    struct incident *incident;
    struct remedy *remedy;
    struct bodies *bodies;
    const struct lease_witnesses *witnesses; /* joined; NULL: not yet, or not needed */

    /* the ledger's */
    enum remedy_leave leave;
    uint64_t asked_us; /* 0: to be asked */
    uint64_t granted_us;

    uint64_t heard_us; /* when evidence of it came last, or it was told to be open; 0: never */
    bool look_saved;
    bool undone; /* a person asked for it */
    enum remedy_stand stand;
    bool noted[STEPS]; /* each step counts once, the first time */

    /* how it ended, as far as that is known */
    bool ended, recorded;
    enum outcome outcome;
    char *detail;

    /* after its Node was deleted: does the machine answer? */
    struct watch {
        bool on, was_on;
        uint64_t until_wall_us;
        uint64_t answered_us; /* since when it answers again; 0: it does not */
        struct kube_call *call;
    } watch;
    struct work *next, *same_bucket;
};

/* Evidence of ten thousand incidents comes every two seconds: none of it may search them all. */
#define WORK_BUCKETS 4096

/* A request that is under way. */
struct flight {
    struct work *work;
    struct remedy_request request;
    struct answer_pods *pods; /* of a list: read as it comes */
    const char *verb;
    char resource[384];
    uint64_t sent_us;
    bool writes;
    bool held_back; /* when it was to go out, the gate was shut */
    struct flight *next, **at;
};

struct engine {
    struct engine_setup setup;
    struct json_writer *writer;
    struct work *first, **last;
    size_t count;
    struct work *buckets[WORK_BUCKETS]; /* by the incident's id */
    struct flight *flights;
    size_t in_flight;
    struct window window;
    struct event *pump, *wake, *warm, *tick;
    struct witness *witness;
    uint64_t lease_every_us;
    uint64_t ticked_us; /* when we surely ran */
    uint64_t sent_us;   /* the last request of any kind */
    bool unreachable;   /* the last request got no answer */
    struct log_sample unanswered;
    bool stopping;
};

/* flight.c */
/* Sends what REQUEST asks for; a dry run on this side answers a write itself, at once. */
void flight_start(struct work *work, const struct remedy_request *request);
void flight_free(struct flight *flight);
/* Keeps the connection warm: a small read when nothing was sent for a while. */
void flight_warm(struct engine *engine);

/* engine_told.c */
/* What is known about WORK is passed on: to its remedy, to people, to who probes. */
void engine_take_stock(struct work *work);
void engine_give_leave(struct work *work, uint64_t now_us);
/* Whether REQUEST, which writes, may go out in this moment. */
bool engine_may_leave(struct work *work, const struct remedy_request *request);
/* When we were stopped (SIGSTOP, a debugger, a disk), what was fresh before is not any more. */
void engine_note_pause(struct engine *engine);

/* engine_watch.c */
/* Whether WORK, whose remedy is over, is to be watched on. */
bool engine_watches(const struct work *work);
void engine_watch_begin(struct work *work, uint64_t since_wall_us);
void engine_watch_retract(struct work *work, enum retract_why why);
void engine_watch_tick(struct work *work, uint64_t now_us);

/* engine_close.c */
/* WORK has ended like this (a copy of DETAIL is taken); it is to be written down. */
void engine_end(struct work *work, enum outcome outcome, const char *detail);
/* The same, if its remedy is over. */
void engine_note_end(struct work *work);

/* engine.c */
struct work *engine_find(const struct engine *engine, const char *id);
/* When INCIDENT expires, by the monotonic clock; 0: it has. */
uint64_t engine_expiry(const struct incident *incident);
/* After an answer. */
void engine_answered(struct work *work, const struct remedy_request *request,
                     struct remedy_answer *answer);
void engine_pump_soon(struct engine *engine);
/* STEP was done for WORK just now. */
void engine_note_step(struct work *work, enum step step);
