#pragma once

#include "common/counters.h"
#include "common/record.h"

struct correlator;
struct event_base;

/*
 * What the correlator serves over HTTP, all of it read-only:
 *
 *   /metrics  of all three stages
 *   /nodes    one JSON object a line a Node: "node", "address", "heard_s" (ago; null: not since we
 *             started), "every_s" (of its heartbeat; null: it announced none), "mute" (not heard
 *             within "window_s", or for three heartbeats), "answered_s" (as "heard_s"),
 *             "probable"; and as the last line how many there are ("nodes", "nodes_heard",
 *             "nodes_probable"), "window_s", and "running_s", for how long we have been listening.
 *             Without that line it was cut short.
 */
#define PAGES_WINDOW_S 86400 /* who was not heard within a day is mute */

enum page_gauge {
    PAGE_UP_LISTENER,
    PAGE_UP_CORRELATOR,
    PAGE_UP_ACTUATOR,
    PAGE_CONNECTED_LISTENER,
    PAGE_CONNECTED_ACTUATOR,
    PAGE_STARTED_US,
    PAGE_MAP_WHOLE,
    PAGE_MAP_STALE,
    PAGE_MAP_AGE_US,
    PAGE_NODES,
    PAGE_NODES_PROBABLE,
    PAGE_NODES_HEARD,
    PAGE_NODES_MUTE,
    PAGE_PORTS,
    PAGE_PORTS_PROBABLE,
    PAGE_PORTS_UNTRIED,
    PAGE_PANICS_OPEN,
    PAGE_PANICS_HELD,
    PAGE_MACHINES_PROBED,
    PAGE_UNACKNOWLEDGED,
    PAGE_GAUGES,
};
extern const char *const page_gauge_names[PAGE_GAUGES];

struct pages;

/* Reads CORRELATOR, which it does not outlive, and writes nothing in it. */
struct pages *pages_new(struct event_base *base, struct correlator *correlator);

/* The rest takes NULL, too, for a correlator that serves none. */
void pages_free(struct pages *pages);
void pages_log_counts(const struct pages *pages);
/* PEER, of the stage OF, said this; and it is gone. */
void pages_stats(struct pages *pages, enum role of, const void *peer, const struct stats *stats);
void pages_left(struct pages *pages, const void *peer);
void pages_second(struct pages *pages);
