#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The last lines of each source, as bytes in chunks of one shared pool.
 *
 * A stream grows at its end and loses whole chunks at its beginning.  A position in it is a count
 * of bytes that only grows, so whoever remembers positions (a panic its context, a trace its part)
 * can ask later for what is still there.  Lines end in '\n'; a stream begins with a whole one.
 */
#define STREAM_NONE       UINT16_MAX
#define STREAM_CHUNK_SIZE 1018

struct chunk {
    uint16_t next, used;
    uint16_t line; /* where the first line begins in it, STREAM_NONE: nowhere */
    char bytes[STREAM_CHUNK_SIZE];
};

struct pool {
    struct chunk *chunks; /* untouched until used: a listener that hears little stays small */
    uint16_t count, touched, free;
};

/* COUNT (below STREAM_NONE) chunks of zeroed memory that the caller owns. */
void pool_init(struct pool *pool, struct chunk *chunks, uint16_t count);
bool pool_is_used_up(const struct pool *pool);

struct stream {
    uint16_t first, last, chunks;
    uint64_t start; /* the position of the first chunk's first byte */
    uint64_t end;
};

/* Empty, at position AT; give each life of a stream an AT beyond what it ever reached before. */
void stream_init(struct stream *stream, uint64_t at);
/* All chunks back to the pool; positions go on. */
void stream_clear(struct pool *pool, struct stream *stream);

/* Adds a chunk from the pool; false when the pool has none. */
bool stream_grow(struct pool *pool, struct stream *stream);
/* Gives the oldest chunk back to the pool. */
void stream_drop(struct pool *pool, struct stream *stream);
/* How many bytes the last chunk takes. */
size_t stream_room(const struct pool *pool, const struct stream *stream);
/* Appends SIZE bytes, at most stream_room(); LINE: a line begins with them. */
void stream_append(struct pool *pool, struct stream *stream, const char *bytes, size_t size,
                   bool line);

/* Where the oldest whole line begins. */
uint64_t stream_begin(const struct pool *pool, const struct stream *stream);
/* Where a line begins among the newest SIZE bytes, near their oldest. */
uint64_t stream_newest(const struct pool *pool, const struct stream *stream, size_t size);
/* Copies what is there of FROM..TO into OUT and returns its size, which stream_size() bounds. */
size_t stream_copy(const struct pool *pool, const struct stream *stream, uint64_t from, uint64_t to,
                   char *out);
size_t stream_size(const struct pool *pool, const struct stream *stream, uint64_t from,
                   uint64_t to);
