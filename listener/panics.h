#pragma once

#include "common/channel.h"
#include "listener/nodes.h"
#include "listener/proof.h"
#include "listener/sources.h"
#include "listener/udp.h"

/*
 * Panics, halts, and a node's own words (drills, late ones), from the moment they are proven until
 * the correlator has acknowledged them, and the traces that follow.
 */
struct panics;

/* COUNTS is indexed by enum count_of.  All of them outlive the struct. */
struct panics *panics_new(struct pending *pending, struct source_table *sources, uint64_t *counts);
void panics_free(struct panics *panics);

/* From here on deliveries go to CLIENT; what a restart found in the file goes first. */
void panics_connect(struct panics *panics, struct channel_client *client);

/* While the batch of a killed listener is handled again: what has a slot already gets no other. */
void panics_handle_again(struct panics *panics, bool again);

/* Whether a datagram of the Node at ADDRESS finds slots for all that it may prove. */
bool panics_have_room(const struct panics *panics, const struct address *address);

/* A line of SOURCE, not yet in its stream, proved a panic or a halt: stores it, then delivers it.
 * A trace begins with it, which the end of SOURCE's stream is the beginning of. */
void panics_report(struct panics *panics, struct source *source, const struct datagram *datagram,
                   const struct kernel_record *record, const struct line_class *class,
                   const struct proven *proven, uint64_t now_us);

/* A line of SOURCE, not yet in its stream, is a drill or tells a late panic: the same, unless there
 * are many. */
void panics_report_ours(struct panics *panics, struct source *source,
                        const struct datagram *datagram, const struct kernel_record *record,
                        enum line_kind kind, uint64_t now_us);

/* The source's trace ends here, if it has one. */
void panics_end_trace(struct panics *panics, struct source *source);

/* ADDRESS became a Node's: what waits from it moves to the slots that nobody displaces. */
void panics_promote(struct panics *panics, const struct nodes *nodes);

/* The channel's callbacks. */
void panics_fill(struct panics *panics, struct delivery *delivery, struct record *record);
void panics_acknowledged(struct panics *panics, struct delivery *delivery);
