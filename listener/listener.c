#include "listener/listener.h"

#include "common/channel.h"
#include "common/clock.h"
#include "common/counters.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/service.h"
#include "listener/counts.h"
#include "listener/door.h"
#include "listener/intake.h"
#include "listener/replay.h"
#include "listener/udp.h"

#include <event2/event.h>
#include <stdlib.h>

/*
 * The shell around intake: it owns the loop's events and everything that talks.  It reads while a
 * Node's panic would find a slot; when none is left it stops reading (the kernel's queue holds
 * what it can) and says so, until the correlator acknowledges one.
 *
 * It ends in two ways, SIGTERM and the end of a replay, and alike: no more input, then it stays
 * until all is acknowledged (after SIGTERM for 2 s), and a moment longer for the traces.
 */
#define STATS_SECONDS 10
#define DRAIN_US      (2 * US_PER_SECOND)
#define LINGER_US     (50 * US_PER_MS)
#define PASSED_FIRST  3 /* SD_LISTEN_FDS_START */

struct listener {
    struct event_base *base;
    struct pending *pending;
    struct nodes *nodes;
    struct intake *intake;
    struct udp *udp;
    struct replay *replay;
    struct channel_client *client;
    struct event *second, *soon, *resume, *leave;
    bool reading, ending;
    unsigned seconds;
    bool is_new; /* the correlator has had no stats over this connection */
    struct log_sample dropped, refused, narrowed;
    size_t door_size; /* 0: to be built */
    struct sock_filter door[DOOR_MAX];
    uint64_t counts[COUNTS];
    struct counters counters;
};

static void after(struct event *timer, uint64_t us)
{
    event_add(timer,
              &(struct timeval){ (time_t)(us / US_PER_SECOND), (suseconds_t)(us % US_PER_SECOND) });
}

/* Leaves the loop, a moment later, when it is time to and everything is acknowledged. */
static void leave_if_done(struct listener *listener)
{
    if (listener->ending && channel_client_pending(listener->client) == 0)
        after(listener->leave, LINGER_US);
}

static void on_leave(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;
    (void)fd, (void)what;
    event_base_loopbreak(listener->base);
}

/* While a panic waits for its token. */
static void look_again_soon(struct listener *listener)
{
    if (intake_waits(listener->intake) && !event_pending(listener->soon, EV_TIMEOUT, NULL))
        after(listener->soon, INTAKE_SOON_US);
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;
    (void)fd, (void)what;
    intake_expire(listener->intake, clock_monotonic_us());
    if (!intake_waits(listener->intake))
        udp_settle(listener->udp);
    look_again_soon(listener);
}

/* Input. */
static bool on_unsettled(void *arg)
{
    struct listener *listener = arg;
    return intake_waits(listener->intake);
}

static bool on_datagram(void *arg, const struct datagram *datagram)
{
    struct listener *listener = arg;
    if (intake_datagram(listener->intake, datagram, clock_monotonic_us())) {
        look_again_soon(listener);
        return true;
    }
    listener->counts[COUNT_NODE_SLOTS_FULL]++;
    if (listener->reading)
        log_alert("all %d slots for Nodes' panics are taken: nothing is read until the correlator "
                  "acknowledges one",
                  PENDING_NODE_SLOTS);
    listener->reading = false;
    return false;
}

static void on_dropped(void *arg, uint64_t count)
{
    struct listener *listener = arg;
    uint64_t skipped;
    listener->counts[COUNT_QUEUE_DROPS] += count;
    if (log_sample_due(&listener->dropped, clock_monotonic_us(), &skipped))
        log_warning("%llu datagrams were dropped before they could be read (%llu since the start): "
                    "too many came at once, or from where IPAddressAllow= does not allow it",
                    (unsigned long long)count,
                    (unsigned long long)listener->counts[COUNT_QUEUE_DROPS]);
}

