#include "tests/unit/listener_world.h"

START_TEST(a_panic_is_told_at_once_and_what_led_to_it_comes_with_the_trace)
{
    say("1,377,5324945,-;BUG: kernel NULL pointer dereference, address: 0000000000000010\n");
    say("4,381,5331993,-;Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI\n");
    say("4,385,5334091,-;RIP: 0010:nvidia_open+0x5/0x20\n");
    say("0,432,5350306,-;Kernel panic - not syncing: Fatal exception in interrupt\n");
    turn();
    ck_assert_uint_eq(panic_count, 1);
    ck_assert_uint_eq(panics[0].proof, PROOF_LINE);
    ck_assert_str_eq(panics[0].reason,
                     "Fatal exception in interrupt (NULL pointer dereference at 0000000000000010 "
                     "in nvidia_open)");
    ck_assert_uint_eq(trace_count, 0);
    intake_end(intake);
    turn();
    ck_assert_uint_eq(traces[0].lines, 4);
    ck_assert_str_eq(traces[0].first, "[    5.324945] BUG: kernel NULL pointer dereference, "
                                      "address: 0000000000000010");
}
END_TEST

START_TEST(its_trace_follows_when_it_is_complete)
{
    say("[    5.000000] Kernel panic - not syncing: x\n");
    say("[    5.100000] CPU: 0 PID: 1\n[    5.100000] Hardware name: x\n");
    say("[    5.200000] ---[ end Kernel panic - not syncing: x ]---\n");
    turn();
    ck_assert_uint_eq(trace_count, 1);
    ck_assert_str_eq(traces[0].id, panics[0].id);
    ck_assert_uint_eq(traces[0].lines, 4);
    ck_assert_str_eq(traces[0].last, "[    5.200000] ---[ end Kernel panic - not syncing: x ]---");
}
END_TEST

START_TEST(but_not_before_the_panic_is_acknowledged)
{
    acknowledging = false;
    say("[    5.000000] Kernel panic - not syncing: x\n");
    say("[    5.200000] ---[ end Kernel panic - not syncing: x ]---\n");
    turn();
    ck_assert_uint_eq(panic_count, 1);
    ck_assert_uint_eq(trace_count, 0);
    channel_server_acknowledge(server, RECORD_PANIC, panics[0].id);
    turn();
    ck_assert_uint_eq(trace_count, 1);
}
END_TEST

START_TEST(silence_completes_a_trace)
{
    say("[    5.000000] Kernel panic - not syncing: x\n");
    now_us += 4 * US_PER_SECOND;
    say("[    9.000000] CPU: 0 PID: 1\n");
    turn();
    intake_expire(intake, now_us + 4 * US_PER_SECOND);
    turn();
    ck_assert_uint_eq(trace_count, 0);
    intake_expire(intake, now_us + 5 * US_PER_SECOND);
    turn();
    ck_assert_uint_eq(trace_count, 1);
    ck_assert_uint_eq(traces[0].lines, 2);
}
END_TEST

START_TEST(the_next_boot_is_not_part_of_a_trace)
{
    say("[    5.000000] Kernel panic - not syncing: x\n");
    turn();
    say("[    0.000000] Linux version 6.1\n");
    turn();
    ck_assert_uint_eq(trace_count, 1);
    ck_assert_uint_eq(traces[0].lines, 1);
}
END_TEST

START_TEST(a_long_trace_comes_in_parts)
{
    static char line[1000];
    say("[    5.000000] Kernel panic - not syncing: x\n");
    memset(line, 'x', sizeof(line) - 1);
    for (int i = 0; i < 100; i++)
        say(line);
    say("[    5.200000] ---[ end Kernel panic - not syncing: x ]---\n");
    turn();
    ck_assert_uint_eq(trace_count, 4);
    unsigned lines = 0;
    for (size_t i = 0; i < trace_count; i++)
        lines += traces[i].lines;
    ck_assert_uint_eq(lines, 102);
}
END_TEST

START_TEST(a_second_panic_line_is_a_new_panic)
{
    say("[    5.000000] Kernel panic - not syncing: x\n");
    say("[    5.100000] CPU: 0 PID: 1\n");
    say("[    5.100001] Kernel panic - not syncing: y\n");
    turn();
    ck_assert_uint_eq(panic_count, 2);
    ck_assert_str_ne(panics[0].id, panics[1].id);
    intake_end(intake);
    turn();
    ck_assert_str_eq(traces[trace_count - 1].id, panics[1].id);
    ck_assert_uint_eq(traces[trace_count - 1].lines, 3);
}
END_TEST

