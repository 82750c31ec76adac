#include "correlator/nodemap.h"

#include "common/memory.h"
#include "correlator/nodepool.h"
#include "correlator/reftable.h"

#include <stdlib.h>
#include <string.h>

/*
 * A Node's slot is its number for as long as the map knows it: an index into `at`, which says
 * where in the pool its bytes are (free slots form a list through the same array).  Two tables
 * refer to slots: by the hash of a name, and by the hash of an address.  The second refers to a
 * claim, slot * NODE_CLAIMS_MAX + its place among the Node's claims, and holds every claim there
 * is; who owns an address is decided when somebody asks.  So there is nothing to keep right when
 * claims come and go in any order, and an update that changes no address leaves it alone.
 *
 * All in, a Node with two addresses takes about 165 bytes.
 */
#define NO_SLOT   0x7fffffffu
#define FREE_SLOT 0x80000000u /* or'ed to the number of the next free slot, or NO_SLOT */

#define BEATS        3  /* that may fail to come before a Node is mute */
#define TOLD_EVERY_S 60 /* listener/hints.c */

struct nodemap {
    uint64_t seed;
    struct nodepool pool;
    uint32_t *at; /* by slot: offset in the pool, or the next free slot | FREE_SLOT */
    struct nodemap_voice *voice; /* by slot */
    uint32_t slots, slots_cap, free_slot;
    size_t count;
    struct reftable names;
    struct reftable claims;
};

const char *const node_rank_names[] = { "InternalIP", "ExternalIP", "annotation", NULL };

bool node_facts_claim(struct node_facts *facts, const struct address *address, enum node_rank rank)
{
    for (size_t i = 0; i < facts->claim_count; i++) {
        struct node_claim *claim = &facts->claims[i];
        if (address_equal(&claim->address, address)) {
            if (rank < claim->rank)
                claim->rank = rank;
            return true;
        }
    }
    if (facts->claim_count == NODE_CLAIMS_MAX)
        return false;
    facts->claims[facts->claim_count++] = (struct node_claim){ *address, rank };
    return true;
}

/* FNV-1a */
uint32_t node_zone(const char *name)
{
    uint32_t hash = 2166136261u;
    if (*name == '\0')
        return 0;
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash != 0 ? hash : 1;
}

struct nodemap *nodemap_new(uint64_t seed)
{
    struct nodemap *map = xcalloc(1, sizeof(*map));
    map->seed = seed;
    map->free_slot = NO_SLOT;
    return map;
}

void nodemap_free(struct nodemap *map)
{
    if (map == NULL)
        return;
    nodepool_free(&map->pool);
    reftable_free(&map->names);
    reftable_free(&map->claims);
    free(map->at);
    free(map->voice);
    free(map);
}

