#include "common/record.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define HEARD "{\"v\":1,\"type\":\"heard\",\"addresses\":[\"10.0.0.1\"]}\n"
#define SPEAKS                                                                                     \
    "\"type\":\"speaks\",\"source\":\"10.0.0.1\",\"received_us\":1,\"why\":\"fresh-text\""
#define HALT                                                                                       \
    "\"type\":\"halt\",\"id\":\"1\",\"source\":\"10.0.0.1\",\"received_us\":1,\"kind\":\"halted\""

static bool decode(const char *text, bool strict, struct packet *packet, char *why)
{
    return packet_decode(text, strlen(text), strict, packet, why);
}

/* Good to a reader that skips unknown fields; STRICT says whether also to one that does not. */
static const struct {
    const char *text;
    size_t records;
    bool strict;
} good_rows[] = {
    { HEARD, 1, true },
    { HEARD HEARD HEARD, 3, true },
    { "{\"addresses\":[],\"type\":\"heard\",\"v\":1}\n", 1, true },
    { " { \"v\" : 1 ,\t\"type\":\"heard\", \"addresses\" : [ ] } \r\n", 1, true },
    { "{\"v\":1," SPEAKS "}\n", 1, true },
    { "{\"v\":1," SPEAKS ",\"color\":\"red\"}\n", 1, false },
    { "{\"v\":1," SPEAKS ",\"x\":[[1],{\"y\":null}],\"z\":{\"v\":2,\"type\":3}}\n", 1, false },
    { "{\"v\":1," SPEAKS ",\"x\":1,\"x\":1e999}\n", 1, false },
    { "{\"v\":1," HALT ",\"port\":65535,\"userdata\":{\"a\":\"\",\"\":\"b\"}}\n", 1, true },
    { "{\"v\":9,\"type\":\"hello\",\"min_v\":1,\"role\":\"actuator\",\"version\":\"9\"}\n", 1,
      true },
    { "{\"v\":9,\"type\":\"hello\",\"min_v\":0,\"role\":\"actuator\",\"version\":\"9\","
      "\"new\":true}\n",
      1, true },
    { "{\"v\":1,\"type\":\"ack\",\"of\":\"retract\",\"id\":\"1\"}\n", 1, true },
    { "{\"v\":1,\"type\":\"error\",\"why\":\"\"}\n", 1, true },
};

START_TEST(a_good_packet_is_decoded)
{
    struct packet packet;
    char why[RECORD_WHY_SIZE] = "";
    ck_assert_msg(decode(good_rows[_i].text, false, &packet, why), "%s", why);
    ck_assert_uint_eq(packet.count, good_rows[_i].records);
    packet_free(&packet);
    ck_assert_msg(decode(good_rows[_i].text, true, &packet, why) == good_rows[_i].strict, "%s",
                  why);
    if (good_rows[_i].strict)
        packet_free(&packet);
}
END_TEST

