#include "tests/unit/listener_world.h"

#include <sys/stat.h>

/* Where a token is required. */
#define TOKEN  "0123456789abcdef"
#define OTHERS "fedcba9876543210"
#define PANIC  "Kernel panic - not syncing: "

static char token_path[96];

static void setup_tokens(void)
{
    char error[TOKEN_FILE_ERROR_SIZE];
    setup();
    snprintf(token_path, sizeof(token_path), "%s/tokens", folder);
    FILE *out = fopen(token_path, "w");
    fputs(TOKEN "\nworker-2 " OTHERS "\n", out);
    fchmod(fileno(out), 0600);
    fclose(out);
    close_intake();
    tokens = token_file_open(token_path, error);
    ck_assert_msg(tokens != NULL, "%s", error);
    open_intake();
}

static void teardown_tokens(void)
{
    struct token_file *opened = tokens;
    unlink(token_path);
    teardown();
    token_file_free(opened);
}

static const struct {
    const char *about, *datagram;
    bool panics;
} rows[] = {
    { "the token", "0,1,5,-;" PANIC "x\n token=" TOKEN "\n", true },
    { "none", "0,1,5,-;" PANIC "x\n", false },
    { "a wrong one", "0,1,5,-;" PANIC "x\n token=0123456789abcdeg\n", false },
    { "basic format has none", "[    5.000000] " PANIC "x\n token=" TOKEN "\n", false },
    { "the token, and not the kernel", "8,1,5,-;" PANIC "x\n token=" TOKEN "\n", false },
    { "the node's", "0,1,5,-;" PANIC "x\n node=worker-2\n token=" OTHERS "\n", true },
    { "another node's", "0,1,5,-;" PANIC "x\n node=worker-1\n token=" OTHERS "\n", false },
    { "the end marker", "0,1,5,-;---[ end " PANIC "x ]---\n token=" TOKEN "\n", true },
    { "a forged one", "0,1,5,-;---[ end " PANIC "x ]---\n", false },
};

START_TEST(a_panic_is_believed_with_its_token_alone)
{
    say(rows[_i].datagram);
    turn();
    ck_assert_msg((panic_count == 1) == rows[_i].panics, "%s", rows[_i].about);
    if (rows[_i].panics)
        ck_assert_ptr_null(strstr(panics[0].userdata, "token"));
}
END_TEST

START_TEST(a_panic_without_one_is_counted)
{
    say("0,1,5,-;" PANIC "x\n");
    say("0,1,5,-;reboot: Power down\n");
    say("0,1,5,-;Rebooting in 3 seconds..\n");
    ck_assert_uint_eq(counts[COUNT_UNAUTHENTICATED], 3);
    ck_assert_uint_eq(counts[COUNT_PANICS] + counts[COUNT_HALTS], 0);
    say("0,1,6,-;reboot: Power down\n token=" TOKEN "\n");
    turn();
    ck_assert_uint_eq(halt_count, 1);
}
END_TEST

START_TEST(a_forged_copy_does_not_make_the_real_one_old)
{
    say("0,1,5,-;" PANIC "x\n");
    say("0,1,5,-;" PANIC "x\n token=0000000000000000\n");
    say("0,1,5,-;" PANIC "x\n token=" TOKEN "\n");
    say("0,1,5,-;" PANIC "x\n token=" TOKEN "\n"); /* another target's */
    turn();
    ck_assert_uint_eq(panic_count, 1);
    ck_assert_uint_eq(counts[COUNT_DUPLICATES], 1);
}
END_TEST

START_TEST(a_forged_panic_does_not_swallow_the_real_ones_end)
{
    say("0,1,5,-;" PANIC "x\n");
    say("0,1,9,-;---[ end " PANIC "x ]---\n token=" TOKEN "\n");
    turn();
    ck_assert_uint_eq(panic_count, 1);
    ck_assert_uint_eq(panics[0].proof, PROOF_END_MARKER);
}
END_TEST

/* "Kernel panic - not syncing: aaaaaaaaaa\n" is 39 bytes. */
#define FIRST  "0,376,5104702,-,ncfrag=0/86;" PANIC "aaaaaaaaaa\n no"
#define SECOND "0,376,5104702,-,ncfrag=42/86;de=worker-2\n token="
#define THIRD  "0,376,5104702,-,ncfrag=61/86;" OTHERS "\n rack=1\n"

static const struct {
    const char *parts[4];
} orders[] = { { { FIRST, SECOND, THIRD } },
               { { FIRST, THIRD, SECOND } },
               { { THIRD, SECOND, FIRST } },
               { { FIRST, FIRST, SECOND, THIRD } } };

START_TEST(a_token_may_come_in_a_later_fragment)
{
    for (size_t i = 0; i < 4 && orders[_i].parts[i]; i++) {
        ck_assert_uint_eq(counts[COUNT_PANICS], 0);
        say(orders[_i].parts[i]);
    }
    turn();
    ck_assert_uint_eq(panic_count, 1);
    ck_assert(!intake_waits(intake));
    ck_assert_str_eq(panics[0].reason, "aaaaaaaaaa");
    ck_assert_str_eq(panics[0].userdata, " node=worker-2 rack=1");
    ck_assert_uint_eq(counts[COUNT_UNAUTHENTICATED], 0);
}
END_TEST

