#include "correlator/reftable.h"

#include "common/memory.h"

#include <stdlib.h>

#define EMPTY      UINT32_MAX
#define SIZE_FIRST 64

void reftable_free(struct reftable *table)
{
    free(table->refs);
    *table = (struct reftable){ 0 };
}

static void store(struct reftable *table, struct ref ref)
{
    size_t at = ref.hash & (table->size - 1);
    while (table->refs[at].value != EMPTY)
        at = (at + 1) & (table->size - 1);
    table->refs[at] = ref;
}

static void grow(struct reftable *table)
{
    struct reftable larger = { .size = table->size ? table->size * 2 : SIZE_FIRST,
                               .count = table->count };
    larger.refs = xmalloc(larger.size * sizeof(*larger.refs));
    for (size_t i = 0; i < larger.size; i++)
        larger.refs[i].value = EMPTY;
    for (size_t i = 0; i < table->size; i++) {
        if (table->refs[i].value != EMPTY)
            store(&larger, table->refs[i]);
    }
    free(table->refs);
    *table = larger;
}

void reftable_add(struct reftable *table, uint32_t hash, uint32_t value)
{
    if ((table->count + 1) * 8 > table->size * 7)
        grow(table);
    store(table, (struct ref){ hash, value });
    table->count++;
}

/* Closes the gap at HOLE with what probing had pushed past it, so that no tombstones are needed
 * (Knuth, volume 3, 6.4, algorithm R). */
static void close_gap(struct reftable *table, size_t hole)
{
    size_t mask = table->size - 1;
    for (size_t at = (hole + 1) & mask; table->refs[at].value != EMPTY; at = (at + 1) & mask) {
        size_t home = table->refs[at].hash & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            table->refs[hole] = table->refs[at];
            hole = at;
        }
    }
    table->refs[hole].value = EMPTY;
}

void reftable_remove(struct reftable *table, uint32_t hash, uint32_t value)
{
    size_t at = hash & (table->size - 1);
    while (table->refs[at].value != value || table->refs[at].hash != hash)
        at = (at + 1) & (table->size - 1);
    close_gap(table, at);
    table->count--;
}

bool reftable_next(const struct reftable *table, uint32_t hash, size_t *at, uint32_t *value)
{
    if (table->size == 0)
        return false;
    size_t mask = table->size - 1;
    *at = *at == SIZE_MAX ? hash & mask : (*at + 1) & mask;
    for (; table->refs[*at].value != EMPTY; *at = (*at + 1) & mask) {
        if (table->refs[*at].hash == hash) {
            *value = table->refs[*at].value;
            return true;
        }
    }
    return false;
}
