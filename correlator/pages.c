#include "correlator/pages.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/memory.h"
#include "correlator/coverage.h"
#include "correlator/elapsed.h"
#include "correlator/http.h"
#include "correlator/stages.h"
#include "correlator/state.h"

#include <event2/buffer.h>
#include <stdlib.h>

#define NODES_A_PART 200

struct pages {
    struct correlator *correlator;
    struct http *http;
    struct stages *stages;
    struct coverage coverage;
    struct json_writer *writer;
    uint64_t started_us, started_wall_us;
};

const char *const page_gauge_names[PAGE_GAUGES] = {
    [PAGE_UP_LISTENER] = "up_listener",
    [PAGE_UP_CORRELATOR] = "up_correlator",
    [PAGE_UP_ACTUATOR] = "up_actuator",
    [PAGE_CONNECTED_LISTENER] = "connected_listener",
    [PAGE_CONNECTED_ACTUATOR] = "connected_actuator",
    [PAGE_STARTED_US] = "started_us",
    [PAGE_MAP_WHOLE] = "map_whole",
    [PAGE_MAP_STALE] = "map_stale",
    [PAGE_MAP_AGE_US] = "map_age_us",
    [PAGE_NODES] = "nodes",
    [PAGE_NODES_PROBABLE] = "nodes_probable",
    [PAGE_NODES_HEARD] = "nodes_heard",
    [PAGE_NODES_MUTE] = "nodes_mute",
    [PAGE_PORTS] = "ports",
    [PAGE_PORTS_PROBABLE] = "ports_probable",
    [PAGE_PORTS_UNTRIED] = "ports_untried",
    [PAGE_PANICS_OPEN] = "panics_open",
    [PAGE_PANICS_HELD] = "panics_held",
    [PAGE_MACHINES_PROBED] = "machines_probed",
    [PAGE_UNACKNOWLEDGED] = "unacknowledged",
};

static uint32_t to_seconds(uint64_t now_us)
{
    return (uint32_t)(now_us / US_PER_SECOND);
}

static size_t count_heard(const struct nodemap *map, uint64_t now_us)
{
    return map != NULL ? nodemap_count_heard(map, PAGES_WINDOW_S, to_seconds(now_us)) : 0;
}

static void gauge_probing(const struct correlator *correlator, uint64_t gauges[PAGE_GAUGES])
{
    if (correlator->probing == NULL)
        return;
    struct probing_ports ports = probing_coverage(correlator->probing);
    gauges[PAGE_PORTS] = ports.known;
    gauges[PAGE_PORTS_PROBABLE] = ports.good;
    gauges[PAGE_PORTS_UNTRIED] = ports.untried;
    gauges[PAGE_MACHINES_PROBED] = probing_suspects(correlator->probing);
}

static void gauge(const struct pages *pages, uint64_t now_us, uint64_t gauges[PAGE_GAUGES])
{
    const struct correlator *correlator = pages->correlator;
    const struct nodemap *map = nodewatch_map(correlator->watch);
    gauges[PAGE_UP_LISTENER] = stages_count(pages->stages, ROLE_LISTENER, now_us);
    gauges[PAGE_UP_CORRELATOR] = 1;
    gauges[PAGE_UP_ACTUATOR] = stages_count(pages->stages, ROLE_ACTUATOR, now_us);
    gauges[PAGE_CONNECTED_LISTENER] = channel_server_peers(correlator->listeners);
    gauges[PAGE_CONNECTED_ACTUATOR] = channel_client_is_connected(correlator->actuator);
    gauges[PAGE_STARTED_US] = pages->started_wall_us;
    gauges[PAGE_MAP_WHOLE] = map != NULL;
    gauges[PAGE_MAP_STALE] = nodewatch_is_stale(correlator->watch);
    gauges[PAGE_MAP_AGE_US] = nodewatch_age_us(correlator->watch);
    gauges[PAGE_NODES] = map != NULL ? nodemap_count(map) : 0;
    gauges[PAGE_NODES_PROBABLE] = pages->coverage.probable;
    gauges[PAGE_NODES_HEARD] = count_heard(map, now_us);
    gauges[PAGE_NODES_MUTE] = gauges[PAGE_NODES] - gauges[PAGE_NODES_HEARD];
    gauges[PAGE_PANICS_OPEN] = correlator->gasps.count;
    gauges[PAGE_PANICS_HELD] = correlator->held_count;
    gauges[PAGE_UNACKNOWLEDGED] = channel_client_pending(correlator->actuator);
    gauge_probing(correlator, gauges);
}

