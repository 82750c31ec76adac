#include "tests/unit/listener_world.h"

START_TEST(strangers_share_a_small_pool_and_the_newest_stay)
{
    char text[80];
    acknowledging = false;
    for (int i = 0; i < PENDING_OTHER_SLOTS + 99; i++) {
        snprintf(text, sizeof(text), "[    5.%06d] Kernel panic - not syncing: %d\n", i, i);
        say(text);
    }
    ck_assert_uint_eq(counts[COUNT_OTHER_REPLACED], 100);
    turn();
    /* What the correlator has is not taken back, and no more is sent until it is done with that. */
    ck_assert_uint_eq(panic_count, PENDING_OTHER_SLOTS / 2);
    ck_assert_str_eq(panics[0].reason, "0");
    ck_assert_str_eq(panics[511].reason, "511");
    for (size_t i = 0; i < PENDING_OTHER_SLOTS / 2; i++)
        channel_server_acknowledge(server, RECORD_PANIC, panics[i].id);
    turn();
    ck_assert_uint_eq(panic_count, PENDING_OTHER_SLOTS - 1);
    ck_assert_str_eq(panics[512].reason, "612");
    ck_assert_str_eq(panics[panic_count - 1].reason, "1122");
}
END_TEST

START_TEST(no_flood_displaces_a_nodes_panic)
{
    char text[80];
    make_node("10.0.0.7");
    ck_assert(offer("10.0.0.7", "[    5.000000] Kernel panic - not syncing: real\n"));
    for (int i = 0; i < 3 * PENDING_OTHER_SLOTS; i++) {
        snprintf(text, sizeof(text), "[    5.%06d] Kernel panic - not syncing: %d\n", i, i);
        say(text);
    }
    turn();
    ck_assert_str_eq(panics[0].reason, "real");
}
END_TEST

START_TEST(a_stranger_that_turns_out_to_be_a_node_is_kept_too)
{
    char text[80];
    ck_assert(offer("10.0.0.7", "[    5.000000] Kernel panic - not syncing: real\n"));
    make_node("10.0.0.7");
    for (int i = 0; i < 2 * PENDING_OTHER_SLOTS; i++) {
        snprintf(text, sizeof(text), "[    5.%06d] Kernel panic - not syncing: %d\n", i, i);
        say(text);
    }
    turn();
    ck_assert_str_eq(panics[0].reason, "real");
    ck_assert_uint_eq(pending_room(pending), PENDING_NODE_SLOTS); /* acknowledged */
}
END_TEST

START_TEST(full_node_slots_stop_the_intake_until_one_is_free)
{
    static uint32_t taken[PENDING_NODE_SLOTS];
    struct address other;
    size_t count = 0;
    acknowledging = false;
    make_node("10.0.0.7");
    make_node("10.0.0.8");
    ck_assert(address_parse("10.0.0.8", &other));
    ck_assert(offer("10.0.0.7", "[    4.000000] Kernel panic - not syncing: first\n"));
    while (panics_have_room(intake_panics(intake), &other))
        taken[count++] = pending_reserve(pending, true);
    ck_assert(!offer("10.0.0.8", "[    5.000000] Kernel panic - not syncing: later\n"));
    /* Whoever has a slot finds room, and strangers do. */
    ck_assert(offer("10.0.0.7", "[    5.000000] Kernel panic - not syncing: second\n"));
    ck_assert(offer("10.0.0.1", "[    5.000000] Kernel panic - not syncing: stranger\n"));
    turn();
    ck_assert_uint_eq(panic_count, 2);
    channel_server_acknowledge(server, RECORD_PANIC, panics[0].id);
    turn();
    pending_unreserve(pending, taken[--count]);
    ck_assert(offer("10.0.0.8", "[    5.000000] Kernel panic - not syncing: later\n"));
    turn();
    ck_assert_str_eq(panics[2].reason, "second");
    ck_assert_str_eq(panics[3].reason, "later");
    while (count > 0)
        pending_unreserve(pending, taken[--count]);
}
END_TEST

