#pragma once

#include <stddef.h>

/*
 * Ids are the first 128 bits of a SHA-256 in lower-case hexadecimal: the same on every host and
 * after every restart, and nobody can make two things share one.
 */
#define DIGEST_TEXT_SIZE 33

struct digest_part {
    const void *bytes;
    size_t size;
};

/* Each part goes in with its length, so that ("ab", "c") and ("a", "bc") differ. */
const char *digest_print(const struct digest_part *parts, size_t count,
                         char text[DIGEST_TEXT_SIZE]);

/* An incident's id: the hash of the Node's uid and its boot id. */
const char *digest_incident(const char *uid, const char *boot, char text[DIGEST_TEXT_SIZE]);
/* A drill's, which is no incident of that boot: DRILL is the id of its record. */
const char *digest_drill(const char *uid, const char *boot, const char *drill,
                         char text[DIGEST_TEXT_SIZE]);