static bool on_narrow(void *arg, struct sock_fprog *program)
{
    struct listener *listener = arg;
    size_t count = nodes_count(listener->nodes);
    if (count == 0)
        return false;
    if (listener->door_size == 0)
        listener->door_size = door_build(nodes_addresses(listener->nodes), count, listener->door);
    *program = (struct sock_fprog){ (unsigned short)listener->door_size, listener->door };
    uint64_t skipped;
    if (log_sample_due(&listener->narrowed, clock_monotonic_us(), &skipped))
        log_warning("the kernel's receive queue fills: until it has emptied only Nodes' "
                    "networks are heard (%llu times more since the last such line)",
                    (unsigned long long)skipped);
    return true;
}

static const struct udp_handler udp_handler = { on_datagram, on_unsettled, on_dropped, on_narrow };

static void begin_reading(struct listener *listener)
{
    listener->reading = true;
    panics_handle_again(intake_panics(listener->intake), false);
    if (listener->replay)
        replay_start(listener->replay);
    else
        udp_start(listener->udp);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;
    (void)fd, (void)what;
    if (listener->ending || !udp_resume(listener->udp))
        return;
    begin_reading(listener);
    log_notice("reading again");
}

static void on_replay_ended(void *arg)
{
    struct listener *listener = arg;
    intake_end(listener->intake);
    listener->ending = true;
    leave_if_done(listener);
}

static const struct replay_handler replay_handler = { on_datagram, on_replay_ended };

/* The correlator. */
static void on_fill(void *arg, struct delivery *delivery, struct record *record)
{
    struct listener *listener = arg;
    panics_fill(intake_panics(listener->intake), delivery, record);
}

static void on_acknowledged(void *arg, struct delivery *delivery)
{
    struct listener *listener = arg;
    panics_acknowledged(intake_panics(listener->intake), delivery);
    if (!listener->reading)
        event_active(listener->resume, EV_TIMEOUT, 0);
    leave_if_done(listener);
}

static void on_record(void *arg, const struct record *record)
{
    struct listener *listener = arg;
    size_t refused;
    uint64_t skipped;
    if (record->kind != RECORD_SOURCES)
        return;
    if (nodes_follow(listener->nodes, &record->sources, &refused)) {
        intake_nodes_changed(listener->intake);
        listener->door_size = 0;
    }
    listener->counts[COUNT_ADDRESSES_REFUSED] += refused;
    if (refused > 0 && log_sample_due(&listener->refused, clock_monotonic_us(), &skipped))
        log_error("%zu of the correlator's addresses of Nodes are none, or more than the %d that "
                  "are kept: panics from them are treated as a stranger's",
                  refused, PENDING_ADDRESSES);
    if (record->sources.op == SOURCES_END)
        log_info("%zu addresses are Nodes'", nodes_count(listener->nodes));
}

static void on_connected(void *arg, bool up)
{
    struct listener *listener = arg;
    listener->is_new = up;
}

static const struct channel_client_handler client_handler = {
    .fill = on_fill,
    .acknowledged = on_acknowledged,
    .record = on_record,
    .connected = on_connected,
};

/* Each second. */
static void gauge(const struct listener *listener, uint64_t gauges[GAUGES])
{
    size_t used = PENDING_NODE_SLOTS - pending_room(listener->pending);
    gauges[GAUGE_NODE_SLOTS] = PENDING_NODE_SLOTS;
    gauges[GAUGE_NODE_SLOTS_USED] = used;
    gauges[GAUGE_OTHER_SLOTS_USED] = pending_count(listener->pending) - used;
    gauges[GAUGE_READING] = listener->reading;
    gauges[GAUGE_NODE_ADDRESSES] = nodes_count(listener->nodes);
}

