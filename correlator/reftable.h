#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An open-addressing table from a hash to 32-bit references, several of which may share a hash.
 * It knows nothing of keys: the owner compares what a reference stands for.  8 bytes an entry, at
 * most 7/8 full.  A zeroed struct is an empty table.
 */
struct ref {
    uint32_t hash;
    uint32_t value;
};

struct reftable {
    struct ref *refs;
    size_t size; /* a power of two, or 0 */
    size_t count;
};

#define REF_MAX (UINT32_MAX - 1) /* the greatest value that can be stored */

void reftable_free(struct reftable *table);
void reftable_add(struct reftable *table, uint32_t hash, uint32_t value);
/* The entry must be there. */
void reftable_remove(struct reftable *table, uint32_t hash, uint32_t value);

/*
 * Walks over the values stored under HASH: *AT starts at SIZE_MAX and is the table's own; false
 * when there is no more.  The table must not change during the walk.
 */
bool reftable_next(const struct reftable *table, uint32_t hash, size_t *at, uint32_t *value);
