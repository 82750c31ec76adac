#include "listener/shares.h"

#include "common/memory.h"

#include <stdlib.h>
#include <sys/random.h>

#define BUCKETS    16384
#define SHARES_MAX (PENDING_NODE_SLOTS + 1) /* each holds a slot; and the strangers' */

struct shares {
    uint64_t seed;
    uint16_t free, touched;
    uint16_t buckets[BUCKETS]; /* index + 1, 0: none */
    struct share shares[SHARES_MAX];
    uint16_t after[PENDING_SLOTS], before[PENDING_SLOTS]; /* of slots that wait */
};

struct shares *shares_new(void)
{
    struct shares *shares = xcalloc(1, sizeof(*shares)); /* untouched until used */
    if (getrandom(&shares->seed, sizeof(shares->seed), 0) != sizeof(shares->seed))
        abort();
    return shares;
}

void shares_free(struct shares *shares)
{
    free(shares);
}

/* What leads to the share of KEY, or to 0 where it would be. */
static uint16_t *find(struct shares *shares, const struct address *key)
{
    uint16_t *link = &shares->buckets[address_hash(key, shares->seed) % BUCKETS];
    while (*link && !address_equal(&shares->shares[*link - 1].key, key))
        link = &shares->shares[*link - 1].next;
    return link;
}

static struct share *find_or_make(struct shares *shares, const struct address *key)
{
    uint16_t *link = find(shares, key);
    if (*link)
        return &shares->shares[*link - 1];
    uint16_t number = shares->free ? shares->free : ++shares->touched;
    struct share *share = &shares->shares[number - 1];
    shares->free = shares->free ? share->next : 0;
    *share = (struct share){ .key = *key, .oldest = SHARES_NONE, .newest = SHARES_NONE };
    *link = number;
    return share;
}

static void forget_if_empty(struct shares *shares, const struct address *key)
{
    uint16_t *link = find(shares, key), number = *link;
    struct share *share = &shares->shares[number - 1];
    if (share->in_flight > 0 || share->waiting > 0)
        return;
    *link = share->next;
    share->next = shares->free;
    shares->free = number;
}

struct share shares_of(const struct shares *shares, const struct address *key)
{
    uint16_t number = *find((struct shares *)shares, key);
    if (number)
        return shares->shares[number - 1];
    return (struct share){ .key = *key, .oldest = SHARES_NONE, .newest = SHARES_NONE };
}

uint16_t shares_after(const struct shares *shares, uint16_t slot)
{
    return shares->after[slot];
}

void shares_wait(struct shares *shares, const struct address *key, uint16_t slot)
{
    struct share *share = find_or_make(shares, key);
    shares->before[slot] = share->newest;
    shares->after[slot] = SHARES_NONE;
    if (share->waiting++ == 0)
        share->oldest = slot;
    else
        shares->after[share->newest] = slot;
    share->newest = slot;
}

void shares_leave(struct shares *shares, const struct address *key, uint16_t slot)
{
    struct share *share = find_or_make(shares, key);
    uint16_t before = shares->before[slot], after = shares->after[slot];
    if (before == SHARES_NONE)
        share->oldest = after;
    else
        shares->after[before] = after;
    if (after == SHARES_NONE)
        share->newest = before;
    else
        shares->before[after] = before;
    share->waiting--;
    forget_if_empty(shares, key);
}

void shares_launch(struct shares *shares, const struct address *key)
{
    find_or_make(shares, key)->in_flight++;
}

void shares_land(struct shares *shares, const struct address *key)
{
    find_or_make(shares, key)->in_flight--;
    forget_if_empty(shares, key);
}