static const struct {
    const char *text, *why;
} bad_rows[] = {
    { "", "an empty packet" },
    { "{\"v\":1}", "the last line has no line break" },
    { HEARD "{", "the last line has no line break" },
    { "\n", "line 1: no record: \"type\" is missing or of the wrong kind" },
    { HEARD "\n", "line 2: no record: \"type\" is missing or of the wrong kind" },
    { "[]\n", "line 1: no record: \"type\" is missing or of the wrong kind" },
    { "7\n", "line 1: no record: \"type\" is missing or of the wrong kind" },
    { "{\"v\":1,\"type\":1}\n", "line 1: no record: \"type\" is missing or of the wrong kind" },
    { "{\"type\":\"heard\"}\n", "line 1: no record: \"v\" is missing or of the wrong kind" },
    { "{\"v\":\"1\",\"type\":\"heard\"}\n",
      "line 1: no record: \"v\" is missing or of the wrong kind" },
    { "{\"v\":1,\"type\":\"pani\"}\n", "line 1: unknown type \"pani\"" },
    { "{\"v\":1,\"type\":\"a\\u001bvery long type\"}\n",
      "line 1: unknown type \"a?very long typ\"" },
    { HEARD "{\"v\":1,\"type\":\n", "line 2: cut short at byte 14" },
    { "{\"v\":1,}\n", "line 1: parse error: invalid object key (must be a string) at byte 8" },
    { "{\"v\":1,\"type\":\"\xff\"}\n", "line 1: not UTF-8" },
    { "{\"v\":1,\"type\":\"\\ud800\"}\n", "line 1: half of a surrogate pair" },
    { "{\"v\":1,\"type\":\"heard\\u0000\"}\n", "line 1: the escape \\u0000" },
    { "{\"v\":1," SPEAKS "} {}\n", "line 1: speaks: more than one object on the line" },
    { "[{}] {\"v\":1," SPEAKS "}\n", "line 1: speaks: more than one object on the line" },
    { "{\"v\":0," SPEAKS "}\n", "line 1: version 0 to 0, and this program reads 1 to 1" },
    { "{\"v\":2," SPEAKS "}\n", "line 1: version 2 to 2, and this program reads 1 to 1" },
    { "{\"v\":1,\"v\":1," SPEAKS "}\n", "line 1: speaks: field \"v\" twice" },
    { "{\"v\":1,\"type\":\"halt\"," SPEAKS "}\n", "line 1: speaks: field \"type\" twice" },
    { "{\"v\":9,\"type\":\"hello\",\"min_v\":2,\"role\":\"actuator\",\"version\":\"9\"}\n",
      "line 1: version 2 to 9, and this program reads 1 to 1" },
    { "{\"v\":0,\"type\":\"hello\",\"min_v\":0,\"role\":\"actuator\",\"version\":\"0\"}\n",
      "line 1: version 0 to 0, and this program reads 1 to 1" },
    { "{\"v\":1,\"type\":\"hello\",\"min_v\":1,\"role\":\"king\",\"version\":\"1\"}\n",
      "line 1: hello: field \"role\": \"king\" is none of its words" },
    { "{\"v\":1," HALT "}\n", "line 1: halt: field \"port\" is missing" },
    { "{\"v\":1," HALT ",\"port\":70000}\n", "line 1: halt: field \"port\": 70000 is over 65535" },
    { "{\"v\":1," HALT ",\"port\":1,\"port\":1}\n", "line 1: halt: field \"port\" twice" },
    { "{\"v\":1," HALT ",\"port\":\"1\"}\n", "line 1: halt: field \"port\": not a whole number" },
    { "{\"v\":1," HALT ",\"port\":-1}\n", "line 1: halt: field \"port\": not a whole number" },
    { "{\"v\":1," HALT ",\"port\":1.5}\n", "line 1: halt: field \"port\": not a whole number" },
    { "{\"v\":1," HALT ",\"port\":1e999}\n", "line 1: halt: field \"port\": not a whole number" },
    { "{\"v\":1," HALT ",\"port\":null}\n", "line 1: halt: field \"port\": not a whole number" },
    { "{\"v\":1," HALT ",\"port\":[1]}\n", "line 1: halt: field \"port\": not a whole number" },
    { "{\"v\":1," HALT ",\"port\":1,\"userdata\":[]}\n",
      "line 1: halt: field \"userdata\": not an object of texts" },
    { "{\"v\":1," HALT ",\"port\":1,\"userdata\":{\"a\":1}}\n",
      "line 1: halt: field \"userdata\": not an object of texts" },
    { "{\"v\":1," HALT ",\"port\":1,\"userdata\":{\"a\":{}}}\n",
      "line 1: halt: field \"userdata\": not an object of texts" },
    { "{\"v\":1," HALT ",\"port\":1,\"userdata\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"}}\n",
      "line 1: halt: field \"userdata\": key \"a\" twice" },
    { "{\"v\":1,\"type\":\"stats\",\"counters\":{\"a\":1,\"a\":1}}\n",
      "line 1: stats: field \"counters\": key \"a\" twice" },
    { "{\"v\":1,\"type\":\"stats\",\"counters\":{\"a\":\"1\"}}\n",
      "line 1: stats: field \"counters\": not an object of whole numbers" },
    { "{\"v\":1,\"type\":\"stats\",\"counters\":{\"a\":9007199254740993}}\n",
      "line 1: stats: field \"counters\": 9007199254740993 is over 9007199254740992" },
    { "{\"v\":1,\"type\":\"heard\",\"addresses\":[[]]}\n",
      "line 1: heard: field \"addresses\": not an array of texts" },
    { "{\"v\":1,\"type\":\"heard\",\"addresses\":[null]}\n",
      "line 1: heard: field \"addresses\": not an array of texts" },
    { "{\"v\":1,\"type\":\"heard\",\"addresses\":\"10.0.0.1\"}\n",
      "line 1: heard: field \"addresses\": not an array of texts" },
    { "{\"v\":1," SPEAKS ",\"x\":[[[1]]]}\n", "line 1: speaks: nested too deep at byte" },
    { "{\"v\":1,\"type\":\"ack\",\"of\":\"hello\",\"id\":\"1\"}\n",
      "line 1: ack: field \"of\": \"hello\" is none of its words" },
    { "{\"v\":1,\"type\":\"ack\",\"of\":\"\",\"id\":\"1\"}\n",
      "line 1: ack: field \"of\": \"\" is none of its words" },
    { "{\"v\":1,\"type\":\"ack\",\"of\":\"panic\",\"id\":\"123456789012345678901234567890123\"}\n",
      "line 1: ack: field \"id\": over 32 bytes" },
    { "{\"v\":1,\"type\":\"trace\",\"id\":\"1\",\"part\":0,\"lines\":[],\"last\":1}\n",
      "line 1: trace: field \"last\": not true or false" },
    { HEARD HEARD "{\"v\":1," HALT ",\"port\":65536}\n" HEARD,
      "line 3: halt: field \"port\": 65536 is over 65535" },
};

