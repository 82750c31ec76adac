#pragma once

#include "actuator/bodies.h"
#include "actuator/engine.h"
#include "actuator/window.h"
#include "common/log.h"

struct event;

/* Inside the engine: engine.c keeps the incidents, flight.c carries single requests. */

/* An incident that is being worked on. */
struct work {
    struct engine *engine;
    struct incident *incident;
    struct remedy *remedy;
    struct bodies *bodies;
    bool ended, recorded;
    struct work *next;
};

/* A request that is under way. */
struct flight {
    struct work *work;
    struct remedy_request request;
    struct answer_pods *pods; /* of a list: read as it comes */
    const char *verb;
    char resource[384];
    uint64_t sent_us;
    struct flight *next, **at;
};

struct engine {
    struct engine_setup setup;
    struct json_writer *writer;
    struct work *first, **last;
    struct flight *flights;
    size_t in_flight;
    struct window window;
    struct event *pump, *wake, *warm;
    uint64_t sent_us; /* the last request of any kind */
    bool unreachable; /* the last request got no answer */
    struct log_sample unanswered;
    bool stopping;
};

/* flight.c */
/* Sends what REQUEST asks for; a dry run on this side answers a write itself, at once. */
void flight_start(struct work *work, const struct remedy_request *request);
void flight_free(struct flight *flight);
/* Keeps the connection warm: a small read when nothing was sent for a while. */
void flight_warm(struct engine *engine);

/* engine.c: after an answer. */
void engine_answered(struct work *work, const struct remedy_request *request,
                     struct remedy_answer *answer);
void engine_pump_soon(struct engine *engine);
