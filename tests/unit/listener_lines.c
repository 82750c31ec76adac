#include "listener/lines.h"

#include "tests/unit/unit.h"

#include <string.h>

static struct arena arena;
static struct lines lines;

static void teardown(void)
{
    arena_free(&arena);
}

static struct span text_of(const char *text)
{
    return (struct span){ text, strlen(text) };
}

/* Each line costs its encoded bytes and 3. */
static const struct {
    const char *text;
    size_t budget, oldest, taken;
} rows[] = {
    { "", 100, 0, 0 },         { "a\nb\nc\n", 100, 3, 6 },
    { "a\nb\nc\n", 12, 3, 6 }, { "a\nb\nc\n", 11, 2, 4 },
    { "a\nb\nc\n", 4, 1, 2 },  { "\n\n\n", 6, 2, 2 },
    { "\"\n\"\n", 9, 1, 2 },   { "aaaaaaaaaaaaaaaaaaaa\nb\n", 10, 1, 21 },
};

START_TEST(lines_are_taken_within_the_budget)
{
    ck_assert_uint_eq(lines_oldest(text_of(rows[_i].text), rows[_i].budget, &arena, &lines),
                      rows[_i].taken);
    ck_assert_uint_eq(lines.count, rows[_i].oldest);
}
END_TEST

START_TEST(the_oldest_come_in_their_order)
{
    lines_oldest(text_of("a\nb\nc\n"), 8, &arena, &lines);
    ck_assert_str_eq(lines.line[0], "a");
    ck_assert_str_eq(lines.line[1], "b");
}
END_TEST

START_TEST(a_line_longer_than_a_record_is_cut)
{
    ck_assert_uint_eq(lines_oldest(text_of("0123456789\n"), 8, &arena, &lines), 11);
    ck_assert_str_eq(lines.line[0], "01234");
}
END_TEST

START_TEST(lines_are_printable)
{
    lines_oldest(text_of("\x1b[31m\xff\n"), 100, &arena, &lines);
    ck_assert_str_eq(lines.line[0], "?[31m?");
}
END_TEST

static void fill(Suite *suite)
{
    TCase *all = tcase_create("lines");
    tcase_add_checked_fixture(all, NULL, teardown);
    tcase_add_loop_test(all, lines_are_taken_within_the_budget, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(all, the_oldest_come_in_their_order);
    tcase_add_test(all, a_line_longer_than_a_record_is_cut);
    tcase_add_test(all, lines_are_printable);
    suite_add_tcase(suite, all);
}

int main(void)
{
    return unit_run("listener lines", fill);
}
