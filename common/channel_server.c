/*
 * The downstream side: a socket file that is ours, and a list of peers, each with a link.
 *
 * Usually there is one peer.  There are more while the upstream stage is replaced, and when a
 * person looks on with socat; acknowledgements go to all, since a record may have come twice.
 */
#include "common/channel_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PEERS_MAX 16

enum { PEERS, PACKETS, RECORDS, GARBAGE, REFUSED, DROPPED, SLOW, COUNTERS };
static const char *const counter_names[COUNTERS] = {
    "upstream_peers",   "upstream_packets", "upstream_records", "upstream_garbage",
    "upstream_refused", "upstream_dropped", "upstream_slow",
};

struct channel_peer {
    struct channel_server *server;
    struct link link;
    bool streaming;
    void *mark;
    struct channel_peer *next, *previous;
};

struct channel_server {
    struct event_base *base;
    struct sockaddr_un address;
    struct stat file;
    enum role role, peer;
    bool strict, held;
    const struct channel_server_handler *handler;
    void *arg;

    evutil_socket_t fd;
    struct event *acceptor;
    struct event *accept_later;
    struct channel_peer *first;
    size_t count;
    struct log_sample garbage, refusals;

    uint64_t values[COUNTERS];
    struct counters counters;
};

/* For what a peer can cause as often as it likes. */
static void complain(struct channel_server *server, struct log_sample *sample, const char *what,
                     const char *why)
{
    uint64_t skipped;
    char more[SKIPPED_SIZE];

    if (log_sample_due(sample, clock_monotonic_us(), &skipped))
        log_warning("a peer on %s %s: %s%s", server->address.sun_path, what, why,
                    print_skipped(skipped, more));
}

static void remove_peer(struct channel_peer *peer)
{
    struct channel_server *server = peer->server;

    if (server->handler->left != NULL)
        server->handler->left(server->arg, peer);
    if (peer->previous != NULL)
        peer->previous->next = peer->next;
    else
        server->first = peer->next;
    if (peer->next != NULL)
        peer->next->previous = peer->previous;
    server->count--;
    server->values[DROPPED] += link_close(&peer->link);
    free(peer);
}

static void on_closed(void *arg, enum link_end end, const char *why)
{
    struct channel_peer *peer = arg;
    struct channel_server *server = peer->server;

    if (end == LINK_GARBAGE) {
        server->values[GARBAGE]++;
        complain(server, &server->garbage, "was closed for what it sent", why);
    } else if (end == LINK_SLOW) {
        server->values[SLOW]++;
        complain(server, &server->garbage, "was closed", why);
    } else {
        log_info("a peer on %s left: %s", server->address.sun_path, why);
    }
    remove_peer(peer);
}

static void take_packet(void *arg, const struct packet *packet)
{
    struct channel_peer *peer = arg;
    struct channel_server *server = peer->server;

    server->values[PACKETS]++;
    server->values[RECORDS] += packet->count;
    for (size_t i = 0; i < packet->count; i++) {
        const struct record *record = &packet->records[i];

        if (record->kind == RECORD_ERROR)
            complain(server, &server->refusals, "refuses us", record->error.why);
        else if (record->kind != RECORD_HELLO)
            server->handler->record(server->arg, peer, record);
    }
}

static bool next_of_stream(void *arg, struct record *record)
{
    struct channel_peer *peer = arg;
    struct channel_server *server = peer->server;

    if (peer->streaming)
        peer->streaming = server->handler->more(server->arg, peer, record);
    return peer->streaming;
}

static const struct link_handler link_handler = { take_packet, next_of_stream, on_closed };

static void add_peer(struct channel_server *server, evutil_socket_t fd)
{
    struct channel_peer *peer = xcalloc(1, sizeof(*peer));

    peer->server = server;
    peer->next = server->first;
    if (peer->next != NULL)
        peer->next->previous = peer;
    server->first = peer;
    server->count++;
    server->values[PEERS]++;
    link_open(&peer->link, server->base, fd, server->role, server->peer, server->strict,
              &link_handler, peer);
    link_read(&peer->link, !server->held);
    log_info("a peer joined on %s", server->address.sun_path);
    if (server->handler->joined != NULL)
        server->handler->joined(server->arg, peer);
}

/* While reading is held nobody sees who hung up. */
static void remove_those_who_hung_up(struct channel_server *server)
{
    for (struct channel_peer *peer = server->first, *next; peer != NULL; peer = next) {
        struct pollfd poll_fd = { .fd = peer->link.fd };

        next = peer->next;
        if (poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & POLLHUP) != 0)
            remove_peer(peer);
    }
}

