#include "common/json.h"

#include "common/text.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static void ck_assert_written(const struct json_writer *writer, const char *expected)
{
    size_t size;
    const char *text = json_written(writer, &size);
    ck_assert_str_eq(text, expected);
    ck_assert_uint_eq(size, strlen(expected));
}

START_TEST(every_kind_of_value_is_written)
{
    struct json_writer *writer = json_writer_new();
    json_open_object(writer, NULL);
    json_text(writer, "text", "a \"b\" \\ /");
    json_number(writer, "number", UINT64_MAX);
    json_flag(writer, "flag", true);
    json_null(writer, "null");
    json_open_array(writer, "array");
    json_text(writer, NULL, "");
    json_open_object(writer, NULL);
    json_close_object(writer);
    json_number(writer, NULL, 0);
    json_flag(writer, NULL, false);
    json_null(writer, NULL);
    json_close_array(writer);
    json_close_object(writer);
    ck_assert_written(writer, "{\"text\":\"a \\\"b\\\" \\\\ /\",\"number\":18446744073709551615,"
                              "\"flag\":true,\"null\":null,\"array\":[\"\",{},0,false,null]}");
    json_writer_free(writer);
}
END_TEST

START_TEST(what_is_json_already_is_put_in_as_it_is)
{
    struct json_writer *writer = json_writer_new();
    json_open_object(writer, NULL);
    json_raw(writer, "kept", "{\"a\":[1,\"b\"]}");
    json_open_array(writer, "more");
    json_raw(writer, NULL, "{}");
    json_raw(writer, NULL, "null");
    json_close_array(writer);
    json_close_object(writer);
    ck_assert_written(writer, "{\"kept\":{\"a\":[1,\"b\"]},\"more\":[{},null]}");
    json_writer_free(writer);
}
END_TEST

START_TEST(a_cleared_writer_begins_anew)
{
    struct json_writer *writer = json_writer_new();
    json_open_object(writer, NULL);
    json_close_object(writer);
    json_writer_clear(writer);
    json_open_array(writer, NULL);
    json_writer_clear(writer);
    json_text(writer, NULL, "x");
    ck_assert_written(writer, "\"x\"");
    json_writer_free(writer);
}
END_TEST

START_TEST(a_printable_text_takes_the_bytes_that_text_encoded_size_says)
{
    static const char text[] = "\"quoted\" \\ / plain gr\xc3\xbc\xc3\x9f \xf0\x9f\x92\xa5 <>&'";
    struct json_writer *writer = json_writer_new();
    size_t size;
    json_text(writer, NULL, text);
    json_written(writer, &size);
    ck_assert_uint_eq(size, text_encoded_size(text) + strlen("\"\""));
    json_writer_free(writer);
}
END_TEST

START_TEST(control_characters_are_escaped)
{
    struct json_writer *writer = json_writer_new();
    json_text(writer, NULL, "\b\f\n\r\t\x01\x1f\x7f");
    ck_assert_written(writer, "\"\\b\\f\\n\\r\\t\\u0001\\u001F\x7f\"");
    json_writer_free(writer);
}
END_TEST

START_TEST(a_value_where_a_key_must_be_aborts)
{
    struct json_writer *writer = json_writer_new();
    json_open_object(writer, NULL);
    json_number(writer, NULL, 1);
}
END_TEST

START_TEST(a_second_document_without_clearing_aborts)
{
    struct json_writer *writer = json_writer_new();
    json_null(writer, NULL);
    json_null(writer, NULL);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("writer");
    tcase_add_test(tests, every_kind_of_value_is_written);
    tcase_add_test(tests, what_is_json_already_is_put_in_as_it_is);
    tcase_add_test(tests, a_cleared_writer_begins_anew);
    tcase_add_test(tests, a_printable_text_takes_the_bytes_that_text_encoded_size_says);
    tcase_add_test(tests, control_characters_are_escaped);
    tcase_add_test_raise_signal(tests, a_value_where_a_key_must_be_aborts, SIGABRT);
    tcase_add_test_raise_signal(tests, a_second_document_without_clearing_aborts, SIGABRT);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("json_write", fill);
}