/* We are a stage like the others, and say it as they do. */
static void tell_own(struct pages *pages, uint64_t now_us)
{
    const struct correlator *correlator = pages->correlator;
    uint64_t gauges[PAGE_GAUGES] = { 0 };
    const struct counters gauged = { page_gauge_names, PAGE_GAUGES, gauges };
    const struct counters *tables[5 + PROBING_TABLES] = {
        &correlator->counters,
        &gauged,
        nodewatch_counters(correlator->watch),
        channel_server_counters(correlator->listeners),
        channel_client_counters(correlator->actuator),
    };
    const size_t count = correlator->probing != NULL ? 5 + PROBING_TABLES : 5;
    struct arena arena = { 0 };
    struct counts own = { 0 };
    gauge(pages, now_us, gauges);
    if (correlator->probing != NULL)
        probing_counters(correlator->probing, tables + 5);
    for (size_t i = 0; i < count; i++)
        counters_record(tables[i], &arena, &own);
    counters_record(http_counters(pages->http), &arena, &own);
    steps_record(&correlator->steps, &arena, &own);
    stages_take(pages->stages, ROLE_CORRELATOR, pages, &own, now_us);
    arena_free(&arena);
}

static bool more_metrics(void *arg, uint64_t *cursor, struct evbuffer *out)
{
    struct pages *pages = arg;
    uint64_t now_us = clock_monotonic_us();
    (void)cursor;
    tell_own(pages, now_us);
    stages_print(pages->stages, now_us, out);
    return false;
}

static void add_line(struct json_writer *writer, struct evbuffer *out)
{
    size_t size;
    const char *line = json_written(writer, &size);
    evbuffer_add(out, line, size);
    evbuffer_add(out, "\n", 1);
}

static void put_ago(struct json_writer *writer, const char *key, uint64_t then_s, uint64_t now_s)
{
    if (then_s == 0)
        json_null(writer, key);
    else
        json_number(writer, key, now_s > then_s ? now_s - then_s : 0);
}

/* The address by which it is asked, or any. */
static const char *address_of(const struct node_facts *facts, char text[ADDRESS_TEXT_SIZE])
{
    size_t best = 0;
    text[0] = '\0';
    for (size_t i = 1; i < facts->claim_count; i++) {
        if (facts->claims[i].rank < facts->claims[best].rank)
            best = i;
    }
    if (facts->claim_count > 0)
        address_print(&facts->claims[best].address, text);
    return text;
}

static void put_node(struct pages *pages, const struct node_facts *facts,
                     struct nodemap_voice voice, uint64_t now_us, struct evbuffer *out)
{
    const struct correlator *correlator = pages->correlator;
    struct json_writer *writer = pages->writer;
    char address[ADDRESS_TEXT_SIZE];
    uint64_t answered_us = 0, now_s = now_us / US_PER_SECOND;
    if (correlator->probing != NULL)
        answered_us = kubelets_answered_us(probing_means(correlator->probing)->kubelets, facts);
    json_writer_clear(writer);
    json_open_object(writer, NULL);
    json_text(writer, "node", facts->node.name);
    json_text(writer, "address", address_of(facts, address));
    put_ago(writer, "heard_s", voice.heard_s, now_s);
    if (voice.every_s > 0)
        json_number(writer, "every_s", voice.every_s);
    else
        json_null(writer, "every_s");
    json_flag(writer, "mute", nodemap_is_mute(&voice, PAGES_WINDOW_S, to_seconds(now_us)));
    put_ago(writer, "answered_s", answered_us / US_PER_SECOND, now_s);
    json_flag(writer, "probable",
              coverage_is_probable(answered_us, now_us, correlator->settings.times.baseline_us));
    json_close_object(writer);
    add_line(writer, out);
}

