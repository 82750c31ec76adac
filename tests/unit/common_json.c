#include "common/json.h"

#include "common/text.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define DEPTH 4

/* Writes each event down: "{", "}", "[", "]", "k:key", "s:text", "n:number", "t", "f", "0". */
struct notes {
    char text[256];
    size_t used;
    const char *refuse; /* a key to refuse */
};

static bool note(void *arg, enum json_event event, const char *text, size_t size)
{
    static const char *const signs[] = { "{", "}", "[", "]", "k:", "s:", "n:", "t", "f", "0" };
    struct notes *notes = arg;
    text_append(notes->text, sizeof(notes->text), &notes->used, "%s%.*s ", signs[event], (int)size,
                size > 0 ? text : "");
    return !(notes->refuse && event == JSON_KEY && strlen(notes->refuse) == size &&
             memcmp(text, notes->refuse, size) == 0);
}

/* Feeds INPUT in chunks of STEP bytes; the error, "" when there is none. */
static const char *read_all(const char *input, size_t step, struct notes *notes)
{
    static char error[256];
    struct json_reader *reader = json_reader_new(note, notes, DEPTH);
    size_t size = strlen(input);
    bool good = true;
    for (size_t i = 0; good && i < size; i += step)
        good = json_reader_feed(reader, input + i, size - i < step ? size - i : step);
    good = good && json_reader_end(reader);
    snprintf(error, sizeof(error), "%s", json_reader_error(reader));
    ck_assert(good == (error[0] == '\0'));
    json_reader_free(reader);
    return error;
}

static const struct {
    const char *input, *events;
} good_rows[] = {
    { "", "" },
    { " \n", "" },
    { "{\"a\":1,\"b\":[true,false,null]}", "{ k:a n:1 k:b [ t f 0 ] } " },
    { "{}\n{}{}", "{ } { } { } " },
    { "\"x\" \"y\"", "s:x s:y " },
    { "12", "n:12 " },
    { "1e999", "n:1e999 " },
    { "-0.5E+3", "n:-0.5E+3 " },
    { "18446744073709551616", "n:18446744073709551616 " },
    { "\"a\\/\\n\\u00e9\\ud83d\\ude00\"", "s:a/\n\xc3\xa9\xf0\x9f\x98\x80 " },
    { "[[[[]]]]", "[ [ [ [ ] ] ] ] " },
    { "{\"a\":1,\"a\":2}", "{ k:a n:1 k:a n:2 } " },
};

START_TEST(events_are_the_same_however_the_bytes_arrive)
{
    for (size_t step = 1; step <= 64; step++) {
        struct notes notes = { .used = 0 };
        ck_assert_str_eq(read_all(good_rows[_i].input, step, &notes), "");
        ck_assert_str_eq(notes.text, good_rows[_i].events);
    }
}
END_TEST

static const struct {
    const char *input, *error;
} bad_rows[] = {
    { "{\"a\":1", "cut short at byte 6" },
    { "\"abc", "cut short at byte 4" },
    { "{} \"abc", "cut short at byte 7" },
    { "{} tru", "cut short at byte 6" },
    { "-", "cut short at byte 1" },
    { "[1,]", "parse error" },
    { "{\"a\" 1}", "parse error" },
    { "{a:1}", "lexical error" },
    { "{} ,", "parse error" },
    { "// comment\n{}", "lexical error" },
    { "{\"a\":01}", "parse error" },
    { "[[[[[]]]]]", "nested too deep at byte 5" },
    { "{\"a\":{\"a\":{\"a\":{\"a\":{", "nested too deep at byte 21" },
    { "\"\x80\"", "lexical error" },
    { "\"a\nb\"", "lexical error" },
};

START_TEST(an_error_says_what_and_where)
{
    struct notes notes = { .used = 0 };
    const char *error = read_all(bad_rows[_i].input, 64, &notes);
    ck_assert_msg(strncmp(error, bad_rows[_i].error, strlen(bad_rows[_i].error)) == 0, "%s", error);
}
END_TEST

START_TEST(a_handler_that_refuses_stops_the_reader_for_good)
{
    struct notes notes = { .refuse = "b" };
    struct json_reader *reader = json_reader_new(note, &notes, DEPTH);
    static const char input[] = "{\"a\":1,\"b\":2,\"c\":3}";
    ck_assert(!json_reader_feed(reader, input, strlen(input)));
    ck_assert_str_eq(json_reader_error(reader), "refused at byte 10");
    ck_assert(!json_reader_feed(reader, "{}", 2));
    ck_assert(!json_reader_end(reader));
    ck_assert_str_eq(notes.text, "{ k:a n:1 k:b ");
    json_reader_free(reader);
}
END_TEST

START_TEST(a_thousand_levels_stop_at_the_bound)
{
    struct notes notes = { .used = 0 };
    char input[1001];
    memset(input, '[', 1000);
    input[1000] = '\0';
    ck_assert_str_eq(read_all(input, sizeof(input), &notes), "nested too deep at byte 5");
    ck_assert_str_eq(notes.text, "[ [ [ [ ");
}
END_TEST

