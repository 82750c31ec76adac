#pragma once

#include "common/channel.h"
#include "listener/nodes.h"
#include "listener/pending.h"

/*
 * The panics, and what else is acknowledged, until it is: each in a slot of the pending file, which
 * is written before anybody is told, and in flight to the correlator or waiting for that.
 */
struct backlog;

/* COUNTS is indexed by enum count_of.  Both outlive the struct. */
struct backlog *backlog_new(struct pending *pending, uint64_t *counts);
void backlog_free(struct backlog *backlog);

/* From here on deliveries go to CLIENT; what a restart found in the file goes first, and is
 * counted. */
size_t backlog_connect(struct backlog *backlog, struct channel_client *client);

/* Whether a datagram of that Node finds slots for all that it may prove. */
bool backlog_has_room(const struct backlog *backlog, const struct address *node);

/* The same of what is only words (ours.h), which leaves half of the slots to the others. */
bool backlog_has_room_for_words(const struct backlog *backlog, bool is_node);

/* A free slot, which the room that there is allows for.  Fill it, then commit, or give it back as
 * it is.  Committing returns false when something had to be given up for it, perhaps itself. */
uint32_t backlog_reserve(struct backlog *backlog, bool is_node);
struct slot *backlog_slot(struct backlog *backlog, uint32_t index);
bool backlog_commit(struct backlog *backlog, uint32_t index);
void backlog_unreserve(struct backlog *backlog, uint32_t index);

/* Whether a slot has this id. */
bool backlog_has(struct backlog *backlog, const char *id);

/* What a delivery stands for. */
uint32_t backlog_index(const struct backlog *backlog, const struct delivery *delivery);
/* The correlator has it for good. */
void backlog_release(struct backlog *backlog, uint32_t index);

/* ADDRESSES became Nodes': what is there from them moves to the slots of Nodes. */
void backlog_promote(struct backlog *backlog, const struct nodes *nodes);
