#pragma once

#include "common/channel.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * An edge for the channel's tests: a correlator's server and a listener's client in one event
 * loop, or raw sockets in the place of either.  Deliveries are `halt` records whose received_us is
 * their number; the server notes the numbers that it gets.
 */
#define EDGE_ITEMS 10000

struct edge;

struct item {
    struct delivery delivery;
    struct edge *edge;
    unsigned number;
    bool acknowledged, refused;
};

struct edge {
    char folder[64], path[96];
    struct event_base *base;
    struct event *tick;
    struct channel_server *server;
    struct channel_client *client;
    bool ack_at_once;
    unsigned refuse_number; /* 0: none */
    unsigned stream_from, stream_to;

    unsigned got[2 * EDGE_ITEMS]; /* the numbers of what the server was given */
    size_t got_count;
    unsigned sources[EDGE_ITEMS]; /* the same for the client */
    size_t sources_count;
    unsigned acknowledged, refused, ups, downs, joined, left;
    char why[RECORD_WHY_SIZE];
};

/* Turns the loop until CONDITION holds. */
#define LOOP_UNTIL(edge, condition)                                                              \
    do {                                                                                         \
        uint64_t give_up = clock_monotonic_us() + 30 * US_PER_SECOND;                            \
        while (!(condition)) {                                                                   \
            ck_assert_msg(clock_monotonic_us() < give_up, "never came true: %s", #condition);    \
            event_base_loop((edge)->base, EVLOOP_ONCE);                                          \
        }                                                                                        \
    } while (0)

static inline void loop_for(struct edge *edge, uint64_t us)
{
    uint64_t until = clock_monotonic_us() + us;

    while (clock_monotonic_us() < until)
        event_base_loop(edge->base, EVLOOP_ONCE);
}

/* So that a turn of the loop never sleeps for long. */
static inline void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

static inline void server_record(void *arg, struct channel_peer *peer, const struct record *record)
{
    struct edge *edge = arg;

    ck_assert_int_eq(record->kind, RECORD_HALT);
    unsigned number = (unsigned)record->halt.received_us;
    ck_assert_uint_lt(edge->got_count, 2 * EDGE_ITEMS);
    edge->got[edge->got_count++] = number;
    if (edge->refuse_number != 0 && number == edge->refuse_number)
        channel_peer_refuse(peer, RECORD_HALT, record->halt.id, "not this one");
    else if (edge->ack_at_once)
        channel_server_acknowledge(edge->server, RECORD_HALT, record->halt.id);
}

static inline void server_joined(void *arg, struct channel_peer *peer)
{
    struct edge *edge = arg;

    edge->joined++;
    channel_peer_set(peer, edge);
    if (edge->stream_to > 0)
        channel_peer_stream(peer);
}

static inline void server_left(void *arg, struct channel_peer *peer)
{
    struct edge *edge = arg;

    ck_assert_ptr_eq(channel_peer_get(peer), edge);
    edge->left++;
}

static inline bool server_more(void *arg, struct channel_peer *peer, struct record *record)
{
    static char text[32];
    static const char *line = text;
    struct edge *edge = arg;

    (void)peer;
    if (edge->stream_from == edge->stream_to)
        return false;
    snprintf(text, sizeof(text), "%u", edge->stream_from++);
    *record = (struct record){ .kind = RECORD_SOURCES,
                               .sources = { .op = SOURCES_ADD, .addresses = { 1, &line } } };
    return true;
}

static const struct channel_server_handler server_handler = {
    server_record, server_joined, server_left, server_more,
};

static inline void client_fill(void *arg, struct delivery *delivery, struct record *record)
{
    struct item *item = (struct item *)delivery;

    (void)arg;
    ck_assert_int_eq(record->kind, delivery->kind);
    record->halt = (struct halt){ .id = delivery->id, .source = "192.0.2.1", .port = 6666,
                                  .received_us = item->number };
}

static inline void client_acknowledged(void *arg, struct delivery *delivery)
{
    struct item *item = (struct item *)delivery;

    (void)arg;
    ck_assert(!item->acknowledged);
    item->acknowledged = true;
    item->edge->acknowledged++;
}

static inline void client_refused(void *arg, struct delivery *delivery, const char *why)
{
    struct item *item = (struct item *)delivery;

    (void)arg;
    item->refused = true;
    item->edge->refused++;
    snprintf(item->edge->why, sizeof(item->edge->why), "%s", why);
}

static inline void client_record(void *arg, const struct record *record)
{
    struct edge *edge = arg;

    ck_assert_int_eq(record->kind, RECORD_SOURCES);
    ck_assert_uint_lt(edge->sources_count, EDGE_ITEMS);
    edge->sources[edge->sources_count++] =
        (unsigned)strtoul(record->sources.addresses.line[0], NULL, 10);
}

static inline void client_connected(void *arg, bool up)
{
    struct edge *edge = arg;

    ck_assert_uint_eq(edge->ups, edge->downs + (up ? 0 : 1));
    if (up)
        edge->ups++;
    else
        edge->downs++;
}

static const struct channel_client_handler client_handler = {
    client_fill, client_acknowledged, client_refused, client_record, client_connected,
};

static inline struct edge *edge_new(void)
{
    struct edge *edge = xcalloc(1, sizeof(*edge));

    log_open("test", LOG_ALERT);
    strcpy(edge->folder, "/tmp/channel-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(edge->folder));
    snprintf(edge->path, sizeof(edge->path), "%s/edge.sock", edge->folder);
    edge->base = event_base_new();
    edge->tick = event_new(edge->base, -1, EV_PERSIST, on_tick, NULL);
    event_add(edge->tick, &(struct timeval){ 0, 2000 });
    edge->ack_at_once = true;
    return edge;
}

static inline void edge_free(struct edge *edge)
{
    if (edge->client != NULL)
        channel_client_free(edge->client);
    if (edge->server != NULL)
        channel_server_free(edge->server);
    event_free(edge->tick);
    event_base_free(edge->base);
    unlink(edge->path);
    ck_assert_int_eq(rmdir(edge->folder), 0);
    free(edge);
}

static inline struct channel_server *new_server(struct edge *edge)
{
    return channel_server_new(edge->base, edge->path, ROLE_CORRELATOR, ROLE_LISTENER, false,
                              &server_handler, edge);
}

static inline void start_server(struct edge *edge)
{
    edge->server = new_server(edge);
    ck_assert_ptr_nonnull(edge->server);
}

static inline void start_client(struct edge *edge)
{
    edge->client = channel_client_new(edge->base, edge->path, ROLE_LISTENER, ROLE_CORRELATOR,
                                      &client_handler, edge);
    ck_assert_ptr_nonnull(edge->client);
}

static inline void stop_server(struct edge *edge)
{
    channel_server_free(edge->server);
    edge->server = NULL;
}

/* COUNT items, numbered from 1. */
static inline struct item *new_items(struct edge *edge, unsigned count)
{
    struct item *items = xcalloc(count, sizeof(*items));

    for (unsigned i = 0; i < count; i++) {
        items[i].edge = edge;
        items[i].number = i + 1;
        items[i].delivery.kind = RECORD_HALT;
        snprintf(items[i].delivery.id, sizeof(items[i].delivery.id), "%032u", i + 1);
    }
    return items;
}

static inline void deliver(struct edge *edge, struct item *items, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        channel_client_deliver(edge->client, &items[i].delivery);
}

static inline uint64_t counter(const struct counters *counters, const char *name)
{
    for (size_t i = 0; i < counters->count; i++) {
        if (strcmp(counters->names[i], name) == 0)
            return counters->values[i];
    }
    ck_abort_msg("there is no counter %s", name);
}

static inline void assert_numbers(const unsigned *numbers, size_t count, unsigned from)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(numbers[i], from + i);
}

static inline unsigned count_of(const char *text, const char *word)
{
    unsigned count = 0;

    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

/* A raw socket that plays a peer of the server, or the server itself. */
static inline struct sockaddr_un edge_address(const struct edge *edge)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    strcpy(address.sun_path, edge->path);
    return address;
}

static inline int raw_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

    ck_assert_int_ge(fd, 0);
    return fd;
}

