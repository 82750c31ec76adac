#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actuator/engine.h"
#include "actuator/incidents.h"

/*
 * The command `undo`: what lastgasp set on the Node of an incident is taken off, exactly as the
 * Node's own annotation lists it, and the incident ends.  One that is open is the engine's to end.
 * Of one that is closed the Node is read, judged and cleared here, and then it is written down.
 *
 * It is done by the host that acts, also while all are paused: a pause is for what would be done.
 */
struct undo_desk;

struct undo_setup {
    struct kube_client *client;
    const struct names *names;
    struct incidents *incidents;
    struct people *people;
    struct engine *engine;
    struct ledger *ledger; /* NULL: nothing is written */
    uint64_t *counts;      /* by enum count_of */
    /* Once a ticket: done (WHY is NULL), or not. */
    void (*answer)(void *arg, uint64_t ticket, const char *why);
    void *arg;
};

/* SETUP is copied; what it points to outlives the desk. */
struct undo_desk *undo_new(const struct undo_setup *setup);
void undo_free(struct undo_desk *desk);

void undo_ask(struct undo_desk *desk, uint64_t ticket, const struct undo *undo);

/* Incident ID is closed on disk: whoever waits for that is answered. */
void undo_closed(struct undo_desk *desk, const char *id, enum outcome outcome, const char *detail);