START_TEST(a_bad_packet_is_refused_with_its_line_and_field)
{
    struct packet packet;
    char why[RECORD_WHY_SIZE] = "";
    ck_assert(!decode(bad_rows[_i].text, false, &packet, why));
    ck_assert_msg(strncmp(why, bad_rows[_i].why, strlen(bad_rows[_i].why)) == 0, "%s", why);
}
END_TEST

START_TEST(a_strict_reader_names_the_unknown_field)
{
    struct packet packet;
    char why[RECORD_WHY_SIZE] = "";
    ck_assert(!decode("{\"v\":1," SPEAKS ",\"color\":1}\n", true, &packet, why));
    ck_assert_str_eq(why, "line 1: speaks: unknown field \"color\"");
}
END_TEST

START_TEST(a_raw_nul_is_refused)
{
    static const char text[] = "{\"v\":1," SPEAKS ",\"x\":\"a\0b\"}\n";
    struct packet packet;
    char why[RECORD_WHY_SIZE] = "";
    ck_assert(!packet_decode(text, sizeof(text) - 1, false, &packet, why));
    ck_assert_str_eq(why, "line 1: a NUL byte");
}
END_TEST

START_TEST(a_packet_over_its_size_is_refused)
{
    static char text[RECORD_PACKET_MAX + 1];
    struct packet packet;
    char why[RECORD_WHY_SIZE] = "";
    memset(text, ' ', sizeof(text));
    memcpy(text, HEARD, strlen(HEARD) - 1);
    text[RECORD_PACKET_MAX - 1] = '\n';
    text[RECORD_PACKET_MAX] = '\n';
    ck_assert(!packet_decode(text, RECORD_PACKET_MAX + 1, false, &packet, why));
    ck_assert_str_eq(why, "a packet over 65536 bytes");
    ck_assert(packet_decode(text, RECORD_PACKET_MAX, false, &packet, why));
    packet_free(&packet);
}
END_TEST

START_TEST(what_is_optional_and_not_there_is_marked_so)
{
    struct packet packet;
    char why[RECORD_WHY_SIZE];
    ck_assert(decode("{\"v\":1,\"type\":\"panic\",\"id\":\"1\",\"source\":\"::1\",\"port\":1,"
                     "\"received_us\":2,\"proof\":\"rebooting\",\"format\":\"basic\",\"text\":\"\","
                     "\"reason_code\":\"halt\",\"reason\":\"r\"}\n"
                     "{\"v\":1,\"type\":\"error\",\"why\":\"w\"}\n"
                     "{\"v\":1,\"type\":\"trace\",\"id\":\"1\",\"part\":3,\"lines\":[\"a\"]}\n",
                     true, &packet, why));
    const struct panic *panic = &packet.records[0].panic;
    ck_assert_uint_eq(packet.records[0].kind, RECORD_PANIC);
    ck_assert_uint_eq(panic->received_us, 2);
    ck_assert_uint_eq(panic->proof, PROOF_REBOOTING);
    ck_assert_uint_eq(panic->reason_code, REASON_HALT);
    ck_assert(panic->facility == RECORD_ABSENT && panic->kernel_us == RECORD_ABSENT);
    ck_assert_str_eq(panic->text, "");
    ck_assert_ptr_null(panic->release);
    ck_assert_uint_eq(panic->userdata.count, 0);
    ck_assert_uint_eq(packet.records[1].error.of, RECORD_KINDS);
    ck_assert_ptr_null(packet.records[1].error.id);
    ck_assert(!packet.records[2].trace.last);
    packet_free(&packet);
}
END_TEST

