#include "common/record.h"

#include "common/text.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static char out[RECORD_PACKET_MAX];

static void decode_or_fail(size_t size, struct packet *packet)
{
    char why[RECORD_WHY_SIZE] = "";
    ck_assert_msg(packet_decode(out, size, true, packet, why), "%s", why);
    ck_assert_uint_eq(packet->count, 1);
}

static char golden[RECORD_PACKET_MAX];

/* The golden file of KIND, with a NUL behind it; returns its size. */
static size_t read_golden(enum record_kind kind)
{
    const char *root = getenv("SOURCE_ROOT");
    ck_assert_msg(root != NULL, "SOURCE_ROOT (the repository's path) is not set");
    char path[4096];
    snprintf(path, sizeof(path), "%s/tests/records/%s.json", root, record_types[kind].name);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s is missing", path);
    size_t size = fread(golden, 1, sizeof(golden) - 1, file);
    fclose(file);
    golden[size] = '\0';
    return size;
}

START_TEST(a_golden_record_is_the_same_after_decoding_and_encoding)
{
    struct packet packet;
    char why[RECORD_WHY_SIZE] = "";
    size_t size = read_golden((enum record_kind)_i);
    ck_assert_msg(packet_decode(golden, size, true, &packet, why), "%s", why);
    ck_assert_uint_eq(packet.count, 1);
    ck_assert_uint_eq(packet.records[0].kind, (unsigned)_i);
    ck_assert_uint_eq(record_encode(&packet.records[0], out), size);
    ck_assert_mem_eq(out, golden, size);
    packet_free(&packet);
}
END_TEST

/* A golden file that leaves a field out would not show it to whoever reads the manual. */
START_TEST(a_golden_record_shows_every_field)
{
    read_golden((enum record_kind)_i);
    for (const struct field *field = record_types[_i].fields; field->name; field++) {
        char member[64];
        snprintf(member, sizeof(member), "\"%s\":", field->name);
        ck_assert_msg(strstr(golden, member) != NULL, "%s lacks %s", record_types[_i].name, member);
    }
}
END_TEST

/* Every field of KIND as large as it may be, and a third larger, made of what encodes worst. */
static void fill_record(struct record *record, enum record_kind kind)
{
    static char long_text[RECORD_PACKET_MAX];
    static const char *many_lines[RECORD_PACKET_MAX / 4];
    static struct pair many_pairs[1024];
    static struct count many_counts[1024];
    static char keys[1024][16];
    memset(long_text, '"', sizeof(long_text) - 1);
    for (size_t i = 0; i < RECORD_PACKET_MAX / 4; i++)
        many_lines[i] = i % 2 ? "\\" : "";
    for (size_t i = 0; i < 1024; i++) {
        snprintf(keys[i], sizeof(keys[i]), "\"%zu", i);
        many_pairs[i] = (struct pair){ keys[i], "\"\"\"" };
        many_counts[i] = (struct count){ keys[i], UINT64_MAX };
    }

    *record = (struct record){ .kind = kind };
    char *base = (char *)record + offsetof(struct record, hello);
    for (const struct field *field = record_types[kind].fields; field->name; field++) {
        void *at = base + field->at;
        unsigned choices = 0;
        switch (field->kind) {
        case FIELD_TEXT:
            *(const char **)at = long_text;
            break;
        case FIELD_COUNT:
            *(uint64_t *)at = UINT64_MAX - 1;
            break;
        case FIELD_FLAG:
            *(bool *)at = true;
            break;
        case FIELD_CHOICE:
            while (field->choices[choices + 1])
                choices++;
            *(unsigned *)at = choices;
            break;
        case FIELD_LINES:
            *(struct lines *)at = (struct lines){ RECORD_PACKET_MAX / 4, many_lines };
            break;
        case FIELD_PAIRS:
            *(struct pairs *)at = (struct pairs){ 1024, many_pairs };
            break;
        case FIELD_COUNTS:
            *(struct counts *)at = (struct counts){ 1024, many_counts };
            break;
        }
    }
}

START_TEST(a_record_with_all_its_budgets_overspent_is_cut_and_fits_a_packet)
{
    static char again[RECORD_PACKET_MAX];
    struct record record;
    struct packet packet;
    fill_record(&record, (enum record_kind)_i);
    if (record.kind == RECORD_HELLO)
        record.hello.min_v = RECORD_MIN_VERSION; /* else the reader refuses the version */
    size_t size = record_encode(&record, out);
    ck_assert_uint_le(size, RECORD_PACKET_MAX);
    decode_or_fail(size, &packet);
    memcpy(again, out, size);
    ck_assert_uint_eq(record_encode(&packet.records[0], out), size);
    ck_assert_mem_eq(out, again, size);
    packet_free(&packet);
}
END_TEST

