#include "common/json_skip.h"
#include "tests/unit/unit.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTAINERS 3000
#define LONGEST    1000

struct text {
    char bytes[LONGEST + 8];
    size_t size;
};

static uint32_t seed;

static unsigned any_below(unsigned limit)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % limit;
}

static void put(struct text *text, const char *more)
{
    text->size +=
        (size_t)snprintf(text->bytes + text->size, sizeof(text->bytes) - text->size, "%s", more);
}

/* What a reader that takes no heed of strings, of escapes or of nesting would fall over. */
static void put_string(struct text *text)
{
    static const char *const parts[] = {
        "\\\"",    "\\\\",  "]",
        "}",       "[",     "{",
        "\\u005d", "image", "registry.invalid/a-service-with-a-long-name@sha256:"
    };
    put(text, "\"");
    for (unsigned left = any_below(6); left > 0; left--)
        put(text, parts[any_below(sizeof(parts) / sizeof(*parts))]);
    put(text, "\"");
}

/* Until TEXT is long enough; then containers are empty. */
static void put_container(struct text *text, bool array, unsigned depth)
{
    put(text, array ? "[" : "{");
    for (unsigned left = depth > 0 ? any_below(5) : 0; left > 0 && text->size < LONGEST / 2;
         left--) {
        if (!array) {
            put_string(text);
            put(text, ":");
        }
        if (any_below(3) > 0)
            put_string(text);
        else
            put_container(text, any_below(2), depth - 1);
        put(text, left > 1 ? "," : "");
    }
    put(text, array ? "]" : "}");
}

/* Where its end was found in a TEXT that comes in pieces of STEP bytes. */
static size_t skipped(const struct text *text, size_t step)
{
    struct json_skip skip = json_skip_inside(text->bytes[0]);
    for (size_t at = 1; at < text->size; at += step) {
        size_t size = text->size - at < step ? text->size - at : step;
        char *piece = malloc(size); /* of its very size, for a sanitizer to see who reads on */
        memcpy(piece, text->bytes + at, size);
        size_t done = json_skip(&skip, piece, size);
        free(piece);
        if (skip.depth == 0)
            return at + done;
        ck_assert_uint_eq(done, size);
    }
    return SIZE_MAX;
}

START_TEST(the_end_of_a_container_is_found_wherever_its_pieces_part)
{
    static const size_t steps[] = { 1, 2, 15, 16, 17, 63, 64, 65, 127, 128, LONGEST };
    seed = 1;
    size_t longest = 0;
    for (unsigned i = 0; i < CONTAINERS; i++) {
        struct text text = { .size = 0 };
        put_container(&text, any_below(2), 4);
        size_t end = text.size - 1;
        put(&text, ",]}\"");
        for (size_t s = 0; s < sizeof(steps) / sizeof(*steps); s++)
            ck_assert_msg(skipped(&text, steps[s]) == end, "in pieces of %zu: %s", steps[s],
                          text.bytes);
        longest = end > longest ? end : longest;
    }
    ck_assert_uint_gt(longest, LONGEST / 2);
}
END_TEST

/* Each state that may be left at the end of a piece, at each place of a block. */
START_TEST(an_escape_counts_across_blocks_and_pieces)
{
    for (size_t before = 0; before < 130; before++) {
        struct text text = { .size = 0 };
        put(&text, "[\"");
        for (size_t i = 0; i < before; i++)
            put(&text, "x");
        put(&text, "\\\"]\\\\\"]");
        for (size_t step = 1; step < text.size; step++)
            ck_assert_uint_eq(skipped(&text, step), text.size - 1);
    }
}
END_TEST

START_TEST(a_container_without_an_end_has_none)
{
    static const char *const texts[] = { "[", "[[]", "[\"]", "[\"\\\"]", "[}", "{]", "{\"}\"" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct text text = { .size = 0 };
        put(&text, texts[i]);
        ck_assert_uint_eq(skipped(&text, LONGEST), SIZE_MAX);
    }
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("skip");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_end_of_a_container_is_found_wherever_its_pieces_part);
    tcase_add_test(tests, an_escape_counts_across_blocks_and_pieces);
    tcase_add_test(tests, a_container_without_an_end_has_none);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("json_skip", fill);
}
