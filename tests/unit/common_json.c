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
    { "01", "" }, /* two numbers to yajl; json_count refuses neither, a record both */
    { "[[[[[]]]]]", "nested too deep at byte 5" },
    { "{\"a\":{\"a\":{\"a\":{\"a\":{", "nested too deep at byte 21" },
    { "\"\x80\"", "lexical error" },
    { "\"a\nb\"", "lexical error" },
};

START_TEST(an_error_says_what_and_where)
{
    struct notes notes = { .used = 0 };
    const char *error = read_all(bad_rows[_i].input, 64, &notes);
    printf("# %s: %s\n", bad_rows[_i].input, error);
    ck_assert_msg(strncmp(error, bad_rows[_i].error, strlen(bad_rows[_i].error)) == 0, "%s",
                  error);
}
END_TEST
START_TEST(x) {} END_TEST
static void fill(Suite *suite)
{
    TCase *tests = tcase_create("reader");
    tcase_add_loop_test(tests, events_are_the_same_however_the_bytes_arrive, 0,
                        sizeof(good_rows) / sizeof(*good_rows));
    tcase_add_loop_test(tests, an_error_says_what_and_where, 0,
                        sizeof(bad_rows) / sizeof(*bad_rows));
    tcase_add_test(tests,x);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("json", fill);
}
