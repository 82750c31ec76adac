#pragma once

#include "common/address.h"
#include "listener/netconsole.h"
#include "listener/ours.h"
#include "listener/proof.h"
#include "listener/stream.h"
#include "listener/trace.h"
#include "listener/voice.h"

/*
 * Everything that is remembered of who sends: a table of sources that never grows.  Addresses can
 * be forged, so the table has two classes: Nodes, which only Nodes displace, and strangers, which
 * hold at most a quarter of the entries and of the lines.  Within a class whoever was silent
 * longest gives way.
 */
#define SOURCES_ENTRIES 16384
#define SOURCES_CHUNKS  6144 /* of 1 KiB */

struct source {
    struct address address;
    bool is_node;
    bool heard;   /* since it was told so downstream */
    uint8_t list; /* which of the table's lists it is on */
    uint16_t previous, next;
    struct stream stream; /* its newest lines */
    struct proof_state proof;
    struct trace_state trace;
    struct voice voice;
    struct ours_share heartbeats, drills, lates;
};

struct source_table;

/* At most ENTRIES sources with CHUNKS of lines between them, all of it allocated at once and
 * untouched until used.  FORGET is told of each source that is displaced, before it is. */
struct source_table *sources_new(uint16_t entries, uint16_t chunks,
                                 void (*forget)(void *arg, struct source *source), void *arg);
void sources_free(struct source_table *sources);

/* NULL when nothing was heard of ADDRESS, or it was displaced. */
struct source *sources_find(struct source_table *sources, const struct address *address);
/* Finds or makes, and counts as heard now.  The pointer is good until the next call.  NULL when
 * there is nothing that may be displaced. */
struct source *sources_hear(struct source_table *sources, const struct address *address,
                            bool is_node);

/* Adds a line ('\n' is added too) made of up to two pieces; the source's oldest lines go. */
void sources_add_line(struct source_table *sources, struct source *source, struct span first,
                      struct span second);

/* Where the context of a panic begins that comes next: TRACE_CONTEXT bytes back, or less. */
uint64_t sources_context(const struct source_table *sources, const struct source *source);

/* What is still there between two positions, as one text that lives in ARENA. */
struct span sources_text(struct source_table *sources, const struct source *source, uint64_t from,
                         uint64_t to, struct arena *arena);

uint16_t sources_index(const struct source_table *sources, const struct source *source);
struct source *sources_at(struct source_table *sources, uint16_t index);
/* Calls EACH with every source; the class may be changed there by sources_set_node(). */
void sources_each(struct source_table *sources, void (*each)(void *arg, struct source *source),
                  void *arg);
void sources_set_node(struct source_table *sources, struct source *source, bool is_node);
