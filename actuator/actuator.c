#include "actuator/state.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actuator/status.h"
#include "common/clock.h"
#include "common/log.h"

static const struct timeval every_second = { .tv_sec = 1 };
static const struct timeval every_ten_seconds = { .tv_sec = 10 };
static const struct timeval retain_soon = { .tv_usec = 100 * US_PER_MS };
static const struct timeval drain_most = { .tv_sec = 2 };

static void on_second(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    const struct actuator *actuator = arg;
    status_show(actuator->options, actuator->ledger, actuator->engine,
                channel_server_peers(actuator->server), actuator->values);
}

static void on_probe(void *arg, const struct open_incident *open)
{
    const struct actuator *actuator = arg;
    const struct record record = { .kind = RECORD_OPEN, .open = *open };

    if (actuator->server)
        channel_server_broadcast(actuator->server, &record);
}

static void on_ended(void *arg)
{
    const struct actuator *actuator = arg;
    turn_closes(actuator->turn);
}

static void on_reported(void *arg, uint64_t ticket, const char *id)
{
    const struct actuator *actuator = arg;
    commands_reported(actuator->commands, ticket, id);
}

static void on_closed(void *arg, const char *id, enum outcome outcome, const char *detail)
{
    const struct actuator *actuator = arg;
    if (actuator->commands)
        commands_closed(actuator->commands, id, outcome, detail);
}

static void on_leave_changed(void *arg)
{
    const struct actuator *actuator = arg;
    if (actuator->engine)
        engine_leave_changed(actuator->engine);
}

static void on_released(void *arg)
{
    const struct actuator *actuator = arg;
    event_base_loopbreak(actuator->base);
}

static void on_drained(void *arg)
{
    const struct actuator *actuator = arg;

    if (actuator->ledger)
        ledger_release(actuator->ledger, on_released, arg);
    else
        event_base_loopbreak(actuator->base);
}

static void on_stats(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct actuator *actuator = arg;
    const struct stats_setup stats = actuator_stats(actuator);

    engine_remind(actuator->engine);
    stats_tell(&stats, NULL);
}

static void on_retain(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    const struct actuator *actuator = arg;
    bool more =
        incidents_retain(actuator->incidents, &actuator->options->retention, clock_wall_us());

    evtimer_add(actuator->retain, more ? &retain_soon : &every_ten_seconds);
}

static void resume(void *arg, struct incident *incident)
{
    struct actuator *actuator = arg;

    actuator->values[COUNT_INCIDENTS_RESUMED]++;
    engine_adopt(actuator->engine, incident);
}

static bool open_database(struct actuator *actuator)
{
    char error[INCIDENTS_ERROR_SIZE];

    actuator->incidents = incidents_open(actuator->options->state, error);
    if (!actuator->incidents) {
        log_error("%s", error);
        return false;
    }
    actuator->people = people_new(actuator->base, actuator->incidents);
    return true;
}

static struct kube_client *open_client(struct actuator *actuator)
{
    char error[KUBE_ERROR_SIZE];
    struct kube_client *client =
        kube_client_new(actuator->base, actuator->options->kube, KUBE_REQUESTS, error);

    if (!client)
        log_error("%s", error);
    return client;
}

/* Whether anything at all is written to the cluster. */
static bool writes(const struct actuator *actuator)
{
    return actuator->options->mode > MODE_OBSERVE && actuator->options->dry == REMEDY_REAL;
}

static bool may_write(void *arg)
{
    const struct actuator *actuator = arg;
    return ledger_may_write(actuator->ledger);
}

/* What only an actuator that writes has: leave to do so, and what it may have to undo. */
static bool open_writing(struct actuator *actuator)
{
    actuator->ledger_client = open_client(actuator);
    if (!actuator->ledger_client)
        return false;
    actuator->ledger = ledger_new(&(struct ledger_setup){
        .base = actuator->base,
        .client = actuator->ledger_client,
        .identity = incidents_identity(actuator->incidents),
        .limits = &actuator->options->limits,
        .failures = &actuator->values[COUNT_LEDGER_FAILURES],
        .changed = on_leave_changed,
        .arg = actuator,
    });
    actuator->sweep = sweep_new(&(struct sweep_setup){
        .base = actuator->base,
        .client = actuator->client,
        .names = actuator->names,
        .counts = actuator->values,
        .may_write = may_write,
        .arg = actuator,
    });
    return true;
}

