#include "common/text.h"

#include "tests/unit/unit.h"

#include <string.h>

static const struct {
    const char *bytes;
    size_t size;
    const char *printable;
    bool utf8;
} rows[] = {
#define ROW(bytes, printable, utf8) { bytes, sizeof(bytes) - 1, printable, utf8 }
    ROW("", "", true),
    ROW("plain text", "plain text", true),
    ROW("tab\there", "tab here", true),
    ROW("nul\0byte", "nul?byte", true),
    ROW("line\nend\r", "line?end?", true),
    ROW("escape \x1b[31m", "escape ?[31m", true),
    ROW("\x7f", "?", true),
    ROW("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", true),
    ROW("\xe2\x82\xac \xf0\x9f\x92\xa5", "\xe2\x82\xac \xf0\x9f\x92\xa5", true),
    ROW("c1 \xc2\x85", "c1 ?", true),
    ROW("override \xe2\x80\xae", "override ?", true),
    ROW("overlong \xc0\xaf", "overlong ??", false),
    ROW("overlong \xe0\x80\xaf", "overlong ???", false),
    ROW("surrogate \xed\xa0\x80", "surrogate ???", false),
    ROW("above \xf4\x90\x80\x80", "above ????", false),
    ROW("cut \xe2\x82", "cut ??", false),
    ROW("lone \x80", "lone ?", false),
    ROW("five \xf8\x88\x80\x80\x80", "five ?????", false),
#undef ROW
};

START_TEST(only_printable_utf8_comes_out)
{
    char out[64];
    size_t size = text_printable(out, sizeof(out), rows[_i].bytes, rows[_i].size, 0);

    ck_assert_str_eq(out, rows[_i].printable);
    ck_assert_uint_eq(size, strlen(rows[_i].printable));
    ck_assert(text_is_utf8(out, size));
}
END_TEST

START_TEST(utf8_is_told_from_what_is_not)
{
    ck_assert(text_is_utf8(rows[_i].bytes, rows[_i].size) == rows[_i].utf8);
}
END_TEST

START_TEST(no_character_is_cut_in_half_by_any_limit)
{
    static const char text[] = "a\xc3\xbc\"\xe2\x82\xac\\\xf0\x9f\x92\xa5z";
    char out[32];

    for (size_t cap = 1; cap < sizeof(out); cap++) {
        size_t size = text_printable(out, cap, text, strlen(text), 0);
        ck_assert_uint_lt(size, cap);
        ck_assert(text_is_utf8(out, size));
        ck_assert_int_eq(strncmp(out, text, size), 0);
    }
    for (size_t budget = 1; budget < sizeof(out); budget++) {
        text_printable(out, sizeof(out), text, strlen(text), budget);
        ck_assert_uint_le(text_encoded_size(out), budget);
    }
}
END_TEST

START_TEST(appending_never_leaves_its_buffer)
{
    char out[8];
    size_t used = 0;

    text_append(out, sizeof(out), &used, "%s", "abc");
    ck_assert_uint_eq(used, 3);
    text_append(out, sizeof(out), &used, "%s", "defghijkl");
    ck_assert_str_eq(out, "abcdefg");
    text_append(out, sizeof(out), &used, "%s", "more");
    ck_assert_str_eq(out, "abcdefg");
    ck_assert_uint_eq(used, 7);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *text = tcase_create("text");
    int count = sizeof(rows) / sizeof(rows[0]);
    tcase_add_loop_test(text, only_printable_utf8_comes_out, 0, count);
    tcase_add_loop_test(text, utf8_is_told_from_what_is_not, 0, count);
    tcase_add_test(text, no_character_is_cut_in_half_by_any_limit);
    tcase_add_test(text, appending_never_leaves_its_buffer);
    suite_add_tcase(suite, text);
}

int main(void)
{
    return unit_run("text", fill);
}
