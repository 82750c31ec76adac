#pragma once

#include "common/address.h"

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct token_file;

/*
 * The role: sockets or a replay in front, the correlator behind, the pending file in between.
 */
struct listener_settings {
    const char *const *endpoints; /* "ADDR:PORT" */
    size_t endpoint_count;
    int passed;                /* so many sockets of systemd's, from descriptor 3 on */
    const char *to;            /* the correlator's socket */
    const char *pending;       /* the pending file */
    struct token_file *tokens; /* NULL: a panic needs none; stays the caller's */
    bool silent_oops;          /* silence after an oops may be a panic */
    const char *replay;        /* a file instead of sockets, or NULL */
    struct address replay_source;
};

struct listener;

/* NULL with a message logged when a socket, the pending file or the replay cannot be opened. */
struct listener *listener_new(struct event_base *base, const struct listener_settings *settings);
void listener_free(struct listener *listener);

/* Delivers what a restart left, then reads. */
void listener_start(struct listener *listener);
/* Reads nothing more, waits up to 2 s for acknowledgements, then leaves the loop. */
void listener_stop(struct listener *listener);

/* Whether a listener with SETTINGS could run: the file, the replay, and the correlator's socket. */
bool listener_check(const struct listener_settings *settings);