static bool open_engine(struct actuator *actuator)
{
    const struct actuator_options *options = actuator->options;

    actuator->client = open_client(actuator);
    actuator->names = names_new(options->domain);
    actuator->optouts = (struct optouts){ .names = actuator->names,
                                          .include_control_plane = options->include_control_plane };
    if (!actuator->client ||
        !optouts_read(&actuator->optouts, options->mode, options->node_selector) ||
        (writes(actuator) && !open_writing(actuator)))
        return false;
    actuator->engine = engine_new(&(struct engine_setup){
        .base = actuator->base,
        .client = actuator->client,
        .people = actuator->people,
        .names = actuator->names,
        .optouts = &actuator->optouts,
        .ledger = actuator->ledger,
        .instance = actuator->instance,
        .mode = options->mode,
        .on_halt = options->on_halt,
        .dry = options->dry,
        .accept_unverified = options->accept_unverified,
        .counts = actuator->values,
        .steps = &actuator->steps,
        .probe = on_probe,
        .ended = on_ended,
        .drained = on_drained,
        .arg = actuator,
    });
    return true;
}

static bool open_upstream(struct actuator *actuator)
{
    actuator->server = channel_server_new(actuator->base, actuator->options->socket, ROLE_ACTUATOR,
                                          ROLE_CORRELATOR, true, &actuator_upstream, actuator);
    if (!actuator->server)
        return false;
    actuator->turn = turn_new(&(struct turn_setup){
        .base = actuator->base,
        .incidents = actuator->incidents,
        .engine = actuator->engine,
        .server = actuator->server,
        .counts = actuator->values,
        .reported = on_reported,
        .closed = on_closed,
        .arg = actuator,
        .steps = &actuator->steps,
    });
    return true;
}

static bool open_control(struct actuator *actuator)
{
    if (!actuator->options->control)
        return true;
    actuator->commands = commands_new(&(struct commands_setup){
        .base = actuator->base,
        .path = actuator->options->control,
        .client = actuator->client,
        .names = actuator->names,
        .incidents = actuator->incidents,
        .people = actuator->people,
        .engine = actuator->engine,
        .turn = actuator->turn,
        .ledger = actuator->ledger,
        .counts = actuator->values,
    });
    return actuator->commands != NULL;
}

struct actuator *actuator_new(struct event_base *base, const struct actuator_options *options)
{
    struct actuator *actuator = xcalloc(1, sizeof(*actuator));

    actuator->base = base;
    actuator->options = options;
    actuator->counters = (struct counters){ count_names, COUNTS, actuator->values };
    if (gethostname(actuator->instance, sizeof(actuator->instance) - 1) != 0)
        strcpy(actuator->instance, NAMES_CALLER);
    if (!open_database(actuator) || !open_engine(actuator) || !open_upstream(actuator) ||
        !open_control(actuator)) {
        actuator_free(actuator);
        return NULL;
    }
    if (!incidents_each_open(actuator->incidents, resume, actuator)) {
        log_error("the open incidents in %s cannot be read", options->state);
        actuator_free(actuator);
        return NULL;
    }
    actuator->second = event_new(base, -1, EV_PERSIST, on_second, actuator);
    event_add(actuator->second, &every_second);
    actuator->stats = event_new(base, -1, EV_PERSIST, on_stats, actuator);
    event_add(actuator->stats, &every_ten_seconds);
    actuator->retain = evtimer_new(base, on_retain, actuator);
    evtimer_add(actuator->retain, &every_ten_seconds);
    on_second(-1, 0, actuator);
    return actuator;
}

void actuator_free(struct actuator *actuator)
{
    if (!actuator)
        return;
    if (actuator->turn) {
        turn_finish(actuator->turn);
        counters_log(&actuator->counters);
        counters_log(channel_server_counters(actuator->server));
    }
    commands_free(actuator->commands);
    turn_free(actuator->turn);
    ledger_free(actuator->ledger);
    if (actuator->ledger_client)
        kube_client_free(actuator->ledger_client);
    if (actuator->server)
        channel_server_free(actuator->server);
    if (actuator->client)
        kube_client_free(actuator->client);
    sweep_free(actuator->sweep);
    engine_free(actuator->engine);
    names_free(actuator->names);
    people_free(actuator->people);
    if (actuator->incidents)
        incidents_close(actuator->incidents);
    if (actuator->second)
        event_free(actuator->second);
    if (actuator->stats)
        event_free(actuator->stats);
    if (actuator->retain)
        event_free(actuator->retain);
    free(actuator);
}

void actuator_stop(void *arg)
{
    struct actuator *actuator = arg;

    channel_server_hold(actuator->server, true);
    engine_stop(actuator->engine);
    event_base_loopexit(actuator->base, &drain_most);
}