/* FNV-1a: names come from the API server, which nobody outside can fill with chosen ones. */
static uint32_t hash_name(const struct nodemap *map, const char *name)
{
    uint32_t hash = 2166136261u ^ (uint32_t)map->seed;
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

static uint32_t hash_address(const struct nodemap *map, const struct address *address)
{
    return (uint32_t)address_hash(address, map->seed);
}

static uint32_t find_slot(const struct nodemap *map, const char *name)
{
    uint32_t hash = hash_name(map, name), slot;
    for (size_t at = SIZE_MAX; reftable_next(&map->names, hash, &at, &slot);) {
        if (nodepool_is_named(&map->pool, map->at[slot], name))
            return slot;
    }
    return NO_SLOT;
}

static struct node_claim claim_of(const struct nodemap *map, uint32_t ref)
{
    return nodepool_claim(&map->pool, map->at[ref / NODE_CLAIMS_MAX], ref % NODE_CLAIMS_MAX);
}

static bool is_claimed(const struct nodemap *map, const struct address *address)
{
    uint32_t hash = hash_address(map, address), ref;
    for (size_t at = SIZE_MAX; reftable_next(&map->claims, hash, &at, &ref);) {
        struct node_claim claim = claim_of(map, ref);
        if (address_equal(&claim.address, address))
            return true;
    }
    return false;
}

static uint32_t find_or_make_free_slot(struct nodemap *map)
{
    if (map->free_slot != NO_SLOT) {
        uint32_t slot = map->free_slot;
        map->free_slot = map->at[slot] & ~FREE_SLOT;
        return slot;
    }
    if (map->slots == map->slots_cap) {
        map->slots_cap = map->slots_cap ? map->slots_cap * 2 : 64;
        map->at = xrealloc(map->at, map->slots_cap * sizeof(*map->at));
        map->voice = xrealloc(map->voice, map->slots_cap * sizeof(*map->voice));
    }
    return map->slots++;
}

static uint32_t take_slot(struct nodemap *map)
{
    uint32_t slot = find_or_make_free_slot(map);
    map->count++;
    map->at[slot] = NODEPOOL_NONE;
    map->voice[slot] = (struct nodemap_voice){ 0 };
    return slot;
}

static void link_claims(struct nodemap *map, uint32_t slot)
{
    size_t count = nodepool_claim_count(&map->pool, map->at[slot]);
    for (uint32_t i = 0; i < count; i++) {
        struct node_claim claim = nodepool_claim(&map->pool, map->at[slot], i);
        reftable_add(&map->claims, hash_address(map, &claim.address), slot * NODE_CLAIMS_MAX + i);
    }
}

static void unlink_claims(struct nodemap *map, uint32_t slot)
{
    size_t count = nodepool_claim_count(&map->pool, map->at[slot]);
    for (uint32_t i = 0; i < count; i++) {
        struct node_claim claim = nodepool_claim(&map->pool, map->at[slot], i);
        reftable_remove(&map->claims, hash_address(map, &claim.address),
                        slot * NODE_CLAIMS_MAX + i);
    }
}

/* Tells of those of CLAIMS that nobody in the map claims: they were given up, or are about to be
 * claimed for the first time. */
static void tell_unclaimed(const struct nodemap *map, const struct node_facts *facts, bool claimed,
                           nodemap_change *change, void *arg)
{
    for (size_t i = 0; change != NULL && i < facts->claim_count; i++) {
        if (!is_claimed(map, &facts->claims[i].address))
            change(arg, &facts->claims[i].address, claimed);
    }
}

static bool same_claims(const struct node_facts *a, const struct node_facts *b)
{
    if (a->claim_count != b->claim_count)
        return false;
    for (size_t i = 0; i < a->claim_count; i++) {
        if (!address_equal(&a->claims[i].address, &b->claims[i].address) ||
            a->claims[i].rank != b->claims[i].rank)
            return false;
    }
    return true;
}

bool node_facts_equal(const struct node_facts *a, const struct node_facts *b)
{
    return strcmp(a->node.name, b->node.name) == 0 && strcmp(a->node.uid, b->node.uid) == 0 &&
           strcmp(a->node.boot, b->node.boot) == 0 && a->kubelet_port == b->kubelet_port &&
           a->zone == b->zone && same_claims(a, b);
}

/* The claims of SLOT change from those of OLD to those of FACTS.  Told are the differences only:
 * what is new before it is linked, what is gone once the new ones are. */
static void replace_claims(struct nodemap *map, uint32_t slot, const struct node_facts *old,
                           const struct node_facts *facts, nodemap_change *change, void *arg)
{
    tell_unclaimed(map, facts, true, change, arg);
    unlink_claims(map, slot);
    nodepool_store(&map->pool, map->at, slot, facts);
    link_claims(map, slot);
    tell_unclaimed(map, old, false, change, arg);
}

void nodemap_put(struct nodemap *map, const struct node_facts *facts, nodemap_change *change,
                 void *arg)
{
    uint32_t slot = find_slot(map, facts->node.name);
    if (slot == NO_SLOT) {
        tell_unclaimed(map, facts, true, change, arg);
        slot = take_slot(map);
        nodepool_store(&map->pool, map->at, slot, facts);
        reftable_add(&map->names, hash_name(map, facts->node.name), slot);
        link_claims(map, slot);
        return;
    }
    struct node_facts old;
    nodepool_load(&map->pool, map->at[slot], &old);
    if (strcmp(old.node.uid, facts->node.uid) != 0)
        map->voice[slot] = (struct nodemap_voice){ 0 };
    if (!same_claims(&old, facts))
        replace_claims(map, slot, &old, facts, change, arg);
    else if (!node_facts_equal(&old, facts))
        nodepool_store(&map->pool, map->at, slot, facts);
}

bool nodemap_remove(struct nodemap *map, const char *name, nodemap_change *change, void *arg)
{
    uint32_t slot = find_slot(map, name);
    if (slot == NO_SLOT)
        return false;
    struct node_facts old;
    nodepool_load(&map->pool, map->at[slot], &old);
    unlink_claims(map, slot);
    reftable_remove(&map->names, hash_name(map, name), slot);
    nodepool_drop(&map->pool, map->at, slot);
    map->at[slot] = map->free_slot | FREE_SLOT;
    map->free_slot = slot;
    map->count--;
    tell_unclaimed(map, &old, false, change, arg);
    return true;
}

/* The slot of whom ADDRESS is, when the answer is that it is somebody's. */
static enum nodemap_answer find_owner(const struct nodemap *map, const struct address *address,
                                      uint32_t *slot, enum node_rank *rank)
{
    enum nodemap_answer answer = NODEMAP_NOBODY;
    uint32_t hash = hash_address(map, address), ref;
    unsigned best_rank = NODE_ANNOTATION + 1;
    for (size_t at = SIZE_MAX; reftable_next(&map->claims, hash, &at, &ref);) {
        struct node_claim claim = claim_of(map, ref);
        if (!address_equal(&claim.address, address) || claim.rank > best_rank)
            continue;
        answer = claim.rank < best_rank ? NODEMAP_FOUND : NODEMAP_CONTESTED;
        best_rank = claim.rank;
        *slot = ref / NODE_CLAIMS_MAX;
    }
    *rank = best_rank;
    return answer;
}

enum nodemap_answer nodemap_find(const struct nodemap *map, const struct address *address,
                                 struct node *node, enum node_rank *rank)
{
    uint32_t slot;
    enum node_rank found;
    enum nodemap_answer answer = find_owner(map, address, &slot, &found);
    if (answer == NODEMAP_FOUND) {
        nodepool_load_node(&map->pool, map->at[slot], node);
        *rank = found;
    }
    return answer;
}

void nodemap_hear(struct nodemap *map, const struct address *address, uint32_t every_s,
                  uint32_t now_s)
{
    uint32_t slot;
    enum node_rank rank;
    if (find_owner(map, address, &slot, &rank) != NODEMAP_FOUND)
        return;
    map->voice[slot].heard_s = now_s;
    if (every_s > 0)
        map->voice[slot].every_s = every_s;
}

struct nodemap_voice nodemap_voice(const struct nodemap *map, uint32_t cursor)
{
    return map->voice[cursor - 1];
}

bool nodemap_is_mute(const struct nodemap_voice *voice, uint32_t window_s, uint32_t now_s)
{
    uint64_t most_s = BEATS * (uint64_t)voice->every_s + TOLD_EVERY_S;
    if (voice->every_s == 0 || most_s > window_s)
        most_s = window_s;
    return voice->heard_s == 0 || (now_s > voice->heard_s && now_s - voice->heard_s > most_s);
}

size_t nodemap_count_heard(const struct nodemap *map, uint32_t window_s, uint32_t now_s)
{
    size_t count = 0;
    for (uint32_t slot = 0; slot < map->slots; slot++)
        count +=
            !(map->at[slot] & FREE_SLOT) && !nodemap_is_mute(&map->voice[slot], window_s, now_s);
    return count;
}

void nodemap_inherit(struct nodemap *map, const struct nodemap *old)
{
    for (uint32_t slot = 0; slot < old->slots; slot++) {
        if ((old->at[slot] & FREE_SLOT) || old->voice[slot].heard_s == 0)
            continue;
        struct node was, is;
        nodepool_load_node(&old->pool, old->at[slot], &was);
        uint32_t now_at = find_slot(map, was.name);
        if (now_at == NO_SLOT)
            continue;
        nodepool_load_node(&map->pool, map->at[now_at], &is);
        if (strcmp(was.uid, is.uid) == 0)
            map->voice[now_at] = old->voice[slot];
    }
}

bool nodemap_load(const struct nodemap *map, const char *name, struct node_facts *facts)
{
    uint32_t slot = find_slot(map, name);
    if (slot == NO_SLOT)
        return false;
    nodepool_load(&map->pool, map->at[slot], facts);
    return true;
}

size_t nodemap_count(const struct nodemap *map)
{
    return map->count;
}

bool nodemap_next_node(const struct nodemap *map, uint32_t *cursor, struct node_facts *facts)
{
    while (*cursor < map->slots && (map->at[*cursor] & FREE_SLOT))
        ++*cursor;
    if (*cursor >= map->slots)
        return false;
    nodepool_load(&map->pool, map->at[(*cursor)++], facts);
    return true;
}

/* The cursor counts as the claims' references do. */
bool nodemap_next_address(const struct nodemap *map, uint64_t *cursor, struct address *address)
{
    while (*cursor / NODE_CLAIMS_MAX < map->slots) {
        uint32_t slot = (uint32_t)(*cursor / NODE_CLAIMS_MAX);
        uint32_t place = (uint32_t)(*cursor % NODE_CLAIMS_MAX);
        if (!(map->at[slot] & FREE_SLOT) &&
            place < nodepool_claim_count(&map->pool, map->at[slot])) {
            *address = nodepool_claim(&map->pool, map->at[slot], place).address;
            ++*cursor;
            return true;
        }
        *cursor = (uint64_t)(slot + 1) * NODE_CLAIMS_MAX;
    }
    return false;
}

size_t nodemap_size(const struct nodemap *map)
{
    return sizeof(*map) + map->pool.cap +
           map->slots_cap * (sizeof(*map->at) + sizeof(*map->voice)) +
           (map->names.size + map->claims.size) * sizeof(struct ref);
}
