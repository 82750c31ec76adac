#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actuator/incidents.h"
#include "actuator/ledger.h"
#include "actuator/names.h"
#include "actuator/optouts.h"
#include "actuator/people.h"
#include "actuator/remedy.h"
#include "common/kube/http.h"
#include "common/steps.h"

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
    const struct optouts *optouts;
    struct ledger *ledger; /* NULL: nothing is written, so nobody has to allow it */
    const char *instance;  /* which lastgasp this is, for Events */
    enum mode mode;
    enum on_halt on_halt;
    enum remedy_dry dry;
    bool accept_unverified;
    uint64_t *counts; /* by enum count_of */
    struct steps *steps;
    /* OPEN needs probing; called again when nothing was heard of it for a while. */
    void (*probe)(void *arg, const struct open_incident *open);
    /* An incident has ended and waits for engine_record(); called from the loop. */
    void (*ended)(void *arg);
    /* Nothing is in flight any more, after engine_stop(). */
    void (*drained)(void *arg);
    void *arg;
};

/* SETUP is copied; what it points to outlives the engine. */
struct engine *engine_new(const struct engine_setup *setup);
void engine_free(struct engine *engine);

/* Whether an intent about incident ID finds room: as many incidents are worked on at once as the
 * listener keeps panics of Nodes, so that only one who makes them up meets the bound. */
bool engine_has_room_for(const struct engine *engine, const char *id);

/* The same of one that is only told (rights_only_tell()): so that these leave room for the others.
 */
bool engine_has_room_for_words(const struct engine *engine);

/* An incident to act on, newer than all before; the engine owns it from now on. */
void engine_adopt(struct engine *engine, struct incident *incident);

/* INTENT is one more of an incident that is there (and on disk with it). */
void engine_merge(struct engine *engine, const struct intent *intent);

/* Whether incident ID is undone and then ends: an intent about it has to come again after that. */
bool engine_is_ending(const struct engine *engine, const char *id);

/* Whether incident ID is open: neither ended nor watched. */
bool engine_has(const struct engine *engine, const char *id);

/* What the correlator says of an incident after its intent; nothing when there is none.  WORDS are
 * of the evidence. */
void engine_evidence(struct engine *engine, const char *id, uint64_t silent_until_us,
                     const char *words);
void engine_retract(struct engine *engine, const char *id, enum retract_why why);

/*
 * BY asks to undo what was set on the Node of incident ID, and to do no more.  BEGUN: it ends with
 * that, and setup.ended is called as ever.
 */
enum engine_undo {
    ENGINE_UNDO_BEGUN,
    ENGINE_UNDO_LATE,    /* the Node is deleted, and its machine watched */
    ENGINE_UNDO_UNKNOWN, /* there is no such incident that is open */
};
enum engine_undo engine_undo(struct engine *engine, const char *id, const char *by);

/* The ledger's answers may be others now. */
void engine_leave_changed(struct engine *engine);

/* Calls setup.probe for every incident that needs it: somebody has joined who knows of none. */
void engine_tell_open(struct engine *engine);
/* The same for those of which no evidence came lately; to be called now and then. */
void engine_remind(struct engine *engine);

/* Whether NODE has an incident that has not ended. */
bool engine_is_suspect(const struct engine *engine, const char *node);

/* Writes each incident that ended since the last engine_recorded() into the database.  False when
 * it could not take one. */
bool engine_record(struct engine *engine, struct incidents *incidents);
/* They are on disk: tells EACH of them and lets them go. */
void engine_recorded(struct engine *engine,
                     void (*each)(void *arg, const char *id, enum outcome outcome,
                                  const char *detail),
                     void *arg);

size_t engine_open(const struct engine *engine); /* incidents that have not ended */
size_t engine_held(const struct engine *engine); /* of these, those that wait for something */

/* Sends nothing more; setup.drained is called once what is in flight was answered. */
void engine_stop(struct engine *engine);