static void put_sum(struct pages *pages, const struct nodemap *map, uint64_t now_us,
                    struct evbuffer *out)
{
    struct json_writer *writer = pages->writer;
    json_writer_clear(writer);
    json_open_object(writer, NULL);
    json_number(writer, "nodes", map != NULL ? nodemap_count(map) : 0);
    json_number(writer, "nodes_heard", count_heard(map, now_us));
    json_number(writer, "nodes_probable", pages->coverage.probable);
    json_number(writer, "window_s", PAGES_WINDOW_S);
    json_number(writer, "running_s", elapsed_us(pages->started_us, now_us) / US_PER_SECOND);
    json_close_object(writer);
    add_line(writer, out);
}

/* When a new list of the Nodes takes the place of the old one between two parts, one may come twice
 * or not at all; what is said of each is true in any case. */
static bool more_nodes(void *arg, uint64_t *cursor, struct evbuffer *out)
{
    struct pages *pages = arg;
    const struct nodemap *map = nodewatch_map(pages->correlator->watch);
    uint64_t now_us = clock_monotonic_us();
    uint32_t at = (uint32_t)*cursor;
    struct node_facts facts;
    for (int i = 0; map != NULL && i < NODES_A_PART; i++) {
        if (!nodemap_next_node(map, &at, &facts)) {
            map = NULL;
            break;
        }
        put_node(pages, &facts, nodemap_voice(map, at), now_us, out);
    }
    *cursor = at;
    if (map != NULL)
        return true;
    put_sum(pages, nodewatch_map(pages->correlator->watch), now_us, out);
    return false;
}

static const struct http_page all_pages[] = {
    { "/metrics", "text/plain; version=0.0.4; charset=utf-8", more_metrics },
    { "/nodes", "application/x-ndjson", more_nodes },
    { NULL },
};

struct pages *pages_new(struct event_base *base, struct correlator *correlator)
{
    struct pages *pages = xcalloc(1, sizeof(*pages));
    pages->correlator = correlator;
    pages->started_us = clock_monotonic_us();
    pages->started_wall_us = clock_wall_us();
    pages->stages = stages_new();
    pages->writer = json_writer_new();
    pages->http = http_new(base, correlator->settings.metrics, all_pages, pages);
    return pages;
}

void pages_free(struct pages *pages)
{
    if (pages == NULL)
        return;
    http_free(pages->http);
    stages_free(pages->stages);
    json_writer_free(pages->writer);
    free(pages);
}

void pages_log_counts(const struct pages *pages)
{
    if (pages != NULL)
        counters_log(http_counters(pages->http));
}

void pages_stats(struct pages *pages, enum role of, const void *peer, const struct stats *stats)
{
    if (pages != NULL)
        stages_take(pages->stages, of, peer, &stats->counters, clock_monotonic_us());
}

void pages_left(struct pages *pages, const void *peer)
{
    if (pages != NULL)
        stages_forget(pages->stages, peer);
}

void pages_second(struct pages *pages)
{
    if (pages == NULL || pages->correlator->probing == NULL)
        return;
    const struct correlator *correlator = pages->correlator;
    const struct nodemap *map = nodewatch_map(correlator->watch);
    if (map != NULL)
        coverage_pass(&pages->coverage, map, probing_means(correlator->probing)->kubelets,
                      clock_monotonic_us(), correlator->settings.times.baseline_us);
}
