#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/counters.h"
#include "common/kube/http.h"
#include "correlator/generations.h"

struct event_base;

/*
 * Keeps the map of Nodes: lists, watches, and starts again by watchstep's rules whenever that
 * ends.  A new list is gathered beside the old map, which serves until the new one is whole.
 */
struct nodewatch;

/* CLIENT is a KUBE_STREAM client that nobody else uses; it, ANNOTATION and HANDLER outlive the
 * watch. */
struct nodewatch *nodewatch_new(struct event_base *base, struct kube_client *client,
                                const char *annotation, const struct generations_handler *handler,
                                void *arg);
void nodewatch_free(struct nodewatch *watch);

/* NULL until the first list is whole. */
const struct nodemap *nodewatch_map(const struct nodewatch *watch);

/* The map has what the server has sent by now. */
void nodewatch_read_on(struct nodewatch *watch);

/* No stream for 60 s: what the map says may be old. */
bool nodewatch_is_stale(const struct nodewatch *watch);

/* For how long there has been no stream; 0 while there is one. */
uint64_t nodewatch_age_us(const struct nodewatch *watch);

/* The Node of ADDRESS was heard just now: its heartbeat, which is to come every EVERY_S, or (0)
 * whatever else. */
void nodewatch_hear(struct nodewatch *watch, const struct address *address, uint32_t every_s);

/* Of the list and the watch, until the next call. */
const struct counters *nodewatch_counters(struct nodewatch *watch);