static void accept_failed(struct channel_server *server)
{
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
        return;
    complain(server, &server->refusals, "cannot be accepted, trying again each second",
             strerror(errno));
    event_del(server->acceptor);
    event_add(server->accept_later, &(struct timeval){ 1, 0 });
}

static void on_connection(evutil_socket_t listener, short what, void *arg)
{
    struct channel_server *server = arg;
    evutil_socket_t fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)what;
    if (fd < 0) {
        accept_failed(server);
        return;
    }
    if (server->count == PEERS_MAX)
        remove_those_who_hung_up(server);
    if (server->count < PEERS_MAX) {
        add_peer(server, fd);
        return;
    }
    char why[64];
    snprintf(why, sizeof(why), "%d peers are connected already", PEERS_MAX);
    server->values[REFUSED]++;
    complain(server, &server->refusals, "was turned away", why);
    link_turn_away(fd, why);
}

static void on_accept_later(evutil_socket_t fd, short what, void *arg)
{
    struct channel_server *server = arg;

    (void)fd, (void)what;
    event_add(server->acceptor, NULL);
}

struct channel_server *channel_server_new(struct event_base *base, const char *path, enum role role,
                                          enum role peer, bool strict,
                                          const struct channel_server_handler *handler, void *arg)
{
    /* What a command may ask for is not the stages' to ask for. */
    mode_t mode = peer == ROLE_COMMAND ? 0600 : 0660;
    struct sockaddr_un address;
    struct stat file;

    if (!socket_address(path, &address))
        return NULL;
    evutil_socket_t fd = socket_listen(&address, mode, &file);
    if (fd < 0)
        return NULL;
    struct channel_server *server = xcalloc(1, sizeof(*server));
    server->base = base;
    server->address = address;
    server->file = file;
    server->role = role;
    server->peer = peer;
    server->strict = strict;
    server->handler = handler;
    server->arg = arg;
    server->fd = fd;
    server->counters = (struct counters){ counter_names, COUNTERS, server->values };
    server->acceptor = event_new(base, fd, EV_READ | EV_PERSIST, on_connection, server);
    server->accept_later = evtimer_new(base, on_accept_later, server);
    event_add(server->acceptor, NULL);
    return server;
}

void channel_server_free(struct channel_server *server)
{
    while (server->first != NULL)
        remove_peer(server->first);
    event_free(server->acceptor);
    event_free(server->accept_later);
    socket_remove(&server->address, &server->file);
    close(server->fd);
    free(server);
}

void channel_server_acknowledge(struct channel_server *server, enum record_kind of, const char *id)
{
    struct record record = { .kind = RECORD_ACK, .ack = { .of = of, .id = id } };

    for (struct channel_peer *peer = server->first; peer != NULL; peer = peer->next)
        link_owe(&peer->link, &record);
}

void channel_peer_refuse(struct channel_peer *peer, enum record_kind of, const char *id,
                         const char *why)
{
    struct channel_server *server = peer->server;

    server->values[REFUSED]++;
    complain(server, &server->refusals, "sent a record that is refused", why);
    link_owe(&peer->link, &(struct record){ .kind = RECORD_ERROR,
                                            .error = { .of = of, .id = id, .why = why } });
}

void channel_peer_stream(struct channel_peer *peer)
{
    peer->streaming = true;
    link_wake(&peer->link);
}

bool channel_peer_send(struct channel_peer *peer, const struct record *record)
{
    bool queued = link_offer(&peer->link, record);

    if (!queued)
        peer->server->values[DROPPED]++;
    return queued;
}

void channel_server_broadcast(struct channel_server *server, const struct record *record)
{
    for (struct channel_peer *peer = server->first; peer != NULL; peer = peer->next)
        channel_peer_send(peer, record);
}

void channel_peer_set(struct channel_peer *peer, void *mark)
{
    peer->mark = mark;
}

void *channel_peer_get(const struct channel_peer *peer)
{
    return peer->mark;
}

void channel_server_hold(struct channel_server *server, bool hold)
{
    server->held = hold;
    for (struct channel_peer *peer = server->first; peer != NULL; peer = peer->next)
        link_read(&peer->link, !hold);
}

size_t channel_server_peers(const struct channel_server *server)
{
    return server->count;
}

const struct counters *channel_server_counters(const struct channel_server *server)
{
    return &server->counters;
}
