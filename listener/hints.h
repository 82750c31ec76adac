#pragma once

#include "common/channel.h"
#include "listener/nodes.h"
#include "listener/sources.h"

/*
 * What the correlator may like to know and nothing depends on: best effort, never a right.
 */
struct hints;

/* COUNTS is indexed by enum count_of.  All of them outlive the struct. */
struct hints *hints_new(struct source_table *sources, uint64_t *counts);
void hints_free(struct hints *hints);
void hints_connect(struct hints *hints, struct channel_client *client);

/* SOURCE speaks after its panic. */
void hints_speaks(struct hints *hints, const struct source *source, enum speaks_why why,
                  uint64_t received_us);

/* SOURCE, a Node, is to be heard so often. */
void hints_heartbeat(struct hints *hints, const struct source *source, uint64_t every_s,
                     uint64_t received_us);

/* Each second: once a minute, which Nodes were heard since the last time. */
void hints_second(struct hints *hints);