START_TEST(choices_and_containers_arrive_in_order)
{
    struct packet packet;
    char why[RECORD_WHY_SIZE];
    ck_assert(decode("{\"v\":1," HALT ",\"port\":1,\"userdata\":{\"b\":\"1\",\"a\":\"2\"}}\n"
                     "{\"v\":1,\"type\":\"ack\",\"of\":\"intent\",\"id\":\"x\"}\n"
                     "{\"v\":1,\"type\":\"stats\",\"counters\":{\"z\":1,\"y\":9007199254740992}}\n",
                     true, &packet, why));
    const struct pairs *userdata = &packet.records[0].halt.userdata;
    ck_assert_uint_eq(userdata->count, 2);
    ck_assert_str_eq(userdata->pair[0].key, "b");
    ck_assert_str_eq(userdata->pair[1].value, "2");
    ck_assert_uint_eq(packet.records[1].ack.of, RECORD_INTENT);
    const struct counts *counters = &packet.records[2].stats.counters;
    ck_assert_str_eq(counters->item[0].name, "z");
    ck_assert_uint_eq(counters->item[1].value, RECORD_NUMBER_MAX);
    packet_free(&packet);
}
END_TEST

/* One byte over each budget, with one entry or with many. */
START_TEST(a_budget_counts_encoded_bytes)
{
    static char text[RECORD_PACKET_MAX];
    struct packet packet;
    char why[RECORD_WHY_SIZE];
    for (size_t quotes = 512; quotes <= 513; quotes++) {
        size_t used = (size_t)sprintf(text, "{\"v\":1,\"type\":\"error\",\"why\":\"");
        for (size_t i = 0; i < quotes; i++)
            used += (size_t)sprintf(text + used, "\\\"");
        sprintf(text + used, "\"}\n");
        bool fits = decode(text, true, &packet, why);
        ck_assert(fits == (quotes == 512));
        if (fits)
            packet_free(&packet);
    }
    ck_assert_str_eq(why, "line 1: error: field \"why\": over 1024 bytes");
}
END_TEST

START_TEST(many_small_lines_are_over_the_budget_too)
{
    static char text[RECORD_PACKET_MAX];
    struct packet packet;
    char why[RECORD_WHY_SIZE];
    size_t used = (size_t)sprintf(text, "{\"v\":1,\"type\":\"heard\",\"addresses\":[\"\"");
    for (size_t i = 1; i < 32768 / 3; i++)
        used += (size_t)sprintf(text + used, ",\"\"");
    sprintf(text + used, "]}\n");
    ck_assert(decode(text, true, &packet, why));
    ck_assert_uint_eq(packet.records[0].heard.addresses.count, 32768 / 3);
    packet_free(&packet);
    sprintf(text + used, ",\"\"]}\n");
    ck_assert(!decode(text, true, &packet, why));
    ck_assert_str_eq(why, "line 1: heard: field \"addresses\": over 32768 bytes");
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("packet");
    tcase_add_loop_test(tests, a_good_packet_is_decoded, 0, sizeof(good_rows) / sizeof(*good_rows));
    tcase_add_loop_test(tests, a_bad_packet_is_refused_with_its_line_and_field, 0,
                        sizeof(bad_rows) / sizeof(*bad_rows));
    tcase_add_test(tests, a_strict_reader_names_the_unknown_field);
    tcase_add_test(tests, a_raw_nul_is_refused);
    tcase_add_test(tests, a_packet_over_its_size_is_refused);
    tcase_add_test(tests, what_is_optional_and_not_there_is_marked_so);
    tcase_add_test(tests, choices_and_containers_arrive_in_order);
    tcase_add_test(tests, a_budget_counts_encoded_bytes);
    tcase_add_test(tests, many_small_lines_are_over_the_budget_too);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("packet", fill);
}
