#include "common/memory.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK_SIZE 4096

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

static void *got(void *block)
{
    if (block == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return block;
}

void *xmalloc(size_t size)
{
    return got(malloc(size > 0 ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return got(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *xrealloc(void *block, size_t size)
{
    return got(realloc(block, size > 0 ? size : 1));
}

char *xstrdup(const char *text)
{
    return got(strdup(text));
}

char *xstrndup(const char *text, size_t size)
{
    return got(strndup(text, size));
}

char *xasprintf(const char *format, ...)
{
    va_list arguments;
    char *text = NULL;

    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    return got(size >= 0 ? text : NULL);
}

static struct arena_block *block_with_room(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;
    if (block != NULL && block->size - block->used >= size)
        return block;

    size_t room = size > ARENA_BLOCK_SIZE ? size : ARENA_BLOCK_SIZE;
    struct arena_block *fresh = xmalloc(sizeof(*fresh) + room);
    fresh->used = 0;
    fresh->size = room;
    fresh->next = block;
    arena->blocks = fresh;
    return fresh;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct arena_block *block = block_with_room(arena, rounded);
    void *room = block->bytes + block->used;

    block->used += rounded;
    memset(room, 0, rounded);
    return room;
}

char *arena_copy(struct arena *arena, const char *text, size_t size)
{
    char *copy = arena_alloc(arena, size + 1);
    memcpy(copy, text, size);
    return copy;
}

void arena_free(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}
