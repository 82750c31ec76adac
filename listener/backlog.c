#include "listener/backlog.h"

#include "common/memory.h"
#include "listener/counts.h"
#include "listener/reassemble.h"
#include "listener/shares.h"
#include "listener/slot_record.h"

#include <stdlib.h>
#include <string.h>

/*
 * Anybody who can send from a Node's address can send as many panics from it as he likes.  So an
 * address has a window: so many of its panics are in flight (with the channel, until they are
 * acknowledged), and as many more wait, oldest first, for one of those to land.  When more come
 * than that, the newest stays and the oldest that waits is given up.  Why no panic is forgotten:
 *
 * - Behind any number of forgeries a real panic is the newest, so it has a slot.
 * - In front of any number of forgeries it has one too, in flight; or else it waits, and may be
 *   given up for one that came later from the same address.  That one stands for it: downstream
 *   all panics of one boot of a Node are judged together, by asking the machine, and a machine
 *   that was dead when the first came cannot answer after the second did.  What ends the second
 *   would have ended the first: it was alive, has booted again, is another machine, or its death
 *   was reported.
 * - A panic whose userdata names another Node or boot is ended by that alone.  So whoever takes
 *   the place of a panic that said something else of itself is sent without its node= and boot=:
 *   as a panic of that address and no more, which its sender could have made it anyway.
 * - What is in flight is neither given up nor replaced.  So a flood makes nothing downstream but a
 *   window of panics an address, and again as many once those are judged.
 *
 * With half of the slots taken the window is 1.  An address then holds two slots at most, so 512
 * addresses fill the first half, and some 4,000 more the second.  Whoever can send from more Nodes'
 * addresses than that at once fills all of them; then nothing is read until one is acknowledged,
 * which is an alert.
 *
 * What is left to somebody who can send from a Node's address: the history may tell his reason
 * instead of the real one, a real panic may be delivered only when a forged one was judged (which
 * asks the same machine), and he costs the correlator probes.  --require-token takes that from him.
 *
 * What is no panic gives way to any panic; and what is only words (ours.h) is not taken in at all
 * once half of its kind of slots are in use.  Strangers have one window for all of them, and nobody
 * stands for whom it loses.
 */
#define NODE_WINDOW     8
#define STRANGER_WINDOW (PENDING_OTHER_SLOTS / 2)
#define SPARE           REASSEMBLE_RECORDS /* for those that still wait for their token */

struct held {
    struct delivery delivery;
    bool in_flight;
};

struct backlog {
    struct pending *pending;
    struct shares *shares;
    struct channel_client *client;
    uint64_t *counts;
    struct held held[PENDING_SLOTS]; /* by slot; untouched until used */
};

static const struct address strangers; /* "::", which nobody sends from */

struct backlog *backlog_new(struct pending *pending, uint64_t *counts)
{
    struct backlog *backlog = xcalloc(1, sizeof(*backlog));
    backlog->pending = pending;
    backlog->shares = shares_new();
    backlog->counts = counts;
    return backlog;
}

void backlog_free(struct backlog *backlog)
{
    shares_free(backlog->shares);
    free(backlog);
}

struct slot *backlog_slot(struct backlog *backlog, uint32_t index)
{
    return pending_slot(backlog->pending, index);
}

static const struct address *key_of(const struct backlog *backlog, uint32_t index)
{
    if (!pending_is_node_slot(index))
        return &strangers;
    return &pending_slot(backlog->pending, index)->source;
}

static size_t window_of(const struct backlog *backlog, uint32_t index)
{
    if (!pending_is_node_slot(index))
        return STRANGER_WINDOW;
    return pending_room(backlog->pending) > PENDING_NODE_SLOTS / 2 ? NODE_WINDOW : 1;
}

/* One in flight, one that waits, and one to write before another is given up. */
bool backlog_has_room(const struct backlog *backlog, const struct address *node)
{
    struct share share = shares_of(backlog->shares, node);
    size_t needed = 1 + (share.in_flight == 0) + (share.waiting == 0);
    return pending_room(backlog->pending) >= needed + SPARE;
}

static void launch(struct backlog *backlog, uint32_t index)
{
    const struct slot *slot = backlog_slot(backlog, index);
    struct held *held = &backlog->held[index];
    shares_launch(backlog->shares, key_of(backlog, index));
    shares_leave(backlog->shares, key_of(backlog, index), (uint16_t)index);
    held->in_flight = true;
    held->delivery = (struct delivery){ .kind = slot_record_kind(slot) };
    memcpy(held->delivery.id, slot->id, sizeof(held->delivery.id));
    channel_client_deliver(backlog->client, &held->delivery);
}

/* As many as their window has room for, of those that share it with slot INDEX. */
static void launch_waiting(struct backlog *backlog, const struct address *key, size_t window)
{
    struct share share = shares_of(backlog->shares, key);
    while (share.waiting > 0 && share.in_flight < window) {
        launch(backlog, share.oldest);
        share = shares_of(backlog->shares, key);
    }
}

static void wait(struct backlog *backlog, uint32_t index)
{
    backlog->held[index] = (struct held){ .in_flight = false };
    shares_wait(backlog->shares, key_of(backlog, index), (uint16_t)index);
}

