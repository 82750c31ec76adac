#pragma once

#include <stddef.h>

/*
 * Allocation that cannot fail for its caller.  Everything that a peer can make grow has a cap of
 * its own, so running out of memory means that the machine is lost to us: these write one line to
 * standard error and abort, and the service manager starts the stage again, which forgets nothing.
 */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *block, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t size);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * An arena: many small allocations that end together.  A zeroed struct is an empty one.
 * arena_free() gives everything back and leaves it empty and usable.
 */
struct arena {
    struct arena_block *blocks;
};

void *arena_alloc(struct arena *arena, size_t size); /* aligned for any type, zeroed */
char *arena_copy(struct arena *arena, const char *text, size_t size); /* adds the NUL */
void arena_free(struct arena *arena);
