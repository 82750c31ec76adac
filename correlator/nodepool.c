#include "correlator/nodepool.h"

#include "common/memory.h"

#include <stdlib.h>
#include <string.h>

/* Entries follow one another, each padded to a multiple of the header's alignment. */
struct entry {
    uint32_t slot; /* HOLE: nobody's */
    uint16_t size;
    uint8_t claims;
    uint8_t name_size;
    uint16_t kubelet_port;
    uint16_t zone[2];      /* in halves, so that none of these 14 bytes is padding */
    unsigned char bytes[]; /* the claims, uid and boot id as ids, the name without a NUL */
};

#define HOLE       UINT32_MAX
#define CLAIM_SIZE (sizeof(struct address) + 1)
#define HOLES_MIN  4096
#define POOL_FIRST 8192
#define UUID_SIZE  16
#define UUID_TEXT  36
#define ID_IS_UUID 0xff /* an id's first byte: this, or the size of the text that follows */
#define ENTRY_SIZE_MAX                                                                             \
    (sizeof(struct entry) + NODE_CLAIMS_MAX * CLAIM_SIZE + 2 * NODE_ID_SIZE + NODE_NAME_SIZE + 4)

static struct entry *entry_at(const struct nodepool *pool, uint32_t offset)
{
    return (struct entry *)(pool->bytes + offset);
}

void nodepool_free(struct nodepool *pool)
{
    free(pool->bytes);
    *pool = (struct nodepool){ 0 };
}