bool backlog_has_room_for_words(const struct backlog *backlog, bool is_node)
{
    size_t nodes = pending_room(backlog->pending);
    size_t others = PENDING_SLOTS - pending_count(backlog->pending) - nodes;
    return is_node ? nodes > PENDING_NODE_SLOTS / 2 : others > PENDING_OTHER_SLOTS / 2;
}

uint32_t backlog_reserve(struct backlog *backlog, bool is_node)
{
    return pending_reserve(backlog->pending, is_node);
}

void backlog_unreserve(struct backlog *backlog, uint32_t index)
{
    pending_unreserve(backlog->pending, index);
}

/* Takes it back from wherever it is, and frees its slot. */
static void withdraw(struct backlog *backlog, uint32_t index)
{
    struct address key = *key_of(backlog, index);
    if (backlog->held[index].in_flight) {
        channel_client_withdraw(backlog->client, &backlog->held[index].delivery);
        shares_land(backlog->shares, &key);
    } else {
        shares_leave(backlog->shares, &key, (uint16_t)index);
    }
    pending_release(backlog->pending, index);
}

size_t backlog_connect(struct backlog *backlog, struct channel_client *client)
{
    size_t count;
    uint32_t *restored = pending_in_use(backlog->pending, &count);
    backlog->client = client;
    for (size_t i = 0; i < count; i++)
        wait(backlog, restored[i]);
    for (size_t i = 0; i < count; i++)
        launch_waiting(backlog, key_of(backlog, restored[i]), window_of(backlog, restored[i]));
    free(restored);
    /* A kill between a commit and what was to be given up for it. */
    struct share share = shares_of(backlog->shares, &strangers);
    if (share.waiting >= STRANGER_WINDOW)
        withdraw(backlog, share.oldest);
    return count;
}

/* The oldest that waits of what is no panic, or else the oldest of all. */
static uint32_t choose(struct backlog *backlog, const struct share *share)
{
    for (uint16_t i = share->oldest; i != SHARES_NONE; i = shares_after(backlog->shares, i))
        if (backlog_slot(backlog, i)->kind != SLOT_PANIC)
            return i;
    return share->oldest;
}

/* One of those that wait is given up; if it is a Node's panic, INDEX, which came later, stands for
 * it. */
static void give_up_one(struct backlog *backlog, const struct share *share, uint32_t index)
{
    bool is_node = pending_is_node_slot(index);
    uint32_t given_up = choose(backlog, share);
    const struct slot *old = backlog_slot(backlog, given_up);
    struct slot *new = backlog_slot(backlog, index);
    if (is_node && old->kind == SLOT_PANIC &&
        (old->stands_for_others || !slot_says_alike(old, new)))
        new->stands_for_others = 1;
    backlog->counts[is_node ? COUNT_NODE_REPLACED : COUNT_OTHER_REPLACED]++;
    withdraw(backlog, given_up);
}

/* A slot that was just committed; false when something was given up for it. */
static bool take_in(struct backlog *backlog, uint32_t index)
{
    struct address key = *key_of(backlog, index);
    size_t window = window_of(backlog, index);
    wait(backlog, index);
    launch_waiting(backlog, &key, window);
    struct share share = shares_of(backlog->shares, &key);
    /* Strangers leave a slot to write the next one in. */
    size_t most = pending_is_node_slot(index) ? window : window - 1;
    bool crowded = share.waiting > most;
    if (crowded)
        give_up_one(backlog, &share, index);
    return !crowded;
}

bool backlog_commit(struct backlog *backlog, uint32_t index)
{
    pending_commit(backlog->pending, index);
    return take_in(backlog, index);
}

bool backlog_has(struct backlog *backlog, const char *id)
{
    for (uint32_t i = 0; i < PENDING_SLOTS; i++) {
        const struct slot *slot = backlog_slot(backlog, i);
        if (slot->state == SLOT_PENDING && strcmp(slot->id, id) == 0)
            return true;
    }
    return false;
}

uint32_t backlog_index(const struct backlog *backlog, const struct delivery *delivery)
{
    return (uint32_t)((const struct held *)delivery - backlog->held);
}

void backlog_release(struct backlog *backlog, uint32_t index)
{
    struct address key = *key_of(backlog, index);
    shares_land(backlog->shares, &key);
    pending_release(backlog->pending, index);
    launch_waiting(backlog, &key, window_of(backlog, index));
}

/* Until the copy is whole the original counts, and then for a moment both. */
static void move(struct backlog *backlog, uint32_t from)
{
    uint32_t to = backlog_reserve(backlog, true);
    struct slot copy = *backlog_slot(backlog, from);
    copy.state = SLOT_FREE;
    *backlog_slot(backlog, to) = copy;
    pending_commit(backlog->pending, to);
    withdraw(backlog, from);
    take_in(backlog, to);
}

void backlog_promote(struct backlog *backlog, const struct nodes *nodes)
{
    size_t count;
    uint32_t *in_use = pending_in_use(backlog->pending, &count);
    for (size_t i = 0; i < count; i++) {
        const struct slot *slot = backlog_slot(backlog, in_use[i]);
        if (!pending_is_node_slot(in_use[i]) && nodes_have(nodes, &slot->source) &&
            backlog_has_room(backlog, &slot->source))
            move(backlog, in_use[i]);
    }
    free(in_use);
    launch_waiting(backlog, &strangers, STRANGER_WINDOW);
}
