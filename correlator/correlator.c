#include "correlator/correlator.h"

#include "common/clock.h"
#include "common/kube/http.h"
#include "common/memory.h"
#include "common/service.h"
#include "correlator/state.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

const char *const counter_names[COUNTERS] = {
    [PANICS] = "panics",
    [HALTS] = "halts",
    [DRILLS] = "drills",
    [LATES] = "lates",
    [HEARTBEATS] = "heartbeats",
    [SENT_AGAIN] = "sent_again",
    [HELD] = "held",
    [NO_ROOM] = "no_room",
    [UNKNOWN] = "unknown",
    [ALIVE] = "alive",
    [INTENTS + VERDICT_UNVERIFIED] = "unverified",
    [INTENTS + VERDICT_SILENT] = "silent",
    [INTENTS + VERDICT_UNPROBABLE] = "unprobable",
    [INTENTS + VERDICT_REBOOTED] = "rebooted",
    [INTENTS + VERDICT_RECREATED] = "recreated",
    [INTENTS + VERDICT_EXPIRED] = "expired",
    [INTENTS + VERDICT_MISMATCH] = "mismatch",
    [INTENTS + VERDICT_DRILL] = "drill",
    [INTENTS + VERDICT_LATE] = "late",
    [ACKNOWLEDGED] = "acknowledged",
    [INTENTS_REFUSED] = "intents_refused",
    [TRACES] = "traces",
    [RESULTS] = "results",
    [EVIDENCE] = "evidence",
    [RETRACTS] = "retracts",
    [OPENS] = "opens",
    [SPEAKS] = "speaks",
};

static void tell_status(const struct correlator *correlator)
{
    const struct nodemap *map = nodewatch_map(correlator->watch);
    const char *actuator = "dry run: prints what it would ask for";
    char nodes[128] = "NO LIST OF NODES yet, so judges nothing", probing[128] = "verifies nothing";
    if (map != NULL)
        snprintf(nodes, sizeof(nodes), "%s %zu nodes",
                 nodewatch_is_stale(correlator->watch) ? "NO WATCH, so judges nothing; knows"
                                                       : "watches",
                 nodemap_count(map));
    if (correlator->settings.to != NULL)
        actuator = channel_client_is_connected(correlator->actuator) ? "actuator connected"
                                                                     : "actuator AWAY";
    if (correlator->probing != NULL) {
        struct probing_ports ports = probing_coverage(correlator->probing);
        snprintf(probing, sizeof(probing),
                 "%zu of %zu kubelet ports answer; judges %zu nodes, probes %zu of open incidents",
                 ports.good, ports.known, probing_judged(correlator->probing),
                 probing_suspects(correlator->probing) - probing_judged(correlator->probing));
    }
    service_status("%s; %s; %zu panics held; %zu not acknowledged; %s", nodes, probing,
                   correlator->held_count, correlator->gasps.count, actuator);
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct correlator *correlator = arg;
    hear_again(correlator);
    pages_second(correlator->pages);
    tell_status(correlator);
}

static void on_map(void *arg, const struct nodemap *map)
{
    struct correlator *correlator = arg;
    if (correlator->known_us == 0)
        correlator->known_us = clock_wall_us();
    roster_replace(correlator->roster, map);
    if (correlator->probing != NULL)
        probing_replace(correlator->probing, map);
    hear_again(correlator);
    tell_status(correlator);
}

static void on_address(void *arg, const struct address *address, bool claimed)
{
    struct correlator *correlator = arg;
    roster_changed(correlator->roster, address, claimed);
}

static void on_node(void *arg, const struct node_facts *was, const struct node_facts *is)
{
    struct correlator *correlator = arg;
    if (correlator->probing != NULL)
        probing_change(correlator->probing, was, is);
}

static const struct generations_handler watch_handler = { on_map, on_address, on_node };

static void on_heard(struct correlator *correlator, const struct lines *addresses)
{
    struct address address;
    for (size_t i = 0; i < addresses->count; i++) {
        if (address_parse(addresses->line[i], &address))
            nodewatch_hear(correlator->watch, &address, 0);
    }
}

static void on_heartbeat(struct correlator *correlator, const struct heartbeat *heartbeat)
{
    struct address address;
    correlator->values[HEARTBEATS]++;
    if (address_parse(heartbeat->source, &address))
        nodewatch_hear(correlator->watch, &address, (uint32_t)heartbeat->every_s);
}

static void on_listener_record(void *arg, struct channel_peer *peer, const struct record *record)
{
    struct correlator *correlator = arg;
    if (record_types[record->kind].acknowledged) {
        hear(correlator, peer, record);
    } else if (record->kind == RECORD_TRACE) {
        correlator->values[TRACES]++;
        channel_client_send(correlator->actuator, record);
    } else if (record->kind == RECORD_SPEAKS) {
        evidence_speaks(correlator, &record->speaks);
    } else if (record->kind == RECORD_HEARTBEAT) {
        on_heartbeat(correlator, &record->heartbeat);
    } else if (record->kind == RECORD_HEARD) {
        on_heard(correlator, &record->heard.addresses);
    } else if (record->kind == RECORD_STATS) {
        pages_stats(correlator->pages, ROLE_LISTENER, peer, &record->stats);
    }
}

static void on_listener(void *arg, struct channel_peer *peer)
{
    struct correlator *correlator = arg;
    roster_joined(correlator->roster, peer);
}

static void on_listener_left(void *arg, struct channel_peer *peer)
{
    struct correlator *correlator = arg;
    roster_left(correlator->roster, peer);
    pages_left(correlator->pages, peer);
}