START_TEST(two_panic_lines_of_one_datagram_are_two)
{
    say("[    5.000000] Kernel panic - not syncing: x\n[    5.000000] Kernel panic - not syncing: "
        "y\n");
    turn();
    ck_assert_uint_eq(panic_count, 2);
    ck_assert_str_ne(panics[0].id, panics[1].id);
}
END_TEST

START_TEST(a_forged_line_is_counted_and_leads_to_nothing)
{
    say("12,373,5134251,-;Kernel panic - not syncing: fake\n");
    say("256,374,5134252,-;Kernel panic - not syncing: fake\n");
    say("2048,375,5134253,-;Kernel panic - not syncing: fake\n");
    say("12,376,5134254,-;---[ end Kernel panic - not syncing: fake ]---\n");
    say("12,377,5134255,-;reboot: Power down\n");
    turn();
    ck_assert_uint_eq(panic_count, 0);
    ck_assert_uint_eq(halt_count, 0);
    ck_assert_uint_eq(counts[COUNT_FORGED], 2);
    ck_assert_uint_eq(counts[COUNT_MALFORMED], 1);
}
END_TEST

START_TEST(a_panic_without_its_line_is_found_by_its_end)
{
    say("[    5.000000] Oops: 0002 [#1] SMP\n[    5.000000] RIP: 0010:f+0x1/0x2\n");
    say("[    5.200000] Rebooting in 3 seconds..\n");
    ck_assert(offer("10.0.0.2", "0,1,2,-;---[ end Kernel panic - not syncing: RCU Stall ]---\n"));
    turn();
    ck_assert_uint_eq(panic_count, 2);
    ck_assert_uint_eq(panics[0].proof, PROOF_REBOOTING);
    ck_assert_str_eq(panics[0].reason, "text lost (Oops in f)");
    ck_assert_uint_eq(panics[1].proof, PROOF_END_MARKER);
    ck_assert_str_eq(panics[1].reason, "RCU Stall");
}
END_TEST

START_TEST(the_first_fragment_is_enough)
{
    say("0,376,5104702,-,ncfrag=0/61;Kernel panic - not syncing: aaaaaaaaaa");
    turn();
    ck_assert_uint_eq(panic_count, 1);
    ck_assert_str_eq(panics[0].reason, "aaaaaaaaaa");
    say("0,376,5104702,-,ncfrag=38/61;bbbbbbbbbb\n node=abcde\n");
    intake_end(intake);
    turn();
    ck_assert_uint_eq(panic_count, 1);
    ck_assert_uint_eq(traces[0].lines, 1);
    ck_assert_str_eq(traces[0].last,
                     "[    5.104702] Kernel panic - not syncing: aaaaaaaaaabbbbbbbbbb");
}
END_TEST

START_TEST(an_orderly_end_is_a_halt)
{
    say("0,384,7185954,-;reboot: Power down\n");
    turn();
    ck_assert_uint_eq(halt_count, 1);
    ck_assert_uint_eq(panic_count, 0);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *panic = tcase_create("panics");
    tcase_add_checked_fixture(panic, setup, teardown);
    tcase_set_timeout(panic, 30);
    tcase_add_test(panic, a_panic_is_told_at_once_and_what_led_to_it_comes_with_the_trace);
    tcase_add_test(panic, its_trace_follows_when_it_is_complete);
    tcase_add_test(panic, but_not_before_the_panic_is_acknowledged);
    tcase_add_test(panic, silence_completes_a_trace);
    tcase_add_test(panic, the_next_boot_is_not_part_of_a_trace);
    tcase_add_test(panic, a_long_trace_comes_in_parts);
    tcase_add_test(panic, a_second_panic_line_is_a_new_panic);
    tcase_add_test(panic, two_panic_lines_of_one_datagram_are_two);
    tcase_add_test(panic, a_forged_line_is_counted_and_leads_to_nothing);
    tcase_add_test(panic, a_panic_without_its_line_is_found_by_its_end);
    tcase_add_test(panic, the_first_fragment_is_enough);
    tcase_add_test(panic, an_orderly_end_is_a_halt);
    suite_add_tcase(suite, panic);
}

int main(void)
{
    return unit_run("listener intake", fill);
}
