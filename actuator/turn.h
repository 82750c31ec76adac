#pragma once

#include <stddef.h>
#include <stdint.h>

#include "actuator/engine.h"
#include "actuator/incidents.h"
#include "common/channel.h"
#include "common/record.h"

/*
 * What goes to disk with an fsync: intents that came and incidents that ended, all of one turn of
 * the loop in one transaction at its end, and only then are they acknowledged, acted on, told.
 * While the database takes nothing, reading from upstream stops, and each second it is tried again.
 */
struct turn;

struct turn_setup {
    struct event_base *base;
    struct incidents *incidents;
    struct engine *engine;
    struct channel_server *server;
    uint64_t *counts; /* by enum count_of */
    struct steps *steps;
    /* A report of turn_add_report() is on disk: as incident ID. */
    void (*reported)(void *arg, uint64_t ticket, const char *id);
    /* Incident ID is closed on disk. */
    void (*closed)(void *arg, const char *id, enum outcome outcome, const char *detail);
    void *arg;
};

/* SETUP is copied; what it points to outlives the turn. */
struct turn *turn_new(const struct turn_setup *setup);
void turn_free(struct turn *turn);

/* Copied; they are taken in the order of these calls. */
void turn_add_intent(struct turn *turn, const struct intent *intent);
/* What another process reported, as the intent that it comes to; nobody waits for an
 * acknowledgement of that: setup.reported is called instead, with TICKET. */
void turn_add_report(struct turn *turn, const struct intent *intent, uint64_t ticket);
void turn_add_retract(struct turn *turn, const struct retract *retract);

/* An incident has ended and is to be written: with this turn, or a little later on a slow disk. */
void turn_closes(struct turn *turn);
/* Now, for the last time: when the loop ends. */
void turn_finish(struct turn *turn);