START_TEST(a_restart_delivers_again_and_knows_the_end)
{
    acknowledging = false;
    say("[    5.000000] Kernel panic - not syncing: x\n");
    close_intake(); /* as a kill would: nothing is written on the way out */
    open_intake();
    now_us += US_PER_SECOND;
    say("[    5.200000] ---[ end Kernel panic - not syncing: x ]---\n");
    turn();
    ck_assert_uint_eq(panic_count, 1);
    ck_assert_str_eq(panics[0].reason, "x");
    ck_assert_uint_eq(counts[COUNT_PANICS], 0);
}
END_TEST

START_TEST(a_batch_that_is_handled_again_makes_no_second_panic)
{
    acknowledging = false;
    uint64_t first = received_us;
    say("[    5.000000] Kernel panic - not syncing: x\n");
    close_intake();
    open_intake();
    now_us += 120 * US_PER_SECOND; /* so that only the id can tell */
    panics_handle_again(intake_panics(intake), true);
    received_us = first;
    say("[    5.000000] Kernel panic - not syncing: x\n");
    say("[    6.000000] Kernel panic - not syncing: y\n");
    turn();
    ck_assert_uint_eq(panic_count, 2);
    ck_assert_str_eq(panics[0].reason, "x");
    ck_assert_str_eq(panics[1].reason, "y");
}
END_TEST

START_TEST(a_batch_that_is_handled_again_has_the_lines_before_the_panic_too)
{
    acknowledging = false;
    uint64_t first = received_us;
    say("[    3.000000] before\n");
    say("[    5.000000] Kernel panic - not syncing: x\n");
    close_intake();
    open_intake();
    panics_handle_again(intake_panics(intake), true);
    received_us = first;
    now_us += US_PER_MS;
    say("[    3.000000] before\n");
    say("[    5.000000] Kernel panic - not syncing: x\n");
    say("[    5.200000] ---[ end Kernel panic - not syncing: x ]---\n");
    turn();
    ck_assert_uint_eq(panic_count, 1);
    ck_assert_uint_eq(spoken[SPEAKS_FRESH_TEXT] + spoken[SPEAKS_BOOT_BANNER], 0);
}
END_TEST

START_TEST(any_bytes_are_counted_and_no_more)
{
    uint32_t state = (uint32_t)_i + 1;
    static const char *const starts[] = {
        "", "0,1,2,-;", "[    5.000000] ", "4,376,5,-,ncfrag=0/", "6.1,0,1,2,-", "<0>"
    };
    for (int i = 0; i < 20000; i++) {
        char bytes[64];
        size_t size = strlen(starts[i % 6]);
        memcpy(bytes, starts[i % 6], size);
        for (; size < 10 + (state >> 24) % 50; size++) {
            state = state * 1664525 + 1013904223;
            bytes[size] = (char)(state >> 16);
        }
        struct datagram datagram = { .bytes = { bytes, size }, .received_us = 1 };
        datagram.source.bytes[15] = (uint8_t)state;
        ck_assert(intake_datagram(intake, &datagram, now_us));
    }
    uint64_t kinds = counts[COUNT_BASIC] + counts[COUNT_EXTENDED] + counts[COUNT_FRAGMENTS] +
                     counts[COUNT_MALFORMED] + counts[COUNT_EMPTY];
    ck_assert_uint_eq(kinds, 20000);
    ck_assert_uint_eq(counts[COUNT_DATAGRAMS], 20000);
    ck_assert_uint_eq(counts[COUNT_PANICS], 0);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *slots = tcase_create("slots");
    tcase_add_checked_fixture(slots, setup, teardown);
    tcase_set_timeout(slots, 30);
    tcase_add_test(slots, strangers_share_a_small_pool_and_the_newest_stay);
    tcase_add_test(slots, no_flood_displaces_a_nodes_panic);
    tcase_add_test(slots, a_stranger_that_turns_out_to_be_a_node_is_kept_too);
    tcase_add_test(slots, full_node_slots_stop_the_intake_until_one_is_free);
    tcase_add_test(slots, a_restart_delivers_again_and_knows_the_end);
    tcase_add_test(slots, a_batch_that_is_handled_again_makes_no_second_panic);
    tcase_add_test(slots, a_batch_that_is_handled_again_has_the_lines_before_the_panic_too);
    tcase_add_loop_test(slots, any_bytes_are_counted_and_no_more, 0, 4);
    suite_add_tcase(suite, slots);
}

int main(void)
{
    return unit_run("listener slots", fill);
}