static void tell_stats(struct listener *listener)
{
    uint64_t gauges[GAUGES];
    const struct counters gauged = { gauge_names, GAUGES, gauges };
    struct arena arena = { 0 };
    struct record record = { .kind = RECORD_STATS };
    gauge(listener, gauges);
    counters_record(&listener->counters, &arena, &record.stats.counters);
    counters_record(&gauged, &arena, &record.stats.counters);
    counters_record(channel_client_counters(listener->client), &arena, &record.stats.counters);
    channel_client_send(listener->client, &record);
    arena_free(&arena);
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;
    (void)fd, (void)what;
    intake_expire(listener->intake, clock_monotonic_us());
    hints_second(intake_hints(listener->intake));
    bool due = ++listener->seconds % STATS_SECONDS == 0 || listener->is_new;
    if (due && channel_client_is_connected(listener->client)) {
        tell_stats(listener);
        listener->is_new = false;
    }
    service_status("%s, %zu addresses are Nodes', %zu panics and halts not acknowledged, "
                   "correlator %s",
                   listener->replay    ? "replaying"
                   : listener->reading ? "reading"
                                       : "NOT READING, all slots are taken",
                   nodes_count(listener->nodes), pending_count(listener->pending),
                   channel_client_is_connected(listener->client) ? "connected" : "AWAY");
}

/* Life. */
static bool open_input(struct listener *listener, const struct listener_settings *settings)
{
    if (settings->replay) {
        listener->replay = replay_new(listener->base, settings->replay, &settings->replay_source,
                                      &replay_handler, listener);
        return listener->replay != NULL;
    }
    for (int i = 0; i < settings->passed; i++)
        if (!udp_take(listener->udp, PASSED_FIRST + i))
            return false;
    for (size_t i = 0; i < settings->endpoint_count; i++)
        if (!udp_listen(listener->udp, settings->endpoints[i]))
            return false;
    return true;
}

static struct pending *open_pending(const char *path)
{
    char error[PENDING_ERROR_SIZE];
    struct pending *pending = pending_open(path, error);
    if (!pending)
        log_error("%s", error);
    return pending;
}

struct listener *listener_new(struct event_base *base, const struct listener_settings *settings)
{
    struct listener *listener = xcalloc(1, sizeof(*listener));
    listener->base = base;
    listener->counters = (struct counters){ count_names, COUNTS, listener->counts };
    listener->second = event_new(base, -1, EV_PERSIST, on_second, listener);
    listener->soon = event_new(base, -1, 0, on_soon, listener);
    listener->resume = event_new(base, -1, 0, on_resume, listener);
    listener->leave = event_new(base, -1, 0, on_leave, listener);
    listener->pending = open_pending(settings->pending);
    if (listener->pending) {
        listener->nodes = nodes_new(pending_address_sets(listener->pending));
        listener->intake =
            intake_new(listener->pending, listener->nodes, settings->tokens, listener->counts);
        if (settings->silent_oops)
            intake_watch_oopses(listener->intake);
        listener->udp = udp_new(base, pending_batch(listener->pending), &udp_handler, listener);
        listener->client = channel_client_new(base, settings->to, ROLE_LISTENER, ROLE_CORRELATOR,
                                              &client_handler, listener);
    }
    if (listener->client && open_input(listener, settings))
        return listener;
    listener_free(listener);
    return NULL;
}

void listener_free(struct listener *listener)
{
    if (listener->replay)
        replay_free(listener->replay);
    if (listener->client)
        channel_client_free(listener->client);
    if (listener->pending) {
        udp_free(listener->udp);
        intake_free(listener->intake);
        nodes_free(listener->nodes);
        pending_close(listener->pending);
    }
    event_free(listener->second);
    event_free(listener->soon);
    event_free(listener->resume);
    event_free(listener->leave);
    free(listener);
}

void listener_start(struct listener *listener)
{
    struct panics *panics = intake_panics(listener->intake);
    event_add(listener->second, &(struct timeval){ .tv_sec = 1 });
    panics_connect(panics, listener->client);
    hints_connect(intake_hints(listener->intake), listener->client);
    intake_remember(listener->intake, clock_monotonic_us());
    listener->reading = true;
    panics_handle_again(panics, true);
    if (udp_restore(listener->udp))
        begin_reading(listener);
}

void listener_stop(struct listener *listener)
{
    listener->ending = true;
    if (listener->replay)
        replay_stop(listener->replay);
    udp_stop(listener->udp);
    intake_end(listener->intake);
    counters_log(&listener->counters);
    after(listener->leave, DRAIN_US);
    leave_if_done(listener);
}
