/*
 * Most bytes of a Node come through here, so they are looked at by 64 at a time: of each 64 a word
 * has a bit for each quote, another one for each bracket or backslash, and whether a bracket is in
 * a string is told by the number of quotes before it.  (After simdjson: Langdale and Lemire,
 * "Parsing Gigabytes of JSON per Second", 2019.)
 */
#include "common/json_skip.h"

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LANES 16
#define BLOCK 64

typedef unsigned char lanes __attribute__((vector_size(LANES)));

/* Bit i is set when MASK[i], which is 0 or 255, is 255. */
static inline uint64_t bits_of(lanes mask)
{
#ifdef __SSE2__
    return (uint64_t)_mm_movemask_epi8((__m128i)mask);
#else
    uint64_t halves[2], bytes_added_up = 0x0101010101010101;
    mask &= (lanes){ 1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128 };
    memcpy(halves, &mask, LANES);
    return halves[0] * bytes_added_up >> 56 | halves[1] * bytes_added_up >> 56 << 8;
#endif
}

/* What of a block matters; bit i is about its byte i. */
struct marks {
    uint64_t quotes, others; /* the latter: brackets and backslashes */
};

static inline struct marks marks_of(const char block[BLOCK], char open, char close)
{
    struct marks marks = { 0, 0 };
    for (unsigned i = 0; i < BLOCK; i += LANES) {
        lanes bytes;
        memcpy(&bytes, block + i, LANES);
        marks.quotes |= bits_of((lanes)(bytes == '"')) << i;
        marks.others |= bits_of((lanes)(bytes == (unsigned char)open) |
                                (lanes)(bytes == (unsigned char)close) | (lanes)(bytes == '\\'))
                        << i;
    }
    return marks;
}

static inline void unmark(struct marks *marks, uint64_t bit)
{
    marks->quotes &= ~bit;
    marks->others &= ~bit;
}

static inline bool is_odd(uint64_t bits)
{
    return __builtin_parityll(bits) != 0;
}

/* Returns how far it went in BLOCK, of which SIZE bytes are input, and zeros follow. */
static inline size_t skip_block(struct json_skip *skip, const char block[BLOCK], size_t size)
{
    struct marks marks = marks_of(block, skip->open, skip->close);
    if (skip->is_escaped)
        unmark(&marks, 1);
    skip->is_escaped = false;
    while (marks.others != 0) {
        unsigned at = (unsigned)__builtin_ctzll(marks.others);
        uint64_t bit = (uint64_t)1 << at;
        marks.others &= ~bit;
        if (block[at] == '\\') {
            unmark(&marks, bit << 1);
            skip->is_escaped = at + 1 == size;
        } else if (skip->in_string == is_odd(marks.quotes & (bit - 1))) {
            skip->depth += block[at] == skip->open ? 1 : (size_t)-1;
            if (skip->depth == 0)
                return at;
        }
    }
    skip->in_string ^= is_odd(marks.quotes);
    return size;
}

struct json_skip json_skip_inside(char open)
{
    return (struct json_skip){ .open = open, .close = open == '[' ? ']' : '}', .depth = 1 };
}

size_t json_skip(struct json_skip *skip, const char *bytes, size_t size)
{
    size_t done = 0;
    while (size - done >= BLOCK) {
        done += skip_block(skip, bytes + done, BLOCK);
        if (skip->depth == 0)
            return done;
    }
    if (done == size)
        return size;
    char rest[BLOCK] = { 0 };
    memcpy(rest, bytes + done, size - done);
    return done + skip_block(skip, rest, size - done);
}
