#include "common/json.h"

#include "common/text.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* Each report as "ROW SIGN[key=]text;". */
struct notes {
    char text[512];
    size_t used;
};

static void note(void *arg, unsigned row, enum json_event event, const char *key, const char *text,
                 size_t size)
{
    static const char *const signs[] = { "{", "}", "[", "]", "k", "", "#", "t", "f", "0" };
    struct notes *notes = arg;
    ck_assert_uint_eq(strlen(text), size);
    text_append(notes->text, sizeof(notes->text), &notes->used, "%u %s%s%s%s;", row, signs[event],
                key ? key : "", key ? "=" : "", text);
}

static const struct json_pick_row node_rows[] = {
    { "type" },
    { "object.metadata.name" },
    { "object.metadata.labels{}" },
    { "object.status.addresses[]" },
    { "object.status.addresses[].address" },
    { NULL },
};
static const struct json_pick_row outer_rows[] = { { "" }, { "a" }, { NULL } };
static const struct json_pick_row wild_rows[] = { { "a{}" }, { "a.b.c" }, { "m{}.n" }, { NULL } };
static const struct json_pick_row array_rows[] = { { "[][].x" }, { "[]" }, { NULL } };

static const struct {
    const struct json_pick_row *rows;
    const char *input, *reports;
} rows[] = {
    { node_rows,
      "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Node\",\"metadata\":{\"name\":\"n1\","
      "\"labels\":{\"a\":\"1\",\"b.c/d\":\"\"},\"managedFields\":[{\"name\":\"no\"}]},"
      "\"status\":{\"images\":[{\"names\":[\"x\"]}],\"addresses\":[{\"type\":\"InternalIP\","
      "\"address\":\"10.0.0.1\"},{\"address\":\"fd00::1\"}]}}}",
      "0 ADDED;1 n1;2 a=1;2 b.c/d=;3 {;4 10.0.0.1;3 };3 {;4 fd00::1;3 };" },
    { node_rows, "{\"type\":\"A\"} {\"type\":\"B\"}\n{\"type\":\"C\"}", "0 A;0 B;0 C;" },
    { node_rows, "{\"object\":{\"type\":\"no\",\"object\":{\"metadata\":{\"name\":\"no\"}}}}", "" },
    { node_rows, "{\"metadata\":{\"name\":\"no\"},\"object\":[{\"metadata\":{\"name\":\"no\"}}]}",
      "" },
    { node_rows, "{\"typ\":1,\"types\":1,\"\":1,\"type\":null,\"x\":[[{\"type\":1}]]}", "0 0;" },
    { node_rows, "{\"object\":{\"metadata\":\"text\"},\"type\":12e3}", "0 #12e3;" },
    { node_rows, "{\"object\":{\"metadata\":{\"labels\":[\"no\"],\"name\":true}}}", "1 t;" },
    { node_rows, "{\"type\":\"a\\u00e9\\n\"}", "0 a\xc3\xa9\n;" },
    { outer_rows, "{\"a\":[1,{\"a\":2}],\"b\":{}} 7 []", "0 {;1 [;1 ];0 };0 #7;0 [;0 ];" },
    { wild_rows, "{\"a\":{\"x\":{\"c\":1},\"b\":{\"c\":2,\"d\":3},\"y\":[4]}}",
      "0 {x=;0 };1 #2;0 [y=;0 ];" },
    { wild_rows, "{\"m\":{\"x\":{\"n\":1,\"o\":2},\"y\":{\"n\":3}},\"n\":4}", "2 #1;2 #3;" },
    { array_rows, "[[{\"x\":1},{\"y\":2}],{\"x\":3},[],4]", "1 [;0 #1;1 ];1 {;1 };1 [;1 ];1 #4;" },
};

START_TEST(what_is_named_is_reported_and_nothing_else)
{
    const char *input = rows[_i].input;
    for (size_t step = 1; step <= strlen(input); step++) {
        struct notes notes = { .used = 0 };
        struct json_pick *pick = json_pick_new(rows[_i].rows, note, &notes);
        for (size_t i = 0; i < strlen(input); i += step)
            ck_assert(json_pick_feed(pick, input + i,
                                     strlen(input) - i < step ? strlen(input) - i : step));
        ck_assert(json_pick_end(pick));
        ck_assert_str_eq(notes.text, rows[_i].reports);
        json_pick_free(pick);
    }
}
END_TEST

static const struct {
    const char *input, *reports;
} skimmed[] = {
    { "{\"type\":\"A\",\"x\":[],\"object\":{\"metadata\":{\"name\":\"n\"}}}", "0 A;1 n;" },
    { "{\"x\":[\"]\",\"\\\"]\",\"\\\\\",[{\"]\":[]}],{}],\"type\":\"A\"}", "0 A;" },
    { "{\"object\":{\"x\":{\"y\":[1,[2]],\"type\":1},\"status\":{\"images\":[[\"a\"]],"
      "\"addresses\":[{\"x\":[3],\"address\":\"a\"}]}}}",
      "3 {;4 a;3 };" },
    { "{\"object\":{\"metadata\":{\"labels\":{\"a\":\":[\",\"b\":\"\\\":[\",\"c\\\\\":[1],\"d\":"
      "\"x\"}}}}",
      "2 a=:[;2 b=\":[;2 [c\\=;2 ];2 d=x;" },
    { "{\"x\": [\":[\",\"a]\"], \"type\" : \"A\"}", "0 A;" },
    { "{\"x\":{\"y\":\"}\",\"type\":\"B\",\"z\":[{}]},\"type\":\"A\",\"y\":{}}", "0 A;" },
    { "{\"x\": {\"y\":{\"z\":[\"}\"]}, \"type\":\"B\"}, \"type\":\"A\"}", "0 A;" },
    { "{\"object\":{\"metadata\":{\"labels\":{\"a\":\":{\",\"b\":\"\\\":{\",\"c\\\\\":{\"d\":1},"
      "\"d\":\"x\"}}}}",
      "2 a=:{;2 b=\":{;2 {c\\=;2 };2 d=x;" },
    { "{\"type\":\"A\",\"x\":[1]} {\"x\":[{\"x\":[2]}],\"type\":\"B\"}", "0 A;0 B;" },
};

