#pragma once

#include <stdint.h>

#include "actuator/engine.h"
#include "actuator/turn.h"

/*
 * What people and other processes ask by the control socket, handed to whom it concerns: `pause`
 * and `resume` (pauses.c), `undo` (undo.c), `report` (reports.c).
 */
struct commands;

struct commands_setup {
    struct event_base *base;
    const char *path; /* of the socket */
    struct kube_client *client;
    const struct names *names;
    struct incidents *incidents;
    struct people *people;
    struct engine *engine;
    struct turn *turn;
    struct ledger *ledger; /* NULL: nothing is written */
    uint64_t *counts;      /* by enum count_of */
};

/* SETUP is copied; what it points to outlives the commands.  NULL with a message logged when there
 * can be no socket. */
struct commands *commands_new(const struct commands_setup *setup);
void commands_free(struct commands *commands);

/* Of the turn's reports and closings: see turn.h. */
void commands_reported(struct commands *commands, uint64_t ticket, const char *id);
void commands_closed(struct commands *commands, const char *id, enum outcome outcome,
                     const char *detail);
