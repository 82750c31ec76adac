#include "tests/unit/listener_world.h"

START_TEST(a_boot_after_a_panic_speaks)
{
    say("[    5.000000] Kernel panic - not syncing: x\n");
    say("[    5.100000] Call Trace:\n");
    turn();
    ck_assert_uint_eq(spoken[SPEAKS_BOOT_BANNER] + spoken[SPEAKS_FRESH_TEXT], 0);
    now_us += 3 * US_PER_SECOND;
    say("[    0.000000] Linux version 6.12\n");
    say("[    0.000000] Command line: quiet\n");
    turn();
    ck_assert_uint_eq(spoken[SPEAKS_BOOT_BANNER], 1);
    now_us += US_PER_SECOND;
    say("[    1.000000] more\n");
    turn();
    ck_assert_uint_eq(spoken[SPEAKS_FRESH_TEXT], 1);
}
END_TEST

START_TEST(a_boot_without_banner_is_known_by_its_time)
{
    say("[  500.000000] Kernel panic - not syncing: x\n");
    turn();
    now_us += 3 * US_PER_SECOND;
    say("[    1.000000] netconsole: network logging started\n");
    turn();
    ck_assert_uint_eq(spoken[SPEAKS_BOOT_BANNER], 1);
}
END_TEST

START_TEST(a_panic_of_the_next_boot_is_no_sign_of_life)
{
    say("[  500.000000] Kernel panic - not syncing: x\n");
    turn();
    now_us += 30 * US_PER_SECOND;
    say("[    1.000000] Kernel panic - not syncing: y\n");
    say("[    1.000000] Call Trace:\n");
    turn();
    ck_assert_uint_eq(panic_count, 2);
    ck_assert_uint_eq(spoken[SPEAKS_BOOT_BANNER] + spoken[SPEAKS_FRESH_TEXT], 0);
}
END_TEST

START_TEST(after_a_restart_of_ours_it_speaks_too)
{
    acknowledging = false;
    say("[    5.000000] Kernel panic - not syncing: x\n");
    close_intake();
    open_intake();
    turn();
    now_us += 10 * US_PER_SECOND;
    say("[   15.000000] alive\n");
    turn();
    ck_assert_uint_eq(spoken[SPEAKS_FRESH_TEXT], 1);
}
END_TEST

START_TEST(what_the_panic_prints_at_its_end_is_its_own)
{
    say("[    5.000000] Kernel panic - not syncing: x\n");
    say("[    5.200000] ---[ end Kernel panic - not syncing: x ]---\n");
    now_us += 4 * US_PER_SECOND;
    say("[    5.300000] last words\n");
    turn();
    ck_assert_uint_eq(spoken[SPEAKS_FRESH_TEXT], 0);
    now_us += 2 * US_PER_SECOND;
    say("[   11.000000] alive\n");
    turn();
    ck_assert_uint_eq(spoken[SPEAKS_FRESH_TEXT], 1);
}
END_TEST

static void minute(void)
{
    for (int i = 0; i < 60; i++) {
        hints_second(intake_hints(intake));
        turn();
    }
}

START_TEST(nodes_that_were_heard_are_told_once_a_minute)
{
    make_node("10.0.0.7");
    make_node("10.0.0.8");
    turn();
    ck_assert(offer("10.0.0.7", "[    5.000000] a\n") && offer("10.0.0.7", "[    5.000000] b\n"));
    ck_assert(offer("10.0.0.9", "[    5.000000] a stranger\n"));
    minute();
    ck_assert_uint_eq(heard_records, 1);
    ck_assert_uint_eq(heard_addresses, 1);
    minute();
    ck_assert_uint_eq(heard_records, 1);
    ck_assert(offer("10.0.0.8", "[    5.000000] a\n"));
    minute();
    ck_assert_uint_eq(heard_records, 2);
    ck_assert_uint_eq(heard_addresses, 2);
}
END_TEST

START_TEST(many_are_told_in_several_records_and_each_once)
{
    char address[48];
    const char *line = address;
    size_t refused;
    turn();
    for (int i = 0; i < 12000; i++) {
        snprintf(address, sizeof(address), "2001:db8:1234:5678:9abc:def0:1234:%x", i + 1);
        struct sources record = { .op = SOURCES_ADD, .addresses = { 1, &line } };
        if (i == 0)
            nodes_follow(nodes, &(struct sources){ .op = SOURCES_BEGIN }, &refused);
        nodes_follow(nodes, &record, &refused);
    }
    nodes_follow(nodes, &(struct sources){ .op = SOURCES_END }, &refused);
    for (int i = 0; i < 12000; i++) {
        snprintf(address, sizeof(address), "2001:db8:1234:5678:9abc:def0:1234:%x", i + 1);
        ck_assert(offer(address, "[    5.000000] a\n"));
    }
    minute();
    for (int i = 0; i < 10; i++) { /* what found no room in the queue */
        hints_second(intake_hints(intake));
        turn();
    }
    ck_assert_uint_eq(heard_addresses, 12000);
    ck_assert_uint_ge(heard_records, 12000 * 40 / 32768);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *hints = tcase_create("hints");
    tcase_add_checked_fixture(hints, setup, teardown);
    tcase_set_timeout(hints, 60);
    tcase_add_test(hints, a_boot_after_a_panic_speaks);
    tcase_add_test(hints, a_boot_without_banner_is_known_by_its_time);
    tcase_add_test(hints, a_panic_of_the_next_boot_is_no_sign_of_life);
    tcase_add_test(hints, after_a_restart_of_ours_it_speaks_too);
    tcase_add_test(hints, what_the_panic_prints_at_its_end_is_its_own);
    tcase_add_test(hints, nodes_that_were_heard_are_told_once_a_minute);
    tcase_add_test(hints, many_are_told_in_several_records_and_each_once);
    suite_add_tcase(suite, hints);
}

int main(void)
{
    return unit_run("listener hints", fill);
}