/* What no content can exceed: each field's name and punctuation, and all of its budget. */
START_TEST(the_budgets_of_a_record_fit_a_packet)
{
    size_t size = strlen("{\"v\":1,\"type\":\"\"}\n") + strlen(record_types[_i].name);
    for (const struct field *field = record_types[_i].fields; field->name; field++) {
        size += strlen(field->name) + strlen("\"\":\"\",");
        size_t longest = 0;
        for (unsigned i = 0; field->choices && field->choices[i]; i++)
            longest = strlen(field->choices[i]) > longest ? strlen(field->choices[i]) : longest;
        size += field->kind == FIELD_COUNT ? 16 : field->max + longest;
    }
    ck_assert_uint_le(size, RECORD_PACKET_MAX);
}
END_TEST

START_TEST(a_text_over_its_budget_is_cut_between_characters)
{
    char why[1030];
    struct packet packet;
    memset(why, 'a', sizeof(why));
    memcpy(why + 1022, "\xf0\x9f\x92\xa5", 5);
    struct record record = { .kind = RECORD_ERROR, .error = { .of = RECORD_KINDS, .why = why } };
    decode_or_fail(record_encode(&record, out), &packet);
    ck_assert_uint_eq(strlen(packet.records[0].error.why), 1022);
    packet_free(&packet);
}
END_TEST

START_TEST(the_last_entries_are_lost_when_a_container_is_too_large)
{
    static const char *line[40];
    static char text[1001];
    struct packet packet;
    memset(text, 'x', 1000);
    for (size_t i = 0; i < 40; i++)
        line[i] = i == 0 ? "first" : text;
    struct record record = { .kind = RECORD_TRACE, .trace = { .id = "1", .lines = { 40, line } } };
    decode_or_fail(record_encode(&record, out), &packet);
    const struct lines *lines = &packet.records[0].trace.lines;
    ck_assert_uint_eq(lines->count, 1 + (32768 - 8) / 1003);
    ck_assert_str_eq(lines->line[0], "first");
    ck_assert_str_eq(lines->line[1], text);
    packet_free(&packet);
}
END_TEST

START_TEST(what_a_peer_would_refuse_is_mended)
{
    static const struct pair pair[] = {
        { "a", "1" }, { "b\x01", "\xff" }, { "a", "2" }, { "b\x02", "" }
    };
    struct packet packet;
    struct record record = {
        .kind = RECORD_HALT,
        .halt = { .source = "::1",
                  .port = 70000,
                  .received_us = RECORD_ABSENT,
                  .userdata = { 4, pair } },
    };
    decode_or_fail(record_encode(&record, out), &packet);
    const struct halt *halt = &packet.records[0].halt;
    ck_assert_str_eq(halt->id, "");
    ck_assert_uint_eq(halt->port, 65535);
    ck_assert_uint_eq(halt->received_us, RECORD_NUMBER_MAX);
    ck_assert_uint_eq(halt->userdata.count, 2);
    ck_assert_str_eq(halt->userdata.pair[0].value, "1");
    ck_assert_str_eq(halt->userdata.pair[1].key, "b?");
    ck_assert_str_eq(halt->userdata.pair[1].value, "?");
    packet_free(&packet);
}
END_TEST

START_TEST(what_is_absent_is_not_written)
{
    struct record record = { .kind = RECORD_ERROR, .error = { .of = RECORD_KINDS, .why = "/" } };
    size_t size = record_encode(&record, out);
    static const char expected[] = "{\"v\":1,\"type\":\"error\",\"why\":\"/\"}\n";
    ck_assert_uint_eq(size, strlen(expected));
    ck_assert_mem_eq(out, expected, size);
}
END_TEST

static const struct field *find_field(enum record_kind kind, const char *name)
{
    const struct field *field = record_types[kind].fields;
    while (field->name && strcmp(field->name, name) != 0)
        field++;
    return field;
}

START_TEST(the_words_of_ack_and_error_are_the_names_of_the_types)
{
    const char *const *ack = find_field(RECORD_ACK, "of")->choices;
    const char *const *error = find_field(RECORD_ERROR, "of")->choices;
    ck_assert_str_eq(error[_i], record_types[_i].name);
    ck_assert(_i < RECORD_KINDS - 1 || error[_i + 1] == NULL);
    if (record_types[_i].acknowledged)
        ck_assert_str_eq(ack[_i], record_types[_i].name);
    else if (_i <= RECORD_RESUME)
        ck_assert_str_eq(ack[_i], "");
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("record");
    tcase_add_loop_test(tests, a_golden_record_is_the_same_after_decoding_and_encoding, 0,
                        RECORD_KINDS);
    tcase_add_loop_test(tests, a_golden_record_shows_every_field, 0, RECORD_KINDS);
    tcase_add_loop_test(tests, a_record_with_all_its_budgets_overspent_is_cut_and_fits_a_packet, 0,
                        RECORD_KINDS);
    tcase_add_loop_test(tests, the_budgets_of_a_record_fit_a_packet, 0, RECORD_KINDS);
    tcase_add_test(tests, a_text_over_its_budget_is_cut_between_characters);
    tcase_add_test(tests, the_last_entries_are_lost_when_a_container_is_too_large);
    tcase_add_test(tests, what_a_peer_would_refuse_is_mended);
    tcase_add_test(tests, what_is_absent_is_not_written);
    tcase_add_loop_test(tests, the_words_of_ack_and_error_are_the_names_of_the_types, 0,
                        RECORD_KINDS);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("record", fill);
}
