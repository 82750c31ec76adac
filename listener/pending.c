#include "listener/pending.h"

#include "common/memory.h"
#include "listener/pending_file.h"

#include <stdlib.h>

/*
 * The file is one struct, mapped MAP_SHARED: a store is in the page cache at once, so a kill loses
 * nothing, and no fsync is needed against the crash of a process (that of the host empties the
 * tmpfs anyway).  Order is what matters, and only in two places: a slot counts once its state word
 * says so, which is stored last; and a set of addresses counts once `current` says so.  A kill
 * between any two stores leaves either the old or the new, never half of one.
 *
 * Which slots are free is not in the file: it is counted anew at each start.
 */
struct pending {
    int fd;
    struct pending_file *file;
    uint64_t order;
    uint32_t free[PENDING_SLOTS]; /* two stacks in one array: Nodes', then the strangers' */
    size_t free_nodes, free_others;
};

static void push_free(struct pending *pending, uint32_t index)
{
    if (pending_is_node_slot(index))
        pending->free[pending->free_nodes++] = index;
    else
        pending->free[PENDING_NODE_SLOTS + pending->free_others++] = index;
}

/* Highest first onto the stacks, so that the lowest are used first and the rest stays untouched. */
static void count_free(struct pending *pending)
{
    for (uint32_t i = PENDING_SLOTS; i-- > 0;) {
        const struct slot *slot = &pending->file->slots[i];
        if (slot->state != SLOT_PENDING)
            push_free(pending, i);
        else if (slot->order >= pending->order)
            pending->order = slot->order + 1;
    }
}

struct pending *pending_open(const char *path, char error[PENDING_ERROR_SIZE])
{
    int fd;
    struct pending_file *file = pending_file_open(path, &fd, error);
    if (!file)
        return NULL;
    struct pending *pending = xcalloc(1, sizeof(*pending));
    pending->fd = fd;
    pending->file = file;
    count_free(pending);
    return pending;
}

void pending_close(struct pending *pending)
{
    pending_file_close(pending->file, pending->fd);
    free(pending);
}

struct batch *pending_batch(struct pending *pending)
{
    return &pending->file->batch;
}

struct address_sets *pending_address_sets(struct pending *pending)
{
    return &pending->file->sets;
}

bool pending_is_node_slot(uint32_t index)
{
    return index < PENDING_NODE_SLOTS;
}

uint32_t pending_reserve(struct pending *pending, bool is_node)
{
    if (is_node)
        return pending->free_nodes > 0 ? pending->free[--pending->free_nodes] : PENDING_NONE;
    if (pending->free_others == 0)
        return PENDING_NONE;
    return pending->free[PENDING_NODE_SLOTS + --pending->free_others];
}

struct slot *pending_slot(struct pending *pending, uint32_t index)
{
    return &pending->file->slots[index];
}

void pending_commit(struct pending *pending, uint32_t index)
{
    struct slot *slot = &pending->file->slots[index];
    slot->order = pending->order++;
    __atomic_store_n(&slot->state, SLOT_PENDING, __ATOMIC_RELEASE);
}

void pending_release(struct pending *pending, uint32_t index)
{
    __atomic_store_n(&pending->file->slots[index].state, SLOT_FREE, __ATOMIC_RELEASE);
    push_free(pending, index);
}

void pending_unreserve(struct pending *pending, uint32_t index)
{
    push_free(pending, index);
}

size_t pending_room(const struct pending *pending)
{
    return pending->free_nodes;
}

static int by_order(const void *a, const void *b, void *slots)
{
    uint64_t left = ((struct slot *)slots)[*(const uint32_t *)a].order;
    uint64_t right = ((struct slot *)slots)[*(const uint32_t *)b].order;
    return left < right ? -1 : left > right;
}

size_t pending_count(const struct pending *pending)
{
    return PENDING_SLOTS - pending->free_nodes - pending->free_others;
}

uint32_t *pending_in_use(struct pending *pending, size_t *count)
{
    uint32_t *found = xcalloc(PENDING_SLOTS, sizeof(*found));
    *count = 0;
    for (uint32_t i = 0; i < PENDING_SLOTS; i++)
        if (pending->file->slots[i].state == SLOT_PENDING)
            found[(*count)++] = i;
    qsort_r(found, *count, sizeof(*found), by_order, pending->file->slots);
    return found;
}
