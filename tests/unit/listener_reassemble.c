#include "listener/reassemble.h"

#include "tests/unit/unit.h"

#include <string.h>

#define OWNERS     1024
#define TIMEOUT_US 5000000

static struct {
    size_t count;
    uint16_t owner;
    uint64_t kernel_us;
    char body[NETCONSOLE_BODY_MAX + 1];
    struct awaited awaited;
} last;

static void on_done(void *arg, uint16_t owner, uint64_t kernel_us, struct span body,
                    const struct awaited *awaited)
{
    ck_assert_ptr_eq(arg, &last);
    last.count++;
    last.owner = owner;
    last.kernel_us = kernel_us;
    memcpy(last.body, body.bytes, body.size);
    last.body[body.size] = '\0';
    last.awaited = awaited ? *awaited : (struct awaited){ 0 };
}

static struct reassemble *reassemble;

static void setup(void)
{
    memset(&last, 0, sizeof(last));
    reassemble = reassemble_new(TIMEOUT_US, on_done, &last);
}

static void teardown(void)
{
    reassemble_free(reassemble);
}

static void add_one(uint16_t owner, bool is_node, uint64_t seq, size_t at, size_t total,
                    const char *bytes, const struct awaited *awaited, uint64_t now_us)
{
    struct kernel_record fragment = { .seq = seq,
                                      .kernel_us = 77,
                                      .fragment_at = at,
                                      .fragment_total = total,
                                      .body = { bytes, strlen(bytes) } };
    reassemble_add(reassemble, owner, is_node, &fragment, awaited, now_us);
}

static void add(uint16_t owner, bool is_node, uint64_t seq, size_t at, size_t total,
                const char *bytes, uint64_t now_us)
{
    add_one(owner, is_node, seq, at, total, bytes, NULL, now_us);
}

static void await(uint64_t seq, const char *bytes, uint64_t now_us)
{
    struct awaited awaited = { .header = "0,1,2,-;", .port = (uint16_t)seq };
    add_one(7, true, seq, 0, 10, bytes, &awaited, now_us);
}

static const struct {
    const char *about;
    struct {
        size_t at;
        const char *bytes;
    } parts[10];
} orders[] = {
    { "in order", { { 0, "abcd" }, { 4, "efgh" }, { 8, "ij" } } },
    { "backwards", { { 8, "ij" }, { 4, "efgh" }, { 0, "abcd" } } },
    { "mixed", { { 4, "efgh" }, { 8, "ij" }, { 0, "abcd" } } },
    { "one twice", { { 0, "abcd" }, { 0, "abcd" }, { 8, "ij" }, { 8, "ij" }, { 4, "efgh" } } },
    { "overlapping", { { 0, "abcdef" }, { 4, "efghij" } } },
    { "each byte",
      { { 0, "a" },
        { 1, "b" },
        { 2, "c" },
        { 3, "d" },
        { 4, "e" },
        { 5, "f" },
        { 6, "g" },
        { 7, "h" },
        { 8, "i" },
        { 9, "j" } } },
};

START_TEST(a_record_is_whole_when_its_last_byte_came)
{
    size_t count = 0;
    while (count < 10 && orders[_i].parts[count].bytes)
        count++;
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(last.count == 0, "%s: given out before it was whole", orders[_i].about);
        add(7, true, 1, orders[_i].parts[i].at, 10, orders[_i].parts[i].bytes, 1);
    }
    ck_assert_uint_eq(last.count, 1);
    ck_assert_uint_eq(last.owner, 7);
    ck_assert_uint_eq(last.kernel_us, 77);
    ck_assert_str_eq(last.body, "abcdefghij");
}
END_TEST

START_TEST(the_next_record_ends_the_one_before)
{
    add(7, true, 1, 0, 10, "abcd", 1);
    add(7, true, 2, 0, 10, "ABCD", 2);
    ck_assert_uint_eq(last.count, 1);
    ck_assert_str_eq(last.body, "abcd");
    add(7, true, 2, 4, 10, "EFGHIJ", 3);
    ck_assert_uint_eq(last.count, 2);
    ck_assert_str_eq(last.body, "ABCDEFGHIJ");
}
END_TEST

START_TEST(sources_do_not_mix)
{
    add(1, true, 1, 0, 4, "ab", 1);
    add(2, true, 1, 0, 4, "AB", 1);
    add(1, true, 1, 2, 4, "cd", 1);
    ck_assert_str_eq(last.body, "abcd");
    add(2, true, 1, 2, 4, "CD", 1);
    ck_assert_str_eq(last.body, "ABCD");
}
END_TEST

START_TEST(time_out_gives_out_the_beginning)
{
    add(1, true, 1, 0, 10, "abcd", 100);
    add(2, true, 1, 4, 10, "efgh", 100); /* without a beginning there is nothing to give out */
    reassemble_expire(reassemble, 100 + TIMEOUT_US);
    ck_assert_uint_eq(last.count, 0);
    reassemble_expire(reassemble, 101 + TIMEOUT_US);
    ck_assert_uint_eq(last.count, 1);
    ck_assert_str_eq(last.body, "abcd");
    add(2, true, 1, 0, 10, "abcd", 200 + TIMEOUT_US);
    ck_assert_uint_eq(last.count, 1); /* the old half is forgotten */
}
END_TEST

START_TEST(too_large_a_record_keeps_its_beginning)
{
    static char part[1001];
    memset(part, 'x', 1000);
    for (size_t at = 0; at < 68000; at += 1000)
        add(1, true, 1, at, 68000, part, 1);
    ck_assert_uint_eq(last.count, 1);
    ck_assert_uint_eq(strlen(last.body), NETCONSOLE_BODY_MAX);
}
END_TEST

