/*
 * The upstream side: one link at a time, and the role's deliveries.  When the link ends, what was
 * sent waits again; the next link is tried after the backoff, which starts anew once a peer was
 * fine for a second or said hello, unless it is one that refused us before.
 */
#include "common/channel_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKOFF_MIN_US (50 * US_PER_MS)
#define BACKOFF_MAX_US (2 * US_PER_SECOND)
#define STAYED_US      US_PER_SECOND
#define PARKED_US      US_PER_MINUTE
#define PARKED_STEP_US US_PER_SECOND /* so that many, parked one by one, are not one wake-up each */

enum {
    CONNECTS,
    SENT,
    RESENT,
    ACKNOWLEDGED,
    PARKED,
    DROPPED,
    ERRORS,
    GARBAGE,
    COUNTERS,
};
static const char *const counter_names[COUNTERS] = {
    "downstream_connects",     "downstream_sent",   "downstream_resent",
    "downstream_acknowledged", "downstream_parked", "downstream_dropped",
    "downstream_errors",       "downstream_garbage",
};

struct channel_client {
    struct event_base *base;
    struct sockaddr_un address; /* empty when it prints */
    enum role role, peer;
    const struct channel_client_handler *handler;
    void *arg;

    struct link link;
    bool up, prints;
    struct event *timer; /* up: it has stayed; down: connect; when it prints: something waits */
    uint64_t backoff_us;
    bool refused;                  /* by the connection before, or by this one */
    char refusal[RECORD_WHY_SIZE]; /* what the peer said on this connection */
    char reason[RECORD_WHY_SIZE];  /* why there is none, as last logged; empty when there is one */

    struct deliveries deliveries;
    struct event *parked_timer; /* one for all, due when the one parked longest is */
    struct log_sample refusals;

    uint64_t values[COUNTERS];
    struct counters counters;
};

static void set_timer(struct event *timer, uint64_t us)
{
    event_add(timer, &(struct timeval){ (time_t)(us / US_PER_SECOND),
                                        (suseconds_t)(us % US_PER_SECOND) });
}

void channel_client_deliver(struct channel_client *client, struct delivery *delivery)
{
    deliveries_add(&client->deliveries, delivery);
    if (client->up)
        link_wake(&client->link);
    else if (client->prints)
        set_timer(client->timer, 0);
}

void channel_client_withdraw(struct channel_client *client, struct delivery *delivery)
{
    deliveries_remove(&client->deliveries, delivery);
}

static bool next_delivery(void *arg, struct record *record)
{
    struct channel_client *client = arg;
    struct delivery *delivery = deliveries_next(&client->deliveries);

    if (delivery == NULL)
        return false;
    *record = (struct record){ .kind = delivery->kind };
    client->handler->fill(client->arg, delivery, record);
    delivery->state = DELIVERY_SENT;
    client->values[SENT]++;
    return true;
}

static void on_parked_timer(evutil_socket_t fd, short what, void *arg)
{
    struct channel_client *client = arg;
    uint64_t now = clock_monotonic_us();
    struct deliveries_due due = deliveries_unpark(&client->deliveries, now, PARKED_US);

    (void)fd, (void)what;
    client->values[RESENT] += due.count;
    if (due.left_us != UINT64_MAX)
        set_timer(client->parked_timer,
                  due.left_us > PARKED_STEP_US ? due.left_us : PARKED_STEP_US);
    if (client->up)
        link_wake(&client->link);
}

static void park(struct channel_client *client, struct delivery *delivery, const char *why)
{
    uint64_t skipped, now = clock_monotonic_us();
    char more[SKIPPED_SIZE];

    delivery->state = DELIVERY_PARKED;
    delivery->parked_us = now;
    client->values[PARKED]++;
    if (!event_pending(client->parked_timer, EV_TIMEOUT, NULL))
        set_timer(client->parked_timer, PARKED_US);
    if (log_sample_due(&client->refusals, now, &skipped))
        log_warning_of(delivery->id, "the %s refuses this %s, tried again each minute: %s%s",
                       role_names[client->peer], record_types[delivery->kind].name, why,
                       print_skipped(skipped, more));
    if (client->handler->refused != NULL)
        client->handler->refused(client->arg, delivery, why);
}

static void take_error(struct channel_client *client, const struct error_record *error)
{
    client->values[ERRORS]++;
    if (error->of == RECORD_KINDS) {
        client->refused = true;
        snprintf(client->refusal, sizeof(client->refusal), "refuses us: %s", error->why);
        return;
    }
    struct delivery *delivery = NULL;
    if (error->id != NULL)
        delivery = deliveries_find(&client->deliveries, error->of, error->id);
    uint64_t skipped;
    char more[SKIPPED_SIZE];
    if (delivery != NULL)
        park(client, delivery, error->why);
    else if (log_sample_due(&client->refusals, clock_monotonic_us(), &skipped))
        log_warning_of(error->id, "the %s refuses this %s: %s%s", role_names[client->peer],
                       record_types[error->of].name, error->why, print_skipped(skipped, more));
}

static void take_ack(struct channel_client *client, const struct ack *ack)
{
    struct delivery *delivery = deliveries_find(&client->deliveries, ack->of, ack->id);

    if (delivery == NULL)
        return;
    channel_client_withdraw(client, delivery);
    client->values[ACKNOWLEDGED]++;
    client->handler->acknowledged(client->arg, delivery);
}

