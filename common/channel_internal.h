#pragma once

#include "common/channel.h"

#include <event2/util.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

struct event;
struct evbuffer;

/* What the channel's own files share; nobody else includes this.  The essay is in channel.c. */

/* Why a link ended. */
enum link_end {
    LINK_OPEN,    /* it did not */
    LINK_GONE,    /* the peer closed it, or the socket failed */
    LINK_GARBAGE, /* the peer sent what it may not; it was told so */
    LINK_SLOW,    /* the peer does not read what it is owed */
};

struct link_handler {
    /* A packet whose records the peer may all send, and whose hello, if any, suits us. */
    void (*packet)(void *arg, const struct packet *packet);
    /* Fills the next record that waits outside of the link's queues; false when none does. */
    bool (*more)(void *arg, struct record *record);
    /* The end, told once and as the last thing: it has to call link_close(). */
    void (*closed)(void *arg, enum link_end end, const char *why);
};

/* One connection, the same on both sides. */
struct link {
    evutil_socket_t fd;
    enum role role, peer;
    bool strict;
    const struct link_handler *handler;
    void *arg;
    struct event *readable, *writable;
    struct evbuffer *out;  /* lines that go next */
    struct evbuffer *rest; /* best effort: lines that go when nothing else waits */
    size_t resting;        /* records in REST */
    bool reading;
    enum link_end end;
    char why[RECORD_WHY_SIZE];
};

/* Takes FD over, owes hello, and reads unless told later to hold. */
void link_open(struct link *link, struct event_base *base, evutil_socket_t fd, enum role role,
               enum role peer, bool strict, const struct link_handler *handler, void *arg);
/* Returns how many best-effort records are lost with it. */
size_t link_close(struct link *link);
/* There is something to send: `more` will be asked. */
void link_wake(struct link *link);
/* What must not be dropped: ends the link when the peer has not read far too much already. */
void link_owe(struct link *link, const struct record *record);
/* Best effort; false when there is no room. */
bool link_offer(struct link *link, const struct record *record);
void link_read(struct link *link, bool reading);
/* Tells a connection that cannot be served why, and closes it. */
void link_turn_away(evutil_socket_t fd, const char *why);

#define SKIPPED_SIZE 64
/* What a sampled log line ends with: how many like it were not logged, or nothing. */
const char *print_skipped(uint64_t skipped, char text[SKIPPED_SIZE]);

/* Sockets that have a path.  False with a message logged when PATH does not fit an address. */
bool socket_address(const char *path, struct sockaddr_un *address);
/* A connected socket, or -1 with errno. */
evutil_socket_t socket_connect(const struct sockaddr_un *address);
/* A listening socket and the FILE that it made; -1 with a message logged. */
evutil_socket_t socket_listen(const struct sockaddr_un *address, mode_t mode, struct stat *file);
/* Removes the file at ADDRESS if it is still FILE. */
void socket_remove(const struct sockaddr_un *address, const struct stat *file);

/* The client's deliveries, oldest first.  A zeroed struct is empty. */
#define DELIVERY_BUCKETS 1024

struct deliveries {
    struct delivery *first, *last;
    struct delivery *next; /* none before it waits */
    struct delivery *buckets[DELIVERY_BUCKETS];
    size_t count;
};

void deliveries_add(struct deliveries *deliveries, struct delivery *delivery);
void deliveries_remove(struct deliveries *deliveries, struct delivery *delivery);
struct delivery *deliveries_find(struct deliveries *deliveries, enum record_kind kind,
                                 const char *id);
/* The oldest that waits, or NULL. */
struct delivery *deliveries_next(struct deliveries *deliveries);
/* The connection is gone: what was sent waits again.  Returns how many. */
size_t deliveries_unsend(struct deliveries *deliveries);

/* LEFT_US: until the next one is due; UINT64_MAX when none is parked. */
struct deliveries_due {
    size_t count;
    uint64_t left_us;
};
/* What has been parked for PARKED_US at NOW_US waits again. */
struct deliveries_due deliveries_unpark(struct deliveries *deliveries, uint64_t now_us,
                                        uint64_t parked_us);
