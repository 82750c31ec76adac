#include "common/memory.h"
#include "listener/reassemble.h"
#include "listener/sources.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static size_t forgotten;
static bool forgot_a_node;

static void on_forget(void *arg, struct source *source)
{
    ck_assert_ptr_eq(arg, &forgotten);
    forgotten++;
    forgot_a_node = forgot_a_node || source->is_node;
}

static struct source_table *table(uint16_t entries, uint16_t chunks)
{
    forgotten = 0;
    forgot_a_node = false;
    return sources_new(entries, chunks, on_forget, &forgotten);
}

static struct address numbered(uint32_t number)
{
    struct address address = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff } };
    memcpy(address.bytes + 12, &number, sizeof(number));
    return address;
}

static struct source *hear(struct source_table *sources, uint32_t number, bool is_node,
                           const char *line)
{
    struct address address = numbered(number);
    struct source *source = sources_hear(sources, &address, is_node);
    if (source && line)
        sources_add_line(sources, source, (struct span){ line, strlen(line) },
                         (struct span){ "", 0 });
    return source;
}

static void assert_lines(struct source_table *sources, uint32_t number, const char *text)
{
    struct arena arena = { 0 };
    struct address address = numbered(number);
    struct source *source = sources_find(sources, &address);
    ck_assert_ptr_nonnull(source);
    struct span lines = sources_text(sources, source, 0, UINT64_MAX, &arena);
    ck_assert_uint_eq(lines.size, strlen(text));
    ck_assert_int_eq(memcmp(lines.bytes, text, lines.size), 0);
    arena_free(&arena);
}

START_TEST(a_source_keeps_its_lines)
{
    struct source_table *sources = table(16, 64);
    hear(sources, 1, true, "a");
    hear(sources, 2, true, "b");
    hear(sources, 1, true, "");
    struct source *source = hear(sources, 1, true, "c");
    sources_add_line(sources, source, (struct span){ "", 0 }, (struct span){ "d", 1 });
    assert_lines(sources, 1, "a\n\nc\nd\n");
    assert_lines(sources, 2, "b\n");
    sources_free(sources);
}
END_TEST

START_TEST(the_newest_lines_stay_and_begin_whole)
{
    struct source_table *sources = table(16, 64);
    char line[101];
    for (int i = 0; i < 2000; i++) {
        snprintf(line, sizeof(line), "%0*d", 1 + i % 100, i);
        hear(sources, 1, true, line);
    }
    struct arena arena = { 0 };
    struct address address = numbered(1);
    struct source *source = sources_find(sources, &address);
    struct span text = sources_text(sources, source, 0, UINT64_MAX, &arena);
    ck_assert_uint_ge(text.size, 32 * 1018 - 100);
    ck_assert_uint_le(text.size, 33 * 1018);
    int number = 1999;
    for (const char *end = text.bytes + text.size - 1; end > text.bytes; number--) {
        const char *start = end;
        while (start > text.bytes && start[-1] != '\n')
            start--;
        snprintf(line, sizeof(line), "%0*d", 1 + number % 100, number);
        ck_assert_uint_eq((size_t)(end - start), strlen(line));
        ck_assert_int_eq(memcmp(start, line, strlen(line)), 0);
        end = start - 1;
    }
    arena_free(&arena);
    sources_free(sources);
}
END_TEST

START_TEST(a_position_finds_its_lines_until_they_are_gone)
{
    struct source_table *sources = table(16, 64);
    struct arena arena = { 0 };
    hear(sources, 1, true, "before");
    struct source *source = hear(sources, 1, true, NULL);
    uint64_t begin = source->stream.end;
    hear(sources, 1, true, "one");
    hear(sources, 1, true, "two");
    uint64_t end = source->stream.end;
    hear(sources, 1, true, "after");
    struct span text = sources_text(sources, source, begin, end, &arena);
    ck_assert_uint_eq(text.size, 8);
    ck_assert_int_eq(memcmp(text.bytes, "one\ntwo\n", 8), 0);
    for (int i = 0; i < 40000; i++)
        hear(sources, 1, true, "x");
    ck_assert_uint_eq(sources_text(sources, source, begin, end, &arena).size, 0);
    arena_free(&arena);
    sources_free(sources);
}
END_TEST

