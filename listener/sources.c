#include "listener/sources.h"

#include "common/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/*
 * One block of memory: entries, a hash over them (open addressing, linear probing), and the pool
 * of chunks that all streams share.
 *
 * Each class (strangers, Nodes) has two lists, newest first: the warm ones hold chunks, the cold
 * ones none.  Whoever needs a chunk takes, in this order: its own oldest one when it has its
 * share; a free one; the oldest one of the longest silent stranger; that of the longest silent
 * Node, if it is a Node itself.  Who has none left turns cold but stays known, with what it proved.
 * When the pool is used up, the share of a Node is what each would have of it, if that is half of
 * the context at least: else those that write by turns, of whom the longest silent is the next to
 * write, would take all from some of them.
 *
 * An entry is found in the same order: free, cold strangers, warm strangers, and for a Node cold
 * and warm Nodes; a sixteenth is left to strangers, for a Node that is too new to be known is one.
 *
 * Positions in a new source's stream begin where no stream was before, so a position remembered
 * for a displaced source finds nothing instead of somebody else's lines.
 */
#define CONTEXT_CHUNKS 33 /* 32 KiB of lines, and the cut one at their beginning */
#define TRACE_CHUNKS   (TRACE_MAX / 1024)

enum { COLD = 0, WARM = 1, NODES = 2, LISTS = 4 }; /* a list: class | warmth */

struct list {
    uint16_t first, last, count;
};

struct source_table {
    struct source *entries;
    uint16_t *hash; /* index + 1, 0: free */
    uint32_t mask;
    uint16_t capacity, touched;
    uint16_t count[2], chunks[2]; /* by class */
    struct pool pool;
    struct list lists[LISTS];
    uint64_t seed, position;
    void (*forget)(void *arg, struct source *source);
    void *arg;
    void *block;
};

/* The memory that strangers may take, as tests/attack/test_floods.py has it, counts on this. */
_Static_assert(sizeof(struct source) <= 432, "an entry of the table of sources has grown");

