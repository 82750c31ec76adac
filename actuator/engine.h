#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actuator/incidents.h"
#include "actuator/names.h"
#include "actuator/people.h"
#include "actuator/remedy.h"
#include "common/kube/http.h"

struct event_base;

/*
 * The shell around the remedies: every incident that is not closed, oldest first, under one window
 * of requests.  It sends what they ask for, hands them the answers, and says when one has ended.
 */
struct engine;

struct engine_setup {
    struct event_base *base;
    struct kube_client *client;
    struct people *people;
    const struct names *names;
    const char *instance; /* which lastgasp this is, for Events */
    enum mode mode;
    enum remedy_dry dry;
    bool accept_unverified;
    uint64_t *counts; /* by enum count_of */
    /* An incident has ended and waits for engine_record(); called from the loop. */
    void (*ended)(void *arg);
    /* Nothing is in flight any more, after engine_stop(). */
    void (*drained)(void *arg);
    void *arg;
};

/* SETUP is copied; what it points to outlives the engine. */
struct engine *engine_new(const struct engine_setup *setup);
void engine_free(struct engine *engine);

/* An incident to act on, newer than all before; the engine owns it from now on. */
void engine_adopt(struct engine *engine, struct incident *incident);

/* Evidence was taken back.  The incident ends, unless a pod's DELETE was sent, or there is none. */
void engine_retract(struct engine *engine, const char *id, const char *why);

/* Writes each incident that ended since the last engine_recorded() into the database.  False when
 * it could not take one. */
bool engine_record(struct engine *engine, struct incidents *incidents);
/* They are on disk: tells EACH of them and lets them go. */
void engine_recorded(struct engine *engine,
                     void (*each)(void *arg, const char *id, enum outcome outcome,
                                  const char *detail),
                     void *arg);

size_t engine_open(const struct engine *engine); /* incidents that have not ended */

/* Sends nothing more; setup.drained is called once what is in flight was answered. */
void engine_stop(struct engine *engine);
