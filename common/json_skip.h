#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * How to get over the rest of a JSON container without reading it: brackets are counted, strings
 * and their escapes are known, nothing else is.  So it takes what is no JSON, too; how deep that
 * nests costs no memory.
 */
struct json_skip {
    size_t depth; /* containers open; the caller opens the first by 1, and 0 is the end */
    bool in_string, is_escaped;
};

/* Goes on at BYTES, one at least, of any part of the container; returns how far it went: to the
 * bracket that closes the first container (DEPTH is 0 then), which is left to be read, or SIZE. */
size_t json_skip(struct json_skip *skip, const char *bytes, size_t size);