START_TEST(too_many_holes_are_not_filled)
{
    for (size_t at = 0; at < 100; at += 2)
        add(1, true, 1, at, 200, "x", 1);
    reassemble_expire(reassemble, 2 + TIMEOUT_US);
    ck_assert_str_eq(last.body, "x");
}
END_TEST

START_TEST(strangers_never_displace_a_node)
{
    for (uint16_t i = 0; i < REASSEMBLE_RECORDS - REASSEMBLE_RECORDS / 4; i++)
        add(i, true, 1, 0, 4, "ab", i);
    for (uint16_t i = REASSEMBLE_RECORDS; i < OWNERS; i++)
        add(i, false, 1, 0, 4, "xy", i);
    /* What strangers lost to each other is all that was given out. */
    ck_assert_uint_eq(last.count, OWNERS - REASSEMBLE_RECORDS - REASSEMBLE_RECORDS / 4);
    ck_assert_str_eq(last.body, "xy");
    for (uint16_t i = 0; i < REASSEMBLE_RECORDS - REASSEMBLE_RECORDS / 4; i++) {
        add(i, true, 1, 2, 4, "cd", 2000);
        ck_assert_str_eq(last.body, "abcd");
    }
}
END_TEST

START_TEST(a_node_displaces_the_oldest_stranger)
{
    add(0, false, 1, 0, 4, "s0", 1);
    for (uint16_t i = 1; i < REASSEMBLE_RECORDS; i++)
        add(i, true, 1, 0, 4, "ab", 5);
    ck_assert_uint_eq(last.count, 0);
    add(600, true, 1, 0, 4, "ab", 6);
    ck_assert_uint_eq(last.count, 1);
    ck_assert_str_eq(last.body, "s0");
    add(601, false, 1, 0, 4, "s1", 7); /* no place for it */
    add(601, false, 1, 2, 4, "s1", 7);
    ck_assert_uint_eq(last.count, 1);
}
END_TEST

START_TEST(a_source_that_was_displaced_starts_anew)
{
    add(1, true, 1, 0, 4, "ab", 1);
    reassemble_forget(reassemble, 1);
    reassemble_forget(reassemble, 2);
    add(1, true, 1, 2, 4, "CD", 1);
    ck_assert_uint_eq(last.count, 0);
    reassemble_expire(reassemble, 2 + TIMEOUT_US);
    ck_assert_uint_eq(last.count, 0);
}
END_TEST

START_TEST(what_is_awaited_is_not_ended_by_what_comes_between)
{
    await(1, "abcd", 1);
    ck_assert_uint_eq(reassemble_awaited(reassemble), 1);
    for (uint64_t seq = 2; seq < 2 + REASSEMBLE_OF_SOURCE - 1; seq++)
        await(seq, "forged", 2);
    add(7, true, 100, 0, 10, "plain", 3);
    add(7, true, 101, 0, 10, "plainer", 3);
    ck_assert_uint_eq(last.count, 1);
    ck_assert_str_eq(last.body, "plain");
    ck_assert_str_eq(last.awaited.header, "");
    add(7, true, 1, 4, 10, "efghij", 4);
    ck_assert_str_eq(last.body, "abcdefghij");
    ck_assert_str_eq(last.awaited.header, "0,1,2,-;");
    ck_assert_uint_eq(last.awaited.port, 1);
    ck_assert_uint_eq(reassemble_awaited(reassemble), REASSEMBLE_OF_SOURCE - 1);
}
END_TEST

START_TEST(what_one_source_awaits_is_bounded)
{
    for (uint64_t seq = 0; seq < 3 * REASSEMBLE_OF_SOURCE; seq++)
        await(seq, "forged", seq);
    ck_assert_uint_eq(reassemble_awaited(reassemble), REASSEMBLE_OF_SOURCE);
    ck_assert_uint_eq(last.count, 2 * REASSEMBLE_OF_SOURCE);
    ck_assert_uint_eq(last.awaited.port, 2 * REASSEMBLE_OF_SOURCE - 1); /* oldest first */
    reassemble_expire(reassemble, 100 + TIMEOUT_US);
    ck_assert_uint_eq(reassemble_awaited(reassemble), 0);
    ck_assert_uint_eq(last.count, 3 * REASSEMBLE_OF_SOURCE);
    await(1, "abcd", 1);
    reassemble_forget(reassemble, 7);
    ck_assert_uint_eq(reassemble_awaited(reassemble), 0);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *records = tcase_create("records");
    tcase_add_checked_fixture(records, setup, teardown);
    tcase_add_loop_test(records, a_record_is_whole_when_its_last_byte_came, 0,
                        sizeof(orders) / sizeof(orders[0]));
    tcase_add_test(records, the_next_record_ends_the_one_before);
    tcase_add_test(records, sources_do_not_mix);
    tcase_add_test(records, time_out_gives_out_the_beginning);
    tcase_add_test(records, too_large_a_record_keeps_its_beginning);
    tcase_add_test(records, too_many_holes_are_not_filled);
    suite_add_tcase(suite, records);

    TCase *bounds = tcase_create("bounds");
    tcase_add_checked_fixture(bounds, setup, teardown);
    tcase_add_test(bounds, strangers_never_displace_a_node);
    tcase_add_test(bounds, a_node_displaces_the_oldest_stranger);
    tcase_add_test(bounds, what_is_awaited_is_not_ended_by_what_comes_between);
    tcase_add_test(bounds, what_one_source_awaits_is_bounded);
    tcase_add_test(bounds, a_source_that_was_displaced_starts_anew);
    suite_add_tcase(suite, bounds);
}

int main(void)
{
    return unit_run("listener reassemble", fill);
}