START_TEST(a_string_without_end_does_not_grow_without_end)
{
    static char chunk[1 << 20];
    struct notes notes = { .used = 0 };
    struct json_reader *reader = json_reader_new(note, &notes, DEPTH);
    memset(chunk, 'a', sizeof(chunk));
    ck_assert(json_reader_feed(reader, "\"", 1));
    size_t fed = 0;
    while (json_reader_feed(reader, chunk, sizeof(chunk)))
        ck_assert_uint_lt(++fed, 16);
    ck_assert_uint_gt(fed, 2);
    ck_assert_ptr_nonnull(strstr(json_reader_error(reader), "too long a token"));
    json_reader_free(reader);
}
END_TEST

/* What yajl lets pass; "" where nothing is wrong. */
static const struct {
    const char *bytes;
    size_t size;
    const char *flaw;
} flaw_rows[] = {
#define ROW(bytes, flaw)                                                                           \
    {                                                                                              \
        bytes, sizeof(bytes) - 1, flaw                                                             \
    }
    ROW("{\"a\":\"\\ud83d\\ude00\\uD83D\\uDE00\"}", ""),
    ROW("\"\\\\u0000 \\\\ud800\"", ""),
    ROW("\"\\u0001\\ud7ff\\ue000\"", ""),
    ROW("\"\\u00\"", ""), /* no escape at all: the parser's business */
    ROW("\"\\ud83d\"", "half of a surrogate pair"),
    ROW("\"\\ud83d \\ude00\"", "half of a surrogate pair"),
    ROW("\"\\ude00\"", "half of a surrogate pair"),
    ROW("\"\\ude00\\ud83d\"", "half of a surrogate pair"),
    ROW("\"\\ud83d\\ud83d\"", "half of a surrogate pair"),
    ROW("\"\\ud83d\\ude00\\ude00\"", "half of a surrogate pair"),
    ROW("\"\\ud83d\\u", "half of a surrogate pair"),
    ROW("\"\\u0000\"", "the escape \\u0000"),
    ROW("\"\\\\\\u0000\"", "the escape \\u0000"),
    ROW("\"a\0b\"", "a NUL byte"),
    ROW("\"\xc0\xaf\"", "not UTF-8"),
    ROW("\"\xe0\x80\xaf\"", "not UTF-8"),
    ROW("\"\xed\xa0\x80\"", "not UTF-8"),
    ROW("\"\xf4\x90\x80\x80\"", "not UTF-8"),
    ROW("\"\xff\"", "not UTF-8"),
#undef ROW
};

START_TEST(what_yajl_lets_pass_is_found_before_it)
{
    const char *flaw = json_text_flaw(flaw_rows[_i].bytes, flaw_rows[_i].size);
    ck_assert_str_eq(flaw ? flaw : "", flaw_rows[_i].flaw);
}
END_TEST

static const struct {
    const char *text;
    uint64_t max;
    bool good;
    uint64_t count;
} count_rows[] = {
    { "0", 0, true, 0 },
    { "65535", 65535, true, 65535 },
    { "65536", 65535, false, 0 },
    { "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
    { "18446744073709551616", UINT64_MAX, false, 0 },
    { "99999999999999999999999", UINT64_MAX, false, 0 },
    { "", 9, false, 0 },
    { "-1", 9, false, 0 },
    { "-0", 9, false, 0 },
    { "+1", 9, false, 0 },
    { "01", 9, false, 0 },
    { "1.0", 9, false, 0 },
    { "1e0", 9, false, 0 },
    { "1e999", UINT64_MAX, false, 0 },
    { " 1", 9, false, 0 },
};

START_TEST(a_count_is_digits_and_in_range)
{
    uint64_t count = 0;
    const char *text = count_rows[_i].text;
    ck_assert(json_count(text, strlen(text), count_rows[_i].max, &count) == count_rows[_i].good);
    ck_assert_uint_eq(count, count_rows[_i].count);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("reader");
    tcase_add_loop_test(tests, events_are_the_same_however_the_bytes_arrive, 0,
                        sizeof(good_rows) / sizeof(*good_rows));
    tcase_add_loop_test(tests, an_error_says_what_and_where, 0,
                        sizeof(bad_rows) / sizeof(*bad_rows));
    tcase_add_test(tests, a_handler_that_refuses_stops_the_reader_for_good);
    tcase_add_test(tests, a_thousand_levels_stop_at_the_bound);
    tcase_add_test(tests, a_string_without_end_does_not_grow_without_end);
    tcase_add_loop_test(tests, what_yajl_lets_pass_is_found_before_it, 0,
                        sizeof(flaw_rows) / sizeof(*flaw_rows));
    tcase_add_loop_test(tests, a_count_is_digits_and_in_range, 0,
                        sizeof(count_rows) / sizeof(*count_rows));
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("json", fill);
}