static size_t aligned(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

struct source_table *sources_new(uint16_t entries, uint16_t chunks,
                                 void (*forget)(void *arg, struct source *source), void *arg)
{
    struct source_table *sources = xcalloc(1, sizeof(*sources));
    uint32_t buckets = 1;
    while (buckets < 2u * entries)
        buckets *= 2;
    size_t entry_size = aligned(entries * sizeof(struct source));
    size_t hash_size = aligned(buckets * sizeof(uint16_t));
    /* So large a block comes as untouched pages. */
    char *at = sources->block = xcalloc(1, entry_size + hash_size + chunks * sizeof(struct chunk));
    sources->entries = (struct source *)at;
    sources->hash = (uint16_t *)(at + entry_size);
    pool_init(&sources->pool, (struct chunk *)(at + entry_size + hash_size), chunks);
    sources->mask = buckets - 1;
    sources->capacity = entries;
    for (size_t i = 0; i < LISTS; i++)
        sources->lists[i] = (struct list){ STREAM_NONE, STREAM_NONE, 0 };
    sources->forget = forget;
    sources->arg = arg;
    if (getrandom(&sources->seed, sizeof(sources->seed), 0) != sizeof(sources->seed))
        abort();
    return sources;
}

void sources_free(struct source_table *sources)
{
    free(sources->block);
    free(sources);
}

uint16_t sources_index(const struct source_table *sources, const struct source *source)
{
    return (uint16_t)(source - sources->entries);
}

struct source *sources_at(struct source_table *sources, uint16_t index)
{
    return &sources->entries[index];
}

/* The lists. */
static void unlink_entry(struct source_table *sources, struct source *source)
{
    struct list *list = &sources->lists[source->list];
    list->count--;
    if (source->previous == STREAM_NONE)
        list->first = source->next;
    else
        sources->entries[source->previous].next = source->next;
    if (source->next == STREAM_NONE)
        list->last = source->previous;
    else
        sources->entries[source->next].previous = source->previous;
}

static uint8_t list_of(const struct source *source)
{
    return (uint8_t)((source->is_node ? NODES : 0) | (source->stream.chunks > 0 ? WARM : COLD));
}

static void link_first(struct source_table *sources, struct source *source)
{
    uint16_t index = sources_index(sources, source);
    source->list = list_of(source);
    struct list *list = &sources->lists[source->list];
    list->count++;
    source->previous = STREAM_NONE;
    source->next = list->first;
    if (list->first == STREAM_NONE)
        list->last = index;
    else
        sources->entries[list->first].previous = index;
    list->first = index;
}

static void move_first(struct source_table *sources, struct source *source)
{
    uint16_t index = sources_index(sources, source);
    if (source->list == list_of(source) && sources->lists[source->list].first == index)
        return;
    unlink_entry(sources, source);
    link_first(sources, source);
}

/* The hash. */
static uint32_t home(const struct source_table *sources, const struct address *address)
{
    return (uint32_t)address_hash(address, sources->seed) & sources->mask;
}

static uint32_t find_bucket(const struct source_table *sources, const struct address *address)
{
    uint32_t bucket = home(sources, address);
    while (sources->hash[bucket] &&
           !address_equal(&sources->entries[sources->hash[bucket] - 1].address, address))
        bucket = (bucket + 1) & sources->mask;
    return bucket;
}

/* Closes the gap, so that no search ends early (Knuth 6.4, algorithm R). */
static void unhash(struct source_table *sources, const struct address *address)
{
    uint32_t gap = find_bucket(sources, address);
    for (uint32_t at = (gap + 1) & sources->mask; sources->hash[at];
         at = (at + 1) & sources->mask) {
        uint32_t wanted = home(sources, &sources->entries[sources->hash[at] - 1].address);
        if (((at - wanted) & sources->mask) >= ((at - gap) & sources->mask)) {
            sources->hash[gap] = sources->hash[at];
            gap = at;
        }
    }
    sources->hash[gap] = 0;
}

struct source *sources_find(struct source_table *sources, const struct address *address)
{
    uint32_t bucket = find_bucket(sources, address);
    return sources->hash[bucket] ? &sources->entries[sources->hash[bucket] - 1] : NULL;
}

static void clear_stream(struct source_table *sources, struct source *source)
{
    sources->chunks[source->is_node] =
        (uint16_t)(sources->chunks[source->is_node] - source->stream.chunks);
    stream_clear(&sources->pool, &source->stream);
}

static struct source *last_of(struct source_table *sources, int list)
{
    uint16_t index = sources->lists[list].last;
    return index == STREAM_NONE ? NULL : &sources->entries[index];
}

static struct source *longest_silent(struct source_table *sources, bool strangers, bool nodes)
{
    struct source *found = NULL;
    if (strangers)
        found = last_of(sources, COLD) ? last_of(sources, COLD) : last_of(sources, WARM);
    if (!found && nodes)
        found = last_of(sources, NODES | COLD) ? last_of(sources, NODES | COLD)
                                               : last_of(sources, NODES | WARM);
    return found;
}

static void displace(struct source_table *sources, struct source *source)
{
    sources->forget(sources->arg, source);
    unhash(sources, &source->address);
    clear_stream(sources, source);
    unlink_entry(sources, source);
    sources->count[source->is_node]--;
}

/* An entry to use.  Strangers have a quarter at most, Nodes leave them a sixteenth at least. */
static struct source *take_entry(struct source_table *sources, bool is_node)
{
    uint16_t most =
        (uint16_t)(is_node ? sources->capacity - sources->capacity / 16 : sources->capacity / 4);
    bool within = sources->count[is_node] < most;
    if (within && sources->touched < sources->capacity)
        return &sources->entries[sources->touched++];
    struct source *source = longest_silent(sources, !is_node || within, is_node);
    if (source)
        displace(sources, source);
    return source;
}

struct source *sources_hear(struct source_table *sources, const struct address *address,
                            bool is_node)
{
    struct source *source = sources_find(sources, address);
    if (source) {
        move_first(sources, source);
        return source;
    }
    source = take_entry(sources, is_node);
    if (!source)
        return NULL;
    *source = (struct source){ .address = *address, .is_node = is_node };
    stream_init(&source->stream, ++sources->position);
    sources->hash[find_bucket(sources, address)] = (uint16_t)(sources_index(sources, source) + 1);
    sources->count[is_node]++;
    link_first(sources, source);
    return source;
}

/* Chunks. */
static void drop_oldest(struct source_table *sources, struct source *source)
{
    stream_drop(&sources->pool, &source->stream);
    sources->chunks[source->is_node]--;
}

static bool take_chunk_of(struct source_table *sources, int list, const struct source *but)
{
    struct source *victim = last_of(sources, list);
    if (!victim || victim == but)
        return false;
    drop_oldest(sources, victim);
    if (victim->stream.chunks == 0)
        move_first(sources, victim);
    return true;
}

static uint16_t share_of(const struct source_table *sources, const struct source *source)
{
    if (source->trace.phase != TRACE_NONE)
        return CONTEXT_CHUNKS + TRACE_CHUNKS;
    uint16_t warm = sources->lists[NODES | WARM].count;
    if (!source->is_node || warm == 0 || !pool_is_used_up(&sources->pool))
        return CONTEXT_CHUNKS;
    uint16_t fair = sources->pool.count / warm;
    if (fair < CONTEXT_CHUNKS / 2)
        return CONTEXT_CHUNKS / 2;
    return fair < CONTEXT_CHUNKS ? fair : CONTEXT_CHUNKS;
}

/* One more chunk for SOURCE; false when only others whom it may not displace have any. */
static bool grow(struct source_table *sources, struct source *source)
{
    bool is_node = source->is_node;
    uint16_t share = share_of(sources, source);
    while (source->stream.chunks >= share)
        drop_oldest(sources, source);
    if (!is_node && sources->chunks[0] >= sources->pool.count / 4 &&
        !take_chunk_of(sources, WARM, source)) {
        if (source->stream.chunks < 2)
            return false;
        drop_oldest(sources, source);
    }
    while (!stream_grow(&sources->pool, &source->stream)) {
        if (take_chunk_of(sources, WARM, source))
            continue;
        if (is_node && take_chunk_of(sources, NODES | WARM, source))
            continue;
        if (source->stream.chunks < 2)
            return false;
        drop_oldest(sources, source);
    }
    sources->chunks[is_node]++;
    return true;
}

static bool append(struct source_table *sources, struct source *source, struct span bytes,
                   bool line)
{
    while (bytes.size > 0) {
        size_t room = stream_room(&sources->pool, &source->stream);
        if (room == 0) {
            if (!grow(sources, source))
                return false;
            continue;
        }
        size_t size = bytes.size < room ? bytes.size : room;
        stream_append(&sources->pool, &source->stream, bytes.bytes, size, line);
        line = false;
        bytes.bytes += size;
        bytes.size -= size;
    }
    return true;
}

void sources_add_line(struct source_table *sources, struct source *source, struct span first,
                      struct span second)
{
    bool whole = append(sources, source, first, true) &&
                 append(sources, source, second, first.size == 0) &&
                 append(sources, source, (struct span){ "\n", 1 }, first.size + second.size == 0);
    if (!whole)
        clear_stream(sources, source);
    if (source->stream.end > sources->position)
        sources->position = source->stream.end;
    move_first(sources, source);
}

uint64_t sources_context(const struct source_table *sources, const struct source *source)
{
    return stream_newest(&sources->pool, &source->stream, TRACE_CONTEXT);
}

struct span sources_text(struct source_table *sources, const struct source *source, uint64_t from,
                         uint64_t to, struct arena *arena)
{
    size_t size = stream_size(&sources->pool, &source->stream, from, to);
    char *text = arena_alloc(arena, size + 1);
    stream_copy(&sources->pool, &source->stream, from, to, text);
    return (struct span){ text, size };
}

void sources_each(struct source_table *sources, void (*each)(void *arg, struct source *source),
                  void *arg)
{
    for (uint16_t i = 0; i < sources->touched; i++)
        each(arg, &sources->entries[i]);
}

void sources_set_node(struct source_table *sources, struct source *source, bool is_node)
{
    if (source->is_node == is_node)
        return;
    uint16_t chunks = source->stream.chunks;
    unlink_entry(sources, source);
    sources->count[source->is_node]--;
    sources->count[is_node]++;
    sources->chunks[source->is_node] = (uint16_t)(sources->chunks[source->is_node] - chunks);
    sources->chunks[is_node] = (uint16_t)(sources->chunks[is_node] + chunks);
    source->is_node = is_node;
    link_first(sources, source);
}
