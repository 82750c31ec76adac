#pragma once

#include "common/address.h"
#include "listener/netconsole.h"
#include "listener/pending.h"

struct event_base;
struct sock_fprog;

/*
 * The sockets, read in batches straight into the pending file.
 */
struct datagram {
    struct span bytes;
    bool oversized; /* it was longer than what we read of it */
    struct address source;
    uint16_t port;
    uint64_t received_us; /* the kernel's time of arrival, since the epoch */
};

struct udp;

struct udp_handler {
    /* False when it cannot be taken now: nothing is read until udp_resume() and udp_start(). */
    bool (*datagram)(void *arg, const struct datagram *datagram);
    /* Whether what was handled may have to be handled again after a kill.  It stays in the file
     * then until udp_settle(), or there is no room for the next. */
    bool (*unsettled)(void *arg);
    /* So many were lost before we could read them. */
    void (*dropped)(void *arg, uint64_t count);
    /* The queue fills: whom to let in until it has emptied.  False when nobody is known;
     * else PROGRAM is good until the next call. */
    bool (*narrow)(void *arg, struct sock_fprog *program);
};

/* BATCH lies in the pending file. */
struct udp *udp_new(struct event_base *base, struct batch *batch, const struct udp_handler *handler,
                    void *arg);
void udp_free(struct udp *udp);

/* Binds to "ADDR:PORT"; false with a message logged. */
bool udp_listen(struct udp *udp, const char *endpoint);
/* Takes over a socket that systemd bound. */
bool udp_take(struct udp *udp, int fd);

/* Offers what a killed listener had received and perhaps not handled.  False when one was refused:
 * udp_resume() goes on with it. */
bool udp_restore(struct udp *udp);
/* After a datagram was refused: offers it and the rest of its batch again, before udp_start().
 * False when one was refused once more. */
bool udp_resume(struct udp *udp);
/* What was handled is needed no more. */
void udp_settle(struct udp *udp);
void udp_start(struct udp *udp);
void udp_stop(struct udp *udp);
