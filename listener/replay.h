#pragma once

#include "listener/udp.h"

struct event_base;

/*
 * Sends a file through the listener instead of sockets: a capture (JSON lines with `t`, `src` and
 * `data_b64`), or the text of a kernel log, each line of it one basic datagram.  A capture keeps
 * its timing, but no gap is longer than a second.
 */
struct replay;

struct replay_handler {
    /* False when it cannot be taken now: it is offered again a moment later. */
    bool (*datagram)(void *arg, const struct datagram *datagram);
    void (*ended)(void *arg);
};

/* Reads all of PATH first; its datagrams come from SOURCE.  NULL with a message logged that names
 * the line. */
struct replay *replay_new(struct event_base *base, const char *path, const struct address *source,
                          const struct replay_handler *handler, void *arg);
void replay_free(struct replay *replay);
void replay_start(struct replay *replay);
void replay_stop(struct replay *replay);

/* One line of a capture, LINE without its '\n': its time in microseconds and its datagram, of at
 * most NETCONSOLE_DATAGRAM_MAX bytes, into OUT.  Returns false when it is no such line. */
bool replay_read_line(const char *line, size_t size, uint64_t *t_us, char *out, size_t *out_size,
                      bool *oversized);