START_TEST(a_displaced_source_leaves_no_lines_to_the_next)
{
    struct source_table *sources = table(1, 8);
    struct arena arena = { 0 };
    struct source *source = hear(sources, 1, true, "mine");
    uint64_t end = source->stream.end;
    source = hear(sources, 2, true, "another's");
    ck_assert_uint_eq(forgotten, 1);
    ck_assert_uint_eq(sources_text(sources, source, 0, end, &arena).size, 0);
    struct address address = numbered(1);
    ck_assert_ptr_null(sources_find(sources, &address));
    arena_free(&arena);
    sources_free(sources);
}
END_TEST

START_TEST(the_longest_silent_gives_its_lines_away_but_stays_known)
{
    struct source_table *sources = table(16, 4);
    for (uint32_t i = 1; i <= 4; i++)
        hear(sources, i, true, "line");
    hear(sources, 1, true, "again");
    hear(sources, 5, true, "new");
    assert_lines(sources, 1, "line\nagain\n");
    assert_lines(sources, 2, "");
    assert_lines(sources, 3, "line\n");
    assert_lines(sources, 5, "new\n");
    ck_assert_uint_eq(forgotten, 0);
    sources_free(sources);
}
END_TEST

START_TEST(who_take_turns_all_keep_their_newest_lines)
{
    struct source_table *sources = table(16, 8 * 20);
    for (int round = 0; round < 10000; round++)
        for (uint32_t i = 1; i <= 8; i++)
            hear(sources, i, true, "0123456789012345678901234567890123456789" + i);
    for (uint32_t i = 1; i <= 8; i++) {
        struct address address = numbered(i);
        ck_assert_uint_ge(sources_find(sources, &address)->stream.chunks, 19);
    }
    sources_free(sources);
}
END_TEST

START_TEST(a_trace_may_be_longer_than_context)
{
    struct source_table *sources = table(16, 400);
    struct source *source = hear(sources, 1, true, "a");
    source->trace.phase = TRACE_COLLECTING;
    for (int i = 0; i < 100000; i++)
        hear(sources, 1, true, "0123456789");
    ck_assert_uint_eq(source->stream.chunks, 33 + 256);
    source->trace.phase = TRACE_NONE;
    for (int i = 0; i < 200; i++)
        hear(sources, 1, true, "0123456789");
    ck_assert_uint_le(source->stream.chunks, 33);
    sources_free(sources);
}
END_TEST

/* All of it is allocated at the start; nothing else grows with who sends. */
START_TEST(the_table_is_within_its_cap)
{
    size_t table_size = SOURCES_ENTRIES * (sizeof(struct source) + 2 * sizeof(uint16_t)) +
                        SOURCES_CHUNKS * sizeof(struct chunk);
    size_t fragments = REASSEMBLE_RECORDS * NETCONSOLE_BODY_MAX;
    ck_assert_uint_lt(table_size + fragments, 16 << 20);
}
END_TEST

START_TEST(a_million_strangers_cost_no_node_anything)
{
    struct source_table *sources = table(SOURCES_ENTRIES, SOURCES_CHUNKS);
    static char line[1000];
    for (uint32_t i = 1; i <= 100; i++)
        hear(sources, i, true, "a Node's line");
    memset(line, 'x', sizeof(line) - 1);
    for (uint32_t i = 1000; i < 1001000; i++)
        hear(sources, i, false, line);
    ck_assert(!forgot_a_node);
    ck_assert_uint_eq(forgotten, 1000000 - SOURCES_ENTRIES / 4);
    for (uint32_t i = 1; i <= 100; i++)
        assert_lines(sources, i, "a Node's line\n");
    sources_free(sources);
}
END_TEST

START_TEST(a_talkative_stranger_has_a_quarter_at_most)
{
    struct source_table *sources = table(16, 64);
    for (uint32_t round = 0; round < 1000; round++)
        for (uint32_t i = 1; i <= 3; i++)
            hear(sources, i, false, "0123456789012345678901234567890123456789");
    for (uint32_t i = 100; i < 112; i++)
        for (int line = 0; line < 80; line++)
            hear(sources, i, true, "0123456789012345678901234567890123456789");
    /* 12 Nodes with 4 chunks each: all that strangers may not have. */
    for (uint32_t i = 100; i < 112; i++) {
        struct address address = numbered(i);
        ck_assert_uint_eq(sources_find(sources, &address)->stream.chunks, 4);
    }
    sources_free(sources);
}
END_TEST

