#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * How to get over the rest of a JSON container without reading it: its kind of brackets is counted,
 * strings and their escapes are known, nothing else is.  So it takes what is no JSON, too; how deep
 * that nests costs no memory.
 */
struct json_skip {
    char open, close;
    size_t depth; /* containers of its kind that are open; 0: its end was found */
    bool in_string, is_escaped;
};

/* To go on behind OPEN, which is '[' or '{'. */
struct json_skip json_skip_inside(char open);

/* Goes on at BYTES, any part of the container; returns how far it went: to the bracket that closes
 * it (DEPTH is 0 then, and the rest means nothing), which is left to be read, or SIZE. */
size_t json_skip(struct json_skip *skip, const char *bytes, size_t size);
