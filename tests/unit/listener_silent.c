#include "tests/unit/listener_world.h"

/*
 * An oops that is followed by silence, line by line with the seconds between them: when it is a
 * panic, and when the kernel lives.
 */
#define NODE   "10.0.0.7"
#define BUG    "1,1,5000000,-;BUG: kernel NULL pointer dereference, address: 0000000000000010\n"
#define HEADER "1,2,5000001,-;Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI\n kdump=1\n"
#define PLACE  "1,3,5000002,-;RIP: 0010:do_oops+0x5/0x20 [crashme]\n kdump=1\n"
#define MARKER "4,4,5000003,-;---[ end trace 0000000000000000 ]---\n kdump=1\n"
#define REASON                                                                                     \
    "oops, then silence (NULL pointer dereference at 0000000000000010 in do_oops [crashme])"

static const struct row {
    const char *name;
    const char *lines[6];
    unsigned gaps[6]; /* seconds before each line */
    size_t panics;
} rows[] = {
    { "silence after an oops", { BUG, HEADER, PLACE }, { 0 }, 1 },
    { "of which only the header arrived", { HEADER }, { 0 }, 1 },
    { "the kernel goes on", { BUG, HEADER, PLACE, MARKER }, { 0 }, 0 },
    { "a program says that it does",
      { BUG, HEADER, PLACE, "12,4,5000003,-;---[ end trace 0000000000000000 ]---\n" },
      { 0 },
      1 },
    { "no crash kernel", { "1,2,5000001,-;Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI\n" }, { 0 }, 0 },
    { "none is loaded",
      { "1,2,5000001,-;Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI\n kdump=0\n" },
      { 0 },
      0 },
    { "a program writes the header",
      { "9,2,5000001,-;Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI\n kdump=1\n" },
      { 0 },
      0 },
    { "no oops",
      { "1,2,5000001,-;BUG: soft lockup - CPU#1 stuck for 26s!\n kdump=1\n" },
      { 0 },
      0 },
    { "a dump that takes its time",
      { HEADER, PLACE, "1,5,9000000,-;Call Trace:\n", "1,6,9900000,-; ret_from_fork\n" },
      { 0, 4, 4, 4 },
      1 },
    { "the panic's own line comes after all",
      { BUG, HEADER, PLACE, "0,4,5000003,-;Kernel panic - not syncing: Fatal exception\n" },
      { 0 },
      1 },
    { "the crash kernel speaks",
      { BUG, HEADER, PLACE, "5,1,0,-;Linux version 6.12.57 (gcc)\n" },
      { 0, 0, 0, 2 },
      1 },
};

static void hear(const char *source, const struct row *row)
{
    for (size_t i = 0; i < 6 && row->lines[i]; i++) {
        for (unsigned second = 0; second < row->gaps[i]; second++, now_us += US_PER_SECOND)
            intake_expire(intake, now_us);
        ck_assert(offer(source, row->lines[i]));
    }
}

static void stay_silent(void)
{
    for (int second = 0; second < 8; second++, now_us += US_PER_SECOND)
        intake_expire(intake, now_us);
    turn();
}

START_TEST(an_oops_and_then_silence_is_a_panic)
{
    intake_watch_oopses(intake);
    make_node(NODE);
    hear(NODE, &rows[_i]);
    stay_silent();
    ck_assert_msg(panic_count == rows[_i].panics, "%s: %zu panics", rows[_i].name, panic_count);
}
END_TEST

START_TEST(who_speaks_on_for_a_minute_lives)
{
    intake_watch_oopses(intake);
    make_node(NODE);
    hear(NODE, &rows[0]);
    for (int second = 0; second < 70; second++, now_us += US_PER_SECOND) {
        intake_expire(intake, now_us);
        if (second % 4 == 0)
            ck_assert(offer(NODE, "4,5,9000000,-;eth0: link is up\n"));
    }
    stay_silent();
    ck_assert_uint_eq(panic_count, 0);
}
END_TEST

START_TEST(its_reason_is_what_the_oops_said)
{
    intake_watch_oopses(intake);
    make_node(NODE);
    hear(NODE, &rows[0]);
    ck_assert_uint_eq(panic_count, 0); /* not before the silence */
    stay_silent();
    ck_assert_uint_eq(panic_count, 1);
    ck_assert_int_eq(panics[0].proof, PROOF_SILENT_OOPS);
    ck_assert_str_eq(panics[0].reason, REASON);
    stay_silent();
    ck_assert_uint_eq(panic_count, 1);
}
END_TEST

START_TEST(without_the_option_silence_proves_nothing)
{
    make_node(NODE);
    hear(NODE, &rows[0]);
    stay_silent();
    ck_assert_uint_eq(panic_count, 0);
}
END_TEST

START_TEST(of_a_stranger_silence_proves_nothing)
{
    intake_watch_oopses(intake);
    hear("10.0.0.8", &rows[0]);
    stay_silent();
    ck_assert_uint_eq(panic_count, 0);
}
END_TEST

START_TEST(more_oopses_than_are_watched_harm_nobody)
{
    intake_watch_oopses(intake);
    for (int i = 0; i < 300; i++) {
        char address[32];
        snprintf(address, sizeof(address), "10.1.%d.%d", i / 200, i % 200);
        make_node(address);
        hear(address, &rows[0]);
    }
    stay_silent();
    ck_assert_uint_eq(panic_count, 256);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("silent");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, an_oops_and_then_silence_is_a_panic, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tests, who_speaks_on_for_a_minute_lives);
    tcase_add_test(tests, its_reason_is_what_the_oops_said);
    tcase_add_test(tests, without_the_option_silence_proves_nothing);
    tcase_add_test(tests, of_a_stranger_silence_proves_nothing);
    tcase_add_test(tests, more_oopses_than_are_watched_harm_nobody);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("silent", fill);
}
