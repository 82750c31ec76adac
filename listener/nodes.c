#include "listener/nodes.h"

#include "common/memory.h"

#include <stdlib.h>

/*
 * The file holds two sets: one in use, and the next, which is filled while the correlator streams
 * it and takes over in one store.  The index over the set in use is ours alone: positions + 1 by
 * hash, built anew whenever the set changed (a record at a time, so at most once for hundreds of
 * addresses).
 */
struct nodes {
    struct address_sets *sets;
    bool telling; /* between begin and end */
    uint32_t *index;
    uint32_t mask;
};

/* Nobody outside picks what is in this set, so its hash needs no secret. */
#define SEED 0

static uint32_t bucket_of(const struct nodes *nodes, const struct address *address)
{
    const struct address *set = nodes->sets->addresses[nodes->sets->current];
    uint32_t bucket = (uint32_t)address_hash(address, SEED) & nodes->mask;
    while (nodes->index[bucket] && !address_equal(&set[nodes->index[bucket] - 1], address))
        bucket = (bucket + 1) & nodes->mask;
    return bucket;
}

static void build_index(struct nodes *nodes)
{
    uint32_t current = nodes->sets->current, count = nodes->sets->count[current], size = 16;
    while (size < 2 * count)
        size *= 2;
    free(nodes->index);
    nodes->index = xcalloc(size, sizeof(*nodes->index));
    nodes->mask = size - 1;
    for (uint32_t i = 0; i < count; i++)
        nodes->index[bucket_of(nodes, &nodes->sets->addresses[current][i])] = i + 1;
}

struct nodes *nodes_new(struct address_sets *sets)
{
    struct nodes *nodes = xcalloc(1, sizeof(*nodes));
    nodes->sets = sets;
    build_index(nodes);
    return nodes;
}

void nodes_free(struct nodes *nodes)
{
    free(nodes->index);
    free(nodes);
}

bool nodes_have(const struct nodes *nodes, const struct address *address)
{
    return nodes->index[bucket_of(nodes, address)] != 0;
}

size_t nodes_count(const struct nodes *nodes)
{
    return nodes->sets->count[nodes->sets->current];
}

const struct address *nodes_addresses(const struct nodes *nodes)
{
    return nodes->sets->addresses[nodes->sets->current];
}

/* The address first, then the count: a kill in between leaves the set as it was. */
static bool add(struct nodes *nodes, uint32_t which, const struct address *address)
{
    uint32_t count = nodes->sets->count[which];
    if (count == PENDING_ADDRESSES)
        return false;
    nodes->sets->addresses[which][count] = *address;
    __atomic_store_n(&nodes->sets->count[which], count + 1, __ATOMIC_RELEASE);
    return true;
}

/* The last one takes its place, before the count falls: a kill in between leaves one twice. */
static void take_out(struct nodes *nodes, uint32_t which, const struct address *address)
{
    struct address *set = nodes->sets->addresses[which];
    uint32_t i = 0, count = nodes->sets->count[which];
    while (i < count && !address_equal(&set[i], address))
        i++;
    if (i == count)
        return;
    set[i] = set[count - 1];
    __atomic_store_n(&nodes->sets->count[which], count - 1, __ATOMIC_RELEASE);
}

static size_t change(struct nodes *nodes, uint32_t which, const struct sources *record)
{
    size_t refused = 0;
    for (size_t i = 0; i < record->addresses.count; i++) {
        struct address address;
        if (!address_parse(record->addresses.line[i], &address))
            refused++;
        else if (record->op == SOURCES_REMOVE)
            take_out(nodes, which, &address);
        else if ((which != nodes->sets->current || !nodes_have(nodes, &address)) &&
                 !add(nodes, which, &address))
            refused++;
    }
    return refused;
}

bool nodes_follow(struct nodes *nodes, const struct sources *record, size_t *refused)
{
    uint32_t current = nodes->sets->current, next = 1 - current;
    *refused = 0;
    if (record->op == SOURCES_BEGIN) {
        nodes->sets->count[next] = 0;
        nodes->telling = true;
    }
    uint32_t which = nodes->telling ? next : current;
    *refused = change(nodes, which, record);
    if (record->op == SOURCES_END && nodes->telling) {
        nodes->telling = false;
        __atomic_store_n(&nodes->sets->current, next, __ATOMIC_RELEASE);
        which = next;
    }
    bool changed = which == nodes->sets->current && record->op != SOURCES_BEGIN;
    if (changed)
        build_index(nodes);
    return changed;
}
