#include "listener/stream.h"

#include <string.h>

void pool_init(struct pool *pool, struct chunk *chunks, uint16_t count)
{
    *pool = (struct pool){ .chunks = chunks, .count = count, .free = STREAM_NONE };
}

static uint16_t pool_take(struct pool *pool)
{
    uint16_t index = pool->free;
    if (index != STREAM_NONE)
        pool->free = pool->chunks[index].next;
    else if (pool->touched < pool->count)
        index = pool->touched++;
    return index;
}

bool pool_is_used_up(const struct pool *pool)
{
    return pool->free == STREAM_NONE && pool->touched == pool->count;
}

void stream_init(struct stream *stream, uint64_t at)
{
    *stream = (struct stream){ .first = STREAM_NONE, .last = STREAM_NONE, .start = at, .end = at };
}

bool stream_grow(struct pool *pool, struct stream *stream)
{
    uint16_t index = pool_take(pool);
    if (index == STREAM_NONE)
        return false;
    struct chunk *chunk = &pool->chunks[index];
    chunk->next = chunk->line = STREAM_NONE;
    chunk->used = 0;
    if (stream->chunks++ == 0)
        stream->first = index;
    else
        pool->chunks[stream->last].next = index;
    stream->last = index;
    return true;
}

void stream_drop(struct pool *pool, struct stream *stream)
{
    uint16_t index = stream->first;
    struct chunk *chunk = &pool->chunks[index];
    stream->start += chunk->used;
    stream->first = chunk->next;
    if (--stream->chunks == 0)
        stream->last = STREAM_NONE;
    chunk->next = pool->free;
    pool->free = index;
}

void stream_clear(struct pool *pool, struct stream *stream)
{
    while (stream->chunks > 0)
        stream_drop(pool, stream);
}

size_t stream_room(const struct pool *pool, const struct stream *stream)
{
    return stream->chunks == 0 ? 0 : STREAM_CHUNK_SIZE - pool->chunks[stream->last].used;
}

void stream_append(struct pool *pool, struct stream *stream, const char *bytes, size_t size,
                   bool line)
{
    struct chunk *chunk = &pool->chunks[stream->last];
    if (line && chunk->line == STREAM_NONE)
        chunk->line = chunk->used;
    memcpy(chunk->bytes + chunk->used, bytes, size);
    chunk->used = (uint16_t)(chunk->used + size);
    stream->end += size;
}

/* Where the first line begins of a chunk that begins at LEAST or later. */
static uint64_t line_from(const struct pool *pool, const struct stream *stream, uint64_t least)
{
    uint64_t at = stream->start;
    for (uint16_t i = stream->first; i != STREAM_NONE; i = pool->chunks[i].next) {
        if (at >= least && pool->chunks[i].line != STREAM_NONE)
            return at + pool->chunks[i].line;
        at += pool->chunks[i].used;
    }
    return stream->end;
}

uint64_t stream_begin(const struct pool *pool, const struct stream *stream)
{
    return line_from(pool, stream, 0);
}

uint64_t stream_newest(const struct pool *pool, const struct stream *stream, size_t size)
{
    return line_from(pool, stream, stream->end > size ? stream->end - size : 0);
}

/* FROM and TO, kept within what is there. */
static void clip(const struct pool *pool, const struct stream *stream, uint64_t *from, uint64_t *to)
{
    uint64_t begin = stream_begin(pool, stream);
    *from = *from < begin ? begin : *from;
    *to = *to > stream->end ? stream->end : *to;
    *to = *to < *from ? *from : *to;
}

size_t stream_size(const struct pool *pool, const struct stream *stream, uint64_t from, uint64_t to)
{
    clip(pool, stream, &from, &to);
    return to - from;
}

size_t stream_copy(const struct pool *pool, const struct stream *stream, uint64_t from, uint64_t to,
                   char *out)
{
    clip(pool, stream, &from, &to);
    size_t used = 0;
    uint64_t at = stream->start;
    for (uint16_t i = stream->first; i != STREAM_NONE && at < to; i = pool->chunks[i].next) {
        const struct chunk *chunk = &pool->chunks[i];
        uint64_t end = at + chunk->used;
        uint64_t left = at > from ? at : from, right = end < to ? end : to;
        if (left < right) {
            memcpy(out + used, chunk->bytes + (left - at), right - left);
            used += right - left;
        }
        at = end;
    }
    return used;
}