static bool on_listener_room(void *arg, struct channel_peer *peer, struct record *record)
{
    struct correlator *correlator = arg;
    return roster_more(correlator->roster, peer, record);
}

static const struct channel_server_handler listener_handler = {
    .record = on_listener_record,
    .joined = on_listener,
    .left = on_listener_left,
    .more = on_listener_room,
};

static void on_fill(void *arg, struct delivery *delivery, struct record *record)
{
    struct correlator *correlator = arg;
    if (delivery->kind == RECORD_RETRACT)
        evidence_fill(delivery, record);
    else
        judgements_fill(correlator->judgements, delivery, record);
}

static void on_acknowledged(void *arg, struct delivery *delivery)
{
    struct correlator *correlator = arg;
    if (delivery->kind == RECORD_RETRACT)
        evidence_acknowledged(delivery);
    else
        judgements_acknowledged(correlator->judgements, delivery);
}

static void on_refused(void *arg, struct delivery *delivery, const char *why)
{
    (void)why;
    struct correlator *correlator = arg;
    correlator->values[INTENTS_REFUSED] += delivery->kind == RECORD_INTENT;
}

static void on_actuator_record(void *arg, const struct record *record)
{
    struct correlator *correlator = arg;
    if (record->kind == RECORD_OPEN)
        evidence_open(correlator, &record->open);
    else if (record->kind == RECORD_STATS)
        pages_stats(correlator->pages, ROLE_ACTUATOR, correlator->actuator, &record->stats);
    if (record->kind != RECORD_RESULT)
        return;
    correlator->values[RESULTS]++;
    log_info_of(record->result.id, "the actuator closed it as %s: %s",
                outcome_names[record->result.outcome], record->result.detail);
    evidence_result(correlator, &record->result);
}

static void on_actuator(void *arg, bool up)
{
    struct correlator *correlator = arg;
    if (!up)
        pages_left(correlator->pages, correlator->actuator);
}

static const struct channel_client_handler actuator_handler = {
    .fill = on_fill,
    .acknowledged = on_acknowledged,
    .refused = on_refused,
    .record = on_actuator_record,
    .connected = on_actuator,
};

/* The socket for listeners comes last: who connects there is served from the first record on. */
static bool open_edges(struct correlator *correlator, struct event_base *base)
{
    const struct correlator_settings *settings = &correlator->settings;
    char error[KUBE_ERROR_SIZE];
    correlator->stream = kube_client_new(base, settings->kube, KUBE_STREAM, error);
    if (correlator->stream != NULL && settings->verify)
        correlator->requests = kube_client_new(base, settings->kube, KUBE_REQUESTS, error);
    if (correlator->stream == NULL || (settings->verify && correlator->requests == NULL)) {
        log_error("%s", error);
        return false;
    }
    if (settings->verify)
        correlator->probing = probing_new(base, correlator->requests, &settings->times,
                                          &evidence_handler, correlator);
    correlator->watch =
        nodewatch_new(base, correlator->stream, correlator->annotation, &watch_handler, correlator);
    if (settings->to != NULL)
        correlator->actuator = channel_client_new(base, settings->to, ROLE_CORRELATOR,
                                                  ROLE_ACTUATOR, &actuator_handler, correlator);
    else
        correlator->actuator = channel_client_new_printing(base, ROLE_CORRELATOR, ROLE_ACTUATOR,
                                                           &actuator_handler, correlator);
    if (correlator->actuator == NULL)
        return false;
    correlator->judgements = judgements_new(correlator->actuator, &correlator->gasps,
                                            settings->expire_us, heard_out, correlator);
    correlator->listeners = channel_server_new(base, settings->socket, ROLE_CORRELATOR,
                                               ROLE_LISTENER, false, &listener_handler, correlator);
    return correlator->listeners != NULL;
}

struct correlator *correlator_new(struct event_base *base,
                                  const struct correlator_settings *settings)
{
    struct correlator *correlator = xcalloc(1, sizeof(*correlator));
    correlator->settings = *settings;
    correlator->annotation = xasprintf("node.%s/netconsole-source", settings->domain);
    correlator->counters = (struct counters){ counter_names, COUNTERS, correlator->values };
    correlator->held_end = &correlator->held;
    correlator->roster = roster_new();
    gasps_init(&correlator->gasps);
    if (!open_edges(correlator, base)) {
        correlator_free(correlator);
        return NULL;
    }
    if (settings->metrics != NULL)
        correlator->pages = pages_new(base, correlator);
    correlator->second = event_new(base, -1, EV_PERSIST, on_second, correlator);
    event_add(correlator->second, &(struct timeval){ .tv_sec = 1 });
    tell_status(correlator);
    return correlator;
}

void correlator_free(struct correlator *correlator)
{
    if (correlator->second != NULL) {
        counters_log(nodewatch_counters(correlator->watch));
        if (correlator->probing != NULL)
            probing_log_counts(correlator->probing);
        counters_log(&correlator->counters);
        counters_log(channel_server_counters(correlator->listeners));
        counters_log(channel_client_counters(correlator->actuator));
        pages_log_counts(correlator->pages);
        event_free(correlator->second);
    }
    if (correlator->listeners != NULL)
        channel_server_free(correlator->listeners);
    judgements_free(correlator->judgements);
    if (correlator->actuator != NULL)
        channel_client_free(correlator->actuator);
    probing_free(correlator->probing);
    nodewatch_free(correlator->watch);
    if (correlator->stream != NULL)
        kube_client_free(correlator->stream);
    if (correlator->requests != NULL)
        kube_client_free(correlator->requests);
    roster_free(correlator->roster);
    gasps_clear(&correlator->gasps);
    pages_free(correlator->pages);
    free(correlator->annotation);
    free(correlator);
}
