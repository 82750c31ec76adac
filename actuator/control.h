#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/record.h"

struct event_base;

/*
 * The socket that people and other processes talk to: `pause`, `resume`, `undo` and `report`, each
 * acknowledged once it is done, or answered with an `error` that says why it is not.  By hand
 * (shut-none: half a connection is none):
 *
 *   echo '{"v":1,"type":"pause","id":"1"}' | socat -t 10 - UNIX-CONNECT:PATH,type=5,shut-none
 *
 * What a command does is its owner's to say; here is kept who waits for which.
 */
struct control;

struct control_setup {
    struct event_base *base;
    const char *path;
    /* A command came.  It is answered by its TICKET (never 0, and no other's), at any time. */
    void (*command)(void *arg, uint64_t ticket, const struct record *record);
    void *arg;
};

/* NULL with a message logged when there can be no socket at SETUP's path. */
struct control *control_new(const struct control_setup *setup);
void control_free(struct control *control);

/* TICKET is done (WHY is NULL), or refused.  Nothing when whoever asked has left. */
void control_answer(struct control *control, uint64_t ticket, const char *why);

/* The other end, for a command: asks the actuator at PATH for COMMAND, whose id is made here, and
 * waits until it is done, 10 s at most.  False with the reason in ERROR. */
#define CONTROL_ERROR_SIZE 1536
bool control_ask(const char *path, const struct record *command, char error[CONTROL_ERROR_SIZE]);