static inline int raw_connect(const struct edge *edge)
{
    struct sockaddr_un address = edge_address(edge);
    int fd = raw_socket();

    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline int raw_listen(const struct edge *edge)
{
    struct sockaddr_un address = edge_address(edge);
    int fd = raw_socket();

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(fd, 4), 0);
    return fd;
}

static inline int raw_accept(struct edge *edge, int listener)
{
    int fd = -1;

    LOOP_UNTIL(edge, (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0);
    return fd;
}

static inline void raw_send(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Everything that comes until the other side closes, as one text. */
static inline char *raw_read_to_end(struct edge *edge, int fd)
{
    static char all[256 * 1024];
    size_t used = 0;
    ssize_t size = -1;

    LOOP_UNTIL(edge, (size = recv(fd, all + used, sizeof(all) - 1 - used, 0)) == 0 ||
                     (used += size > 0 ? (size_t)size : 0, false));
    all[used] = '\0';
    return all;
}

/* The same until WORD has come. */
static inline void raw_read_until(struct edge *edge, int fd, const char *word)
{
    static char all[256 * 1024];
    size_t used = 0;

    all[0] = '\0';
    while (strstr(all, word) == NULL) {
        ssize_t size = -1;
        LOOP_UNTIL(edge, (size = recv(fd, all + used, sizeof(all) - 1 - used, 0)) >= 0);
        ck_assert_msg(size > 0, "the other side closed without %s: %s", word, all);
        used += (size_t)size;
        all[used] = '\0';
    }
}

/* What is logged, up to LEVEL, until captured_log(). */
static inline void capture_log(const struct edge *edge, enum log_level level)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/log", edge->folder);
    ck_assert_ptr_nonnull(freopen(path, "w", stderr));
    log_open("test", level);
}

static inline const char *captured_log(const struct edge *edge)
{
    static char log[8192];
    char path[128];

    snprintf(path, sizeof(path), "%s/log", edge->folder);
    fflush(stderr);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    log[fread(log, 1, sizeof(log) - 1, file)] = '\0';
    fclose(file);
    unlink(path);
    return log;
}