static void pick_skimming(struct notes *notes, bool *good, const char *input, size_t step)
{
    struct json_pick *pick = json_pick_new(node_rows, note, notes);
    json_pick_skim(pick);
    *notes = (struct notes){ .used = 0 };
    *good = true;
    for (size_t i = 0; *good && i < strlen(input); i += step)
        *good =
            json_pick_feed(pick, input + i, strlen(input) - i < step ? strlen(input) - i : step);
    *good = *good && json_pick_end(pick);
    json_pick_free(pick);
}

START_TEST(the_same_is_reported_when_what_is_unwanted_is_skimmed)
{
    const char *input = skimmed[_i].input;
    for (size_t step = 1; step <= strlen(input); step++) {
        struct notes notes;
        bool good;
        pick_skimming(&notes, &good, input, step);
        ck_assert(good);
        ck_assert_str_eq(notes.text, skimmed[_i].reports);
    }
}
END_TEST

static const struct {
    const char *input;
    bool good, good_skimming;
} not_read[] = {
    { "{\"x\":[1,2]}", true, true },
    { "{\"x\":[1 2]}", false, true },
    { "{\"x\":[\"\\x\xff\n\"]}", false, true },
    { "{\"x\":{1 2}}", false, true },
    { "{\"x\":{\"y\":[}]}}", false, false },
    { "{\"x\":{\"y\":[1}}", false, true },
    { "{\"x\":{]}", false, false },
    { "{\"x\":[1}", false, false },
    { "{\"x\":[1", false, false },
    { "{\"x\":[\"]}", false, false },
    { "{\"x\":[\"\\\"]}", false, false },
    { "{\"x\":[[]}", false, false },
    { "{\"x\":[]]}", false, false },
    { "{\"object\":{\"status\":{\"addresses\":[1 2]}}}", false, false },
};

START_TEST(only_the_content_of_what_is_unwanted_need_be_no_json)
{
    const char *input = not_read[_i].input;
    struct notes notes = { .used = 0 };
    bool good;
    ck_assert(json_pick_document(node_rows, note, &notes, input, strlen(input)) ==
              not_read[_i].good);
    pick_skimming(&notes, &good, input, strlen(input));
    ck_assert(good == not_read[_i].good_skimming);
}
END_TEST

START_TEST(a_text_longer_than_any_before_is_whole)
{
    char input[4200];
    struct notes notes = { .used = 0 };
    snprintf(input, sizeof(input),
             "{\"type\":\"%0100d\",\"object\":{\"metadata\":{\"labels\":{"
             "\"%0150d\":\"v\"}}}}",
             0, 0);
    ck_assert(json_pick_document(node_rows, note, &notes, input, strlen(input)));
    ck_assert_uint_eq(strlen(notes.text), strlen("0 ;2 =v;") + 250);
}
END_TEST

static const char *const bad_documents[] = { "", " ", "{", "{} {}", "nonsense", "{\"type\":\"x" };

START_TEST(a_document_is_exactly_one_value)
{
    struct notes notes = { .used = 0 };
    ck_assert(
        !json_pick_document(node_rows, note, &notes, bad_documents[_i], strlen(bad_documents[_i])));
    ck_assert(json_pick_document(node_rows, note, &notes, "{}\n", 3));
}
END_TEST

START_TEST(an_error_is_told)
{
    struct notes notes = { .used = 0 };
    struct json_pick *pick = json_pick_new(node_rows, note, &notes);
    ck_assert(!json_pick_feed(pick, "{]", 2));
    ck_assert_ptr_nonnull(strstr(json_pick_error(pick), "at byte 2"));
    json_pick_free(pick);
}
END_TEST

START_TEST(nesting_is_bounded_also_where_nothing_is_named)
{
    struct notes notes = { .used = 0 };
    struct json_pick *pick = json_pick_new(node_rows, note, &notes);
    size_t depth = 0;
    while (depth < 1000 && json_pick_feed(pick, "[", 1))
        depth++;
    ck_assert_uint_eq(depth, 512);
    json_pick_free(pick);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("pick");
    tcase_add_loop_test(tests, what_is_named_is_reported_and_nothing_else, 0,
                        sizeof(rows) / sizeof(*rows));
    tcase_add_loop_test(tests, the_same_is_reported_when_what_is_unwanted_is_skimmed, 0,
                        sizeof(skimmed) / sizeof(*skimmed));
    tcase_add_loop_test(tests, only_the_content_of_what_is_unwanted_need_be_no_json, 0,
                        sizeof(not_read) / sizeof(*not_read));
    tcase_add_test(tests, a_text_longer_than_any_before_is_whole);
    tcase_add_loop_test(tests, a_document_is_exactly_one_value, 0,
                        sizeof(bad_documents) / sizeof(*bad_documents));
    tcase_add_test(tests, an_error_is_told);
    tcase_add_test(tests, nesting_is_bounded_also_where_nothing_is_named);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("json_pick", fill);
}
