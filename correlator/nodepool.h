#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "correlator/nodemap.h"

/*
 * Where the map keeps what varies in size: each Node as one entry in one block of memory, claims,
 * uid, boot id and name behind a small header.  An entry that is replaced stays as a hole until a
 * quarter of the block is holes; then the block is compacted in place, which moves entries: the
 * owner's array AT (by slot, the offset of its entry) is corrected meanwhile.
 */
struct nodepool {
    unsigned char *bytes;
    size_t used, cap, holes;
};

#define NODEPOOL_NONE UINT32_MAX /* in AT: the slot has no entry yet */

void nodepool_free(struct nodepool *pool);

/* Writes FACTS as the entry of SLOT, in place of the one that AT names. */
void nodepool_store(struct nodepool *pool, uint32_t *at, uint32_t slot,
                    const struct node_facts *facts);
/* Makes the entry of SLOT a hole; AT[SLOT] is NODEPOOL_NONE afterwards. */
void nodepool_drop(struct nodepool *pool, uint32_t *at, uint32_t slot);

void nodepool_load(const struct nodepool *pool, uint32_t offset, struct node_facts *facts);
void nodepool_load_node(const struct nodepool *pool, uint32_t offset, struct node *node);
bool nodepool_is_named(const struct nodepool *pool, uint32_t offset, const char *name);
size_t nodepool_claim_count(const struct nodepool *pool, uint32_t offset);
struct node_claim nodepool_claim(const struct nodepool *pool, uint32_t offset, size_t place);