static void take_packet(void *arg, const struct packet *packet)
{
    struct channel_client *client = arg;

    for (size_t i = 0; i < packet->count; i++) {
        const struct record *record = &packet->records[i];

        if (record->kind == RECORD_ACK)
            take_ack(client, &record->ack);
        else if (record->kind == RECORD_ERROR)
            take_error(client, &record->error);
        else if (record->kind == RECORD_HELLO && !client->refused)
            client->backoff_us = BACKOFF_MIN_US;
        else if (record->kind != RECORD_HELLO && client->handler->record != NULL)
            client->handler->record(client->arg, record);
    }
}

/* The connection: says once why there is none, and once that it is there again. */
static void connect_later(struct channel_client *client, const char *reason)
{
    if (strcmp(client->reason, reason) != 0) {
        snprintf(client->reason, sizeof(client->reason), "%s", reason);
        log_warning("the %s at %s %s; %zu records wait for it", role_names[client->peer],
                    client->address.sun_path, reason, client->deliveries.count);
    }
    set_timer(client->timer, client->backoff_us);
    client->backoff_us *= 2;
    if (client->backoff_us > BACKOFF_MAX_US)
        client->backoff_us = BACKOFF_MAX_US;
}

static void is_there(struct channel_client *client)
{
    client->reason[0] = '\0';
    log_notice("connected to the %s at %s; %zu records wait for it", role_names[client->peer],
               client->address.sun_path, client->deliveries.count);
}

static void on_closed(void *arg, enum link_end end, const char *why)
{
    struct channel_client *client = arg;
    char reason[RECORD_WHY_SIZE];

    snprintf(reason, sizeof(reason), "%s",
             client->refusal[0] != '\0' ? client->refusal : "is away");
    if (end == LINK_GARBAGE) {
        client->values[GARBAGE]++;
        client->refused = true;
        snprintf(reason, sizeof(reason), "sends what we cannot take: %s", why);
    }
    client->values[DROPPED] += link_close(&client->link);
    client->up = false;
    client->values[RESENT] += deliveries_unsend(&client->deliveries);
    connect_later(client, reason);
    if (client->handler->connected != NULL)
        client->handler->connected(client->arg, false);
}

static const struct link_handler link_handler = { take_packet, next_delivery, on_closed };

static void try_to_connect(struct channel_client *client)
{
    evutil_socket_t fd = socket_connect(&client->address);

    if (fd < 0 && (errno == ENOENT || errno == ECONNREFUSED)) {
        connect_later(client, "is away");
        return;
    }
    if (fd < 0) {
        char reason[RECORD_WHY_SIZE];
        snprintf(reason, sizeof(reason), "cannot be reached: %s", strerror(errno));
        connect_later(client, reason);
        return;
    }
    client->up = true;
    client->refusal[0] = '\0';
    client->values[CONNECTS]++;
    link_open(&client->link, client->base, fd, client->role, client->peer, false, &link_handler,
              client);
    set_timer(client->timer, STAYED_US);
    /* One that refuses us does so each time: it is there again when it does not any more. */
    if (!client->refused)
        is_there(client);
    if (client->handler->connected != NULL)
        client->handler->connected(client->arg, true);
}

static void print_deliveries(struct channel_client *client)
{
    static char line[RECORD_PACKET_MAX];
    struct record record;

    while (next_delivery(client, &record))
        fwrite(line, 1, record_encode(&record, line), stdout);
    fflush(stdout);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct channel_client *client = arg;

    (void)fd, (void)what;
    if (client->prints) {
        print_deliveries(client);
        return;
    }
    if (!client->up) {
        try_to_connect(client);
        return;
    }
    client->backoff_us = BACKOFF_MIN_US;
    if (client->refused && client->refusal[0] == '\0') {
        client->refused = false;
        is_there(client);
    }
}

static struct channel_client *new_client(struct event_base *base, enum role role, enum role peer,
                                         const struct channel_client_handler *handler, void *arg)
{
    struct channel_client *client = xcalloc(1, sizeof(*client));

    client->base = base;
    client->role = role;
    client->peer = peer;
    client->handler = handler;
    client->arg = arg;
    client->backoff_us = BACKOFF_MIN_US;
    client->counters = (struct counters){ counter_names, COUNTERS, client->values };
    client->timer = evtimer_new(base, on_timer, client);
    client->parked_timer = evtimer_new(base, on_parked_timer, client);
    return client;
}

struct channel_client *channel_client_new(struct event_base *base, const char *path,
                                          enum role role, enum role peer,
                                          const struct channel_client_handler *handler, void *arg)
{
    struct sockaddr_un address;

    if (!socket_address(path, &address))
        return NULL;
    struct channel_client *client = new_client(base, role, peer, handler, arg);
    client->address = address;
    set_timer(client->timer, 0);
    return client;
}

struct channel_client *channel_client_new_printing(struct event_base *base, enum role role,
                                                   enum role peer,
                                                   const struct channel_client_handler *handler,
                                                   void *arg)
{
    struct channel_client *client = new_client(base, role, peer, handler, arg);

    client->prints = true;
    return client;
}

void channel_client_free(struct channel_client *client)
{
    if (client->up)
        link_close(&client->link);
    event_free(client->timer);
    event_free(client->parked_timer);
    free(client);
}

bool channel_client_send(struct channel_client *client, const struct record *record)
{
    bool queued = client->up && link_offer(&client->link, record);

    client->values[queued ? SENT : DROPPED]++;
    return queued;
}

size_t channel_client_pending(const struct channel_client *client)
{
    return client->deliveries.count;
}

bool channel_client_is_connected(const struct channel_client *client)
{
    return client->up;
}

const struct counters *channel_client_counters(const struct channel_client *client)
{
    return &client->counters;
}
