#include "actuator/actuator.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actuator/counts.h"
#include "actuator/engine.h"
#include "actuator/request.h"
#include "actuator/turn.h"
#include "common/channel.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/service.h"

static const struct timeval stats_every = { .tv_sec = 10 };
static const struct timeval drain_most = { .tv_sec = 2 };

struct actuator {
    struct event_base *base;
    const struct actuator_options *options;
    char instance[128];
    uint64_t values[COUNTS];
    uint64_t values_sent[COUNTS];
    struct counters counters;
    struct names *names;
    struct incidents *incidents;
    struct people *people;
    struct kube_client *client;
    struct engine *engine;
    struct channel_server *server;
    struct turn *turn;
    struct event *stats;
};

static void show_status(const struct actuator *actuator)
{
    const uint64_t *values = actuator->values;

    service_status("mode %s%s: %zu incidents open, %llu closed; %llu pods and %llu Nodes deleted",
                   mode_names[actuator->options->mode],
                   actuator->options->dry == REMEDY_REAL ? "" : ", dry run",
                   engine_open(actuator->engine),
                   (unsigned long long)values[COUNT_INCIDENTS_CLOSED],
                   (unsigned long long)values[COUNT_PODS_DELETED],
                   (unsigned long long)values[COUNT_NODES_DELETED]);
}

static void take_intent(struct actuator *actuator, struct channel_peer *peer,
                        const struct intent *intent)
{
    char why[RECORD_WHY_SIZE];

    if (!request_check(intent, clock_wall_us(), why)) {
        actuator->values[COUNT_INTENTS_REFUSED]++;
        channel_peer_refuse(peer, RECORD_INTENT, intent->id, why);
        return;
    }
    actuator->values[COUNT_INTENTS]++;
    turn_add_intent(actuator->turn, intent);
}

static void on_record(void *arg, struct channel_peer *peer, const struct record *record)
{
    struct actuator *actuator = arg;

    switch (record->kind) {
    case RECORD_INTENT:
        take_intent(actuator, peer, &record->intent);
        break;
    case RECORD_RETRACT:
        actuator->values[COUNT_RETRACTS]++;
        turn_add_retract(actuator->turn, &record->retract);
        break;
    case RECORD_TRACE:
        actuator->values[COUNT_TRACES]++;
        people_trace(actuator->people, &record->trace);
        break;
    case RECORD_EVIDENCE:
        actuator->values[COUNT_EVIDENCE]++;
        break;
    default: /* the channel lets nothing else through from a correlator */
        break;
    }
}

static const struct channel_server_handler upstream = { .record = on_record };

static void on_ended(void *arg)
{
    const struct actuator *actuator = arg;
    turn_closes(actuator->turn);
}

static void on_drained(void *arg)
{
    const struct actuator *actuator = arg;
    event_base_loopbreak(actuator->base);
}

static void on_stats(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct actuator *actuator = arg;

    show_status(actuator);
    if (memcmp(actuator->values, actuator->values_sent, sizeof(actuator->values)) == 0)
        return;
    struct record record = { .kind = RECORD_STATS };
    struct arena arena = { 0 };
    counters_record(&actuator->counters, &arena, &record.stats.counters);
    channel_server_broadcast(actuator->server, &record);
    arena_free(&arena);
    memcpy(actuator->values_sent, actuator->values, sizeof(actuator->values));
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

static bool open_engine(struct actuator *actuator)
{
    const struct actuator_options *options = actuator->options;
    char error[KUBE_ERROR_SIZE];

    actuator->client = kube_client_new(actuator->base, options->kube, KUBE_REQUESTS, error);
    if (!actuator->client) {
        log_error("%s", error);
        return false;
    }
    actuator->names = names_new(options->domain);
    actuator->engine = engine_new(&(struct engine_setup){
        .base = actuator->base,
        .client = actuator->client,
        .people = actuator->people,
        .names = actuator->names,
        .instance = actuator->instance,
        .mode = options->mode,
        .dry = options->dry,
        .accept_unverified = options->accept_unverified,
        .counts = actuator->values,
        .ended = on_ended,
        .drained = on_drained,
        .arg = actuator,
    });
    return true;
}

static bool open_upstream(struct actuator *actuator)
{
    actuator->server = channel_server_new(actuator->base, actuator->options->socket, ROLE_ACTUATOR,
                                          ROLE_CORRELATOR, true, &upstream, actuator);
    if (!actuator->server)
        return false;
    actuator->turn = turn_new(&(struct turn_setup){
        .base = actuator->base,
        .incidents = actuator->incidents,
        .engine = actuator->engine,
        .server = actuator->server,
        .counts = actuator->values,
    });
    return true;
}

struct actuator *actuator_new(struct event_base *base, const struct actuator_options *options)
{
    struct actuator *actuator = xcalloc(1, sizeof(*actuator));

    actuator->base = base;
    actuator->options = options;
    actuator->counters = (struct counters){ count_names, COUNTS, actuator->values };
    if (gethostname(actuator->instance, sizeof(actuator->instance) - 1) != 0)
        strcpy(actuator->instance, NAMES_CALLER);
    if (!open_database(actuator) || !open_engine(actuator) || !open_upstream(actuator)) {
        actuator_free(actuator);
        return NULL;
    }
    if (!incidents_each_open(actuator->incidents, resume, actuator)) {
        log_error("the open incidents in %s cannot be read", options->state);
        actuator_free(actuator);
        return NULL;
    }
    actuator->stats = event_new(base, -1, EV_PERSIST, on_stats, actuator);
    event_add(actuator->stats, &stats_every);
    show_status(actuator);
    return actuator;
}

void actuator_free(struct actuator *actuator)
{
    if (!actuator)
        return;
    if (actuator->turn) {
        turn_finish(actuator->turn);
        counters_log(&actuator->counters);
    }
    turn_free(actuator->turn);
    if (actuator->server)
        channel_server_free(actuator->server);
    if (actuator->client)
        kube_client_free(actuator->client);
    engine_free(actuator->engine);
    names_free(actuator->names);
    people_free(actuator->people);
    if (actuator->incidents)
        incidents_close(actuator->incidents);
    if (actuator->stats)
        event_free(actuator->stats);
    free(actuator);
}

void actuator_stop(void *arg)
{
    struct actuator *actuator = arg;

    channel_server_hold(actuator->server, true);
    engine_stop(actuator->engine);
    event_base_loopexit(actuator->base, &drain_most);
}