START_TEST(nodes_leave_strangers_a_sixteenth)
{
    struct source_table *sources = table(32, 32);
    for (uint32_t i = 1; i <= 30; i++)
        hear(sources, i, true, "node");
    hear(sources, 31, true, "node"); /* displaces the longest silent Node */
    ck_assert_uint_eq(forgotten, 1);
    struct address first = numbered(1), second = numbered(2);
    ck_assert_ptr_null(sources_find(sources, &first));
    for (uint32_t i = 100; i < 1000; i++)
        ck_assert_ptr_nonnull(hear(sources, i, false, "stranger"));
    ck_assert_ptr_nonnull(sources_find(sources, &second));
    sources_free(sources);
}
END_TEST

START_TEST(strangers_give_their_place_to_a_node)
{
    struct source_table *sources = table(32, 32);
    for (uint32_t i = 100; i < 108; i++)
        hear(sources, i, false, "stranger");
    for (uint32_t i = 1; i <= 30; i++)
        ck_assert_ptr_nonnull(hear(sources, i, true, "node"));
    ck_assert(!forgot_a_node);
    ck_assert_uint_eq(forgotten, 6);
    sources_free(sources);
}
END_TEST

START_TEST(whoever_becomes_a_node_is_safe_from_strangers)
{
    struct source_table *sources = table(16, 64);
    struct source *source = hear(sources, 1, false, "was a stranger");
    sources_set_node(sources, source, true);
    for (uint32_t i = 100; i < 10000; i++)
        hear(sources, i, false, "stranger");
    assert_lines(sources, 1, "was a stranger\n");
    source = hear(sources, 1, true, NULL);
    sources_set_node(sources, source, false);
    for (uint32_t i = 100; i < 10000; i++)
        hear(sources, i, false, "stranger");
    struct address address = numbered(1);
    ck_assert_ptr_null(sources_find(sources, &address));
    sources_free(sources);
}
END_TEST

START_TEST(no_source_is_lost_among_colliding_ones)
{
    /* As full as it gets, with sources going and coming. */
    struct source_table *sources = table(64, 64);
    uint32_t state = 1;
    for (int i = 0; i < 100000; i++) {
        state = state * 1664525 + 1013904223;
        uint32_t number = (state >> 16) % 100;
        struct source *source = hear(sources, number, true, "x");
        struct address address = numbered(number);
        ck_assert_ptr_eq(sources_find(sources, &address), source);
    }
    sources_free(sources);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *lines = tcase_create("lines");
    tcase_add_test(lines, a_source_keeps_its_lines);
    tcase_add_test(lines, the_newest_lines_stay_and_begin_whole);
    tcase_add_test(lines, a_position_finds_its_lines_until_they_are_gone);
    tcase_add_test(lines, a_displaced_source_leaves_no_lines_to_the_next);
    tcase_add_test(lines, the_longest_silent_gives_its_lines_away_but_stays_known);
    tcase_add_test(lines, who_take_turns_all_keep_their_newest_lines);
    tcase_add_test(lines, a_trace_may_be_longer_than_context);
    suite_add_tcase(suite, lines);

    TCase *bounds = tcase_create("bounds");
    tcase_set_timeout(bounds, 60);
    tcase_add_test(bounds, the_table_is_within_its_cap);
    tcase_add_test(bounds, a_million_strangers_cost_no_node_anything);
    tcase_add_test(bounds, a_talkative_stranger_has_a_quarter_at_most);
    tcase_add_test(bounds, nodes_leave_strangers_a_sixteenth);
    tcase_add_test(bounds, strangers_give_their_place_to_a_node);
    tcase_add_test(bounds, whoever_becomes_a_node_is_safe_from_strangers);
    tcase_add_test(bounds, no_source_is_lost_among_colliding_ones);
    suite_add_tcase(suite, bounds);
}

int main(void)
{
    return unit_run("listener sources", fill);
}