static bool is_dash(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

/* A digit's value and one; 0: it is none.  Lower case only: what is packed must come out as it went
 * in, for incidents' ids are made of it. */
static const unsigned char hex_values[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

static int hex_value(char c)
{
    return hex_values[(unsigned char)c] - 1;
}

static bool pack_uuid(const char *text, unsigned char uuid[UUID_SIZE])
{
    if (strlen(text) != UUID_TEXT)
        return false;
    for (size_t at = 0, byte = 0; at < UUID_TEXT;) {
        if (is_dash(at)) {
            if (text[at++] != '-')
                return false;
            continue;
        }
        int high = hex_value(text[at]), low = hex_value(text[at + 1]);
        if (high < 0 || low < 0)
            return false;
        uuid[byte++] = (unsigned char)(high << 4 | low);
        at += 2;
    }
    return true;
}

static void unpack_uuid(const unsigned char uuid[UUID_SIZE], char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t at = 0, byte = 0; at < UUID_TEXT; byte++) {
        if (is_dash(at))
            text[at++] = '-';
        text[at++] = digits[uuid[byte] >> 4];
        text[at++] = digits[uuid[byte] & 15];
    }
    text[UUID_TEXT] = '\0';
}

static unsigned char *put_id(unsigned char *out, const char *text)
{
    if (pack_uuid(text, out + 1)) {
        *out = ID_IS_UUID;
        return out + 1 + UUID_SIZE;
    }
    size_t size = strlen(text);
    *out = (unsigned char)size;
    memcpy(out + 1, text, size);
    return out + 1 + size;
}

static const unsigned char *get_id(const unsigned char *in, char text[NODE_ID_SIZE])
{
    if (*in == ID_IS_UUID) {
        unpack_uuid(in + 1, text);
        return in + 1 + UUID_SIZE;
    }
    memcpy(text, in + 1, *in);
    text[*in] = '\0';
    return in + 1 + *in;
}

static const unsigned char *skip_id(const unsigned char *in)
{
    return in + 1 + (*in == ID_IS_UUID ? UUID_SIZE : *in);
}

/* Moves the live entries together. */
static void compact(struct nodepool *pool, uint32_t *at)
{
    size_t to = 0;
    for (size_t from = 0; from < pool->used;) {
        struct entry *entry = entry_at(pool, (uint32_t)from);
        size_t size = entry->size;
        if (entry->slot != HOLE) {
            at[entry->slot] = (uint32_t)to;
            memmove(pool->bytes + to, entry, size);
            to += size;
        }
        from += size;
    }
    pool->used = to;
    pool->holes = 0;
}

static void make_room(struct nodepool *pool, uint32_t *at)
{
    if (pool->holes > HOLES_MIN && pool->holes > pool->used / 4)
        compact(pool, at);
    if (pool->cap - pool->used >= ENTRY_SIZE_MAX)
        return;
    pool->cap = pool->cap ? pool->cap * 2 : POOL_FIRST;
    pool->bytes = xrealloc(pool->bytes, pool->cap);
}

void nodepool_drop(struct nodepool *pool, uint32_t *at, uint32_t slot)
{
    struct entry *entry = entry_at(pool, at[slot]);
    entry->slot = HOLE;
    pool->holes += entry->size;
    at[slot] = NODEPOOL_NONE;
}

void nodepool_store(struct nodepool *pool, uint32_t *at, uint32_t slot,
                    const struct node_facts *facts)
{
    if (at[slot] != NODEPOOL_NONE)
        nodepool_drop(pool, at, slot);
    make_room(pool, at);
    struct entry *entry = entry_at(pool, (uint32_t)pool->used);
    entry->slot = slot;
    entry->claims = (uint8_t)facts->claim_count;
    entry->name_size = (uint8_t)strlen(facts->node.name);
    entry->kubelet_port = facts->kubelet_port;
    memcpy(entry->zone, &facts->zone, sizeof(facts->zone));
    unsigned char *out = entry->bytes;
    for (size_t i = 0; i < facts->claim_count; i++, out += CLAIM_SIZE) {
        memcpy(out, &facts->claims[i].address, sizeof(struct address));
        out[sizeof(struct address)] = facts->claims[i].rank;
    }
    out = put_id(out, facts->node.uid);
    out = put_id(out, facts->node.boot);
    memcpy(out, facts->node.name, entry->name_size);
    size_t size = (size_t)(out + entry->name_size - (unsigned char *)entry);
    entry->size = (uint16_t)((size + _Alignof(struct entry) - 1) & ~(_Alignof(struct entry) - 1));
    at[slot] = (uint32_t)pool->used;
    pool->used += entry->size;
}

static const unsigned char *uid_of(const struct entry *entry)
{
    return entry->bytes + entry->claims * CLAIM_SIZE;
}

void nodepool_load_node(const struct nodepool *pool, uint32_t offset, struct node *node)
{
    const struct entry *entry = entry_at(pool, offset);
    const unsigned char *in = get_id(uid_of(entry), node->uid);
    in = get_id(in, node->boot);
    memcpy(node->name, in, entry->name_size);
    node->name[entry->name_size] = '\0';
}

void nodepool_load(const struct nodepool *pool, uint32_t offset, struct node_facts *facts)
{
    const struct entry *entry = entry_at(pool, offset);
    nodepool_load_node(pool, offset, &facts->node);
    facts->kubelet_port = entry->kubelet_port;
    memcpy(&facts->zone, entry->zone, sizeof(facts->zone));
    facts->claim_count = nodepool_claim_count(pool, offset);
    for (size_t i = 0; i < facts->claim_count; i++)
        facts->claims[i] = nodepool_claim(pool, offset, i);
}

bool nodepool_is_named(const struct nodepool *pool, uint32_t offset, const char *name)
{
    const struct entry *entry = entry_at(pool, offset);
    const unsigned char *kept = skip_id(skip_id(uid_of(entry)));
    return strlen(name) == entry->name_size && memcmp(kept, name, entry->name_size) == 0;
}

size_t nodepool_claim_count(const struct nodepool *pool, uint32_t offset)
{
    return entry_at(pool, offset)->claims;
}

struct node_claim nodepool_claim(const struct nodepool *pool, uint32_t offset, size_t place)
{
    const unsigned char *in = entry_at(pool, offset)->bytes + place * CLAIM_SIZE;
    struct node_claim claim = { .rank = in[sizeof(struct address)] };
    memcpy(&claim.address, in, sizeof(struct address));
    return claim;
}