START_TEST(and_is_the_beginning_of_its_trace)
{
    say(FIRST);
    say(SECOND);
    say(THIRD);
    say("0,377,5104703,-;---[ end " PANIC "aaaaaaaaaa ]---\n token=" TOKEN "\n");
    turn();
    ck_assert_uint_eq(trace_count, 1);
    ck_assert_uint_eq(traces[0].lines, 2);
    ck_assert_str_eq(traces[0].id, panics[0].id);
}
END_TEST

START_TEST(what_comes_between_the_fragments_does_not_hide_it)
{
    char text[128];
    say(FIRST);
    for (int i = 0; i < REASSEMBLE_OF_SOURCE - 1; i++) {
        snprintf(text, sizeof(text), "0,%d,5104702,-,ncfrag=0/86;" PANIC "forged", i);
        say(text);
    }
    say("0,1,2,-,ncfrag=0/900;a line");
    say(SECOND);
    say(THIRD);
    turn();
    ck_assert_uint_eq(panic_count, 1);
    ck_assert_str_eq(panics[0].reason, "aaaaaaaaaa");
}
END_TEST

START_TEST(after_a_second_what_has_come_decides)
{
    say("0,376,5104702,-,ncfrag=0/188;" PANIC "a\n token=" TOKEN "\n ra");
    ck_assert(offer("10.0.0.2", "0,376,5104702,-,ncfrag=0/188;" PANIC "b\n node=a\n to"));
    ck_assert(intake_waits(intake));
    intake_expire(intake, now_us + US_PER_SECOND - INTAKE_SOON_US);
    turn();
    ck_assert_uint_eq(panic_count, 0);
    intake_expire(intake, now_us + US_PER_SECOND - INTAKE_SOON_US + 1);
    turn();
    ck_assert(!intake_waits(intake));
    ck_assert_uint_eq(panic_count, 1);
    ck_assert_str_eq(panics[0].reason, "a");
    ck_assert_uint_eq(counts[COUNT_UNAUTHENTICATED], 1);
}
END_TEST

START_TEST(no_secret_leaves_the_listener)
{
    say("0,375,5104701,-;before\n token=" TOKEN "\n");
    say("[    5.000000] basic\n token=" TOKEN "\n");
    say("0,376,5104702,-;" PANIC "x\n token=" TOKEN "\n rack=1\n");
    say("[    6.000000] basic\n token=" TOKEN "\n");
    say("0,378,6104704,-;---[ end " PANIC "x ]---\n token=" TOKEN "\n");
    turn();
    ck_assert_uint_eq(panic_count, 1);
    ck_assert_uint_eq(trace_count, 1);
    ck_assert_uint_eq(secrets, 0);
    ck_assert_uint_eq(traces[0].lines, 5);
    ck_assert_str_eq(panics[0].userdata, " rack=1");
}
END_TEST

START_TEST(only_who_has_a_token_speaks)
{
    say("0,376,5104702,-;" PANIC "x\n token=" TOKEN "\n");
    now_us += 10 * US_PER_SECOND;
    say("6,377,9104702,-;alive\n");
    turn();
    ck_assert_uint_eq(spoken[SPEAKS_FRESH_TEXT], 0);
    say("6,377,9104703,-;alive\n token=" TOKEN "\n");
    turn();
    ck_assert_uint_eq(spoken[SPEAKS_FRESH_TEXT], 1);
}
END_TEST

START_TEST(a_forged_boot_does_not_make_the_panics_own_lines_fresh)
{
    say("0,376,5104702,-;" PANIC "x\n token=" TOKEN "\n");
    turn();
    say("5,0,0,-;Linux version 6.12\n");
    say("4,377,5104703,-;Call Trace:\n token=" TOKEN "\n");
    turn();
    ck_assert_uint_eq(spoken[SPEAKS_BOOT_BANNER] + spoken[SPEAKS_FRESH_TEXT], 0);
    say("5,0,0,-;Linux version 6.12\n token=" TOKEN "\n");
    turn();
    ck_assert_uint_eq(spoken[SPEAKS_BOOT_BANNER], 1);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tokened = tcase_create("tokens");
    tcase_add_checked_fixture(tokened, setup_tokens, teardown_tokens);
    tcase_add_loop_test(tokened, a_panic_is_believed_with_its_token_alone, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tokened, a_panic_without_one_is_counted);
    tcase_add_test(tokened, a_forged_copy_does_not_make_the_real_one_old);
    tcase_add_test(tokened, a_forged_panic_does_not_swallow_the_real_ones_end);
    tcase_add_loop_test(tokened, a_token_may_come_in_a_later_fragment, 0,
                        sizeof(orders) / sizeof(orders[0]));
    tcase_add_test(tokened, and_is_the_beginning_of_its_trace);
    tcase_add_test(tokened, what_comes_between_the_fragments_does_not_hide_it);
    tcase_add_test(tokened, after_a_second_what_has_come_decides);
    tcase_add_test(tokened, no_secret_leaves_the_listener);
    tcase_add_test(tokened, only_who_has_a_token_speaks);
    tcase_add_test(tokened, a_forged_boot_does_not_make_the_panics_own_lines_fresh);
    suite_add_tcase(suite, tokened);
}

int main(void)
{
    return unit_run("listener authentic", fill);
}
