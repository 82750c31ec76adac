#include "listener/proof.h"

#include "tests/unit/unit.h"

#include <string.h>

#define SECOND UINT64_C(1000000)
#define START  (1000 * SECOND) /* of the monotonic clock; any */

/* What a source says, one line after the other, and what each line must prove. */
struct line {
    double heard;  /* seconds */
    double kernel; /* kernel time in seconds, < 0: none */
    const char *text;
    enum step step;
};
#define END                                                                                        \
    {                                                                                              \
        0, 0, NULL, 0                                                                              \
    }
#define PANIC        "Kernel panic - not syncing: "
#define MARKER(text) "---[ end Kernel panic - not syncing: " text " ]---"

static const struct {
    const char *about;
    bool under_way; /* a trace is collected from the first panic on */
    struct line lines[12];
} rows[] = {
    { "a panic, and its end",
      false,
      { { 0, 5.0, PANIC "x", STEP_PANIC }, { 0.1, 5.1, MARKER("x"), STEP_BELONGS }, END } },
    { "a second panic line is a new panic",
      false,
      { { 0, 5.0, PANIC "x", STEP_PANIC }, { 0.1, 5.1, PANIC "x", STEP_PANIC }, END } },
    { "another text at the same time is a new panic",
      false,
      { { 0, 5.0, PANIC "x", STEP_PANIC }, { 0, 5.0, PANIC "y", STEP_PANIC }, END } },
    { "a second target's copy is not",
      false,
      { { 0, 5.0, PANIC "x", STEP_PANIC }, { 0.01, 5.0, PANIC "x", STEP_AGAIN }, END } },
    { "the same record a minute later is a replay",
      false,
      { { 0, 5.0, PANIC "x", STEP_PANIC }, { 61, 5.0, PANIC "x", STEP_STALE }, END } },
    { "a module load replays a forged line of last week",
      false,
      { { 0, 5.0, PANIC "x", STEP_PANIC },
        { 1, 6.0, "alive", STEP_NONE },
        { 600000, 0.0, "Linux version 6.1", STEP_NONE },
        { 600000.01, 4.9, "a", STEP_NONE },
        { 600000.02, 5.0, PANIC "x", STEP_STALE },
        END } },
    { "and its end marker",
      false,
      { { 0, 5.0, PANIC "x", STEP_PANIC },
        { 0, 5.1, MARKER("x"), STEP_BELONGS },
        { 600, 0.0, "Linux version 6.1", STEP_NONE },
        { 600.02, 5.0, PANIC "x", STEP_STALE },
        { 600.02, 5.1, MARKER("x"), STEP_STALE },
        END } },
    { "a log buffer that wrapped has no banner",
      false,
      { { 0, 5.0, PANIC "x", STEP_PANIC },
        { 1, 9.0, "alive", STEP_NONE },
        { 600, 4.0, "a", STEP_NONE },
        { 600.02, 5.0, PANIC "x", STEP_STALE },
        END } },
    { "the machine boots again and panics again",
      false,
      { { 0, 4.472362, PANIC "sysrq triggered crash", STEP_PANIC },
        { 0.1, 4.514266, "Rebooting in 3 seconds..", STEP_BELONGS },
        { 8, 0.0, "Linux version 6.12", STEP_NONE },
        { 8, 3.2, "a", STEP_NONE },
        { 9, 4.267218, PANIC "sysrq triggered crash", STEP_PANIC },
        { 9.1, 4.290823, "Rebooting in 3 seconds..", STEP_BELONGS },
        END } },
    { "and so with quiet, which has no banner",
      false,
      { { 0, 5.133416, PANIC "x", STEP_PANIC },
        { 14, 3.489591, "netconsole: network logging started", STEP_NONE },
        { 15, 4.548887, PANIC "x", STEP_PANIC },
        END } },
    { "at the very same kernel time, on a clock that ticks in milliseconds",
      false,
      { { 0, 5.0, PANIC "x", STEP_PANIC },
        { 14, 0.0, "Linux version 6.1", STEP_NONE },
        { 14, 3.0, "a", STEP_NONE },
        { 16, 5.0, PANIC "x", STEP_PANIC },
        END } },
    { "a panic whose line was lost, after a reboot, is not the one before",
      false,
      { { 0, 5.0, PANIC "x", STEP_PANIC },
        { 14, 0.0, "Linux version 6.1", STEP_NONE },
        { 15, 4.0, "Oops: 0002 [#1] SMP", STEP_NONE },
        { 15, 4.1, "Rebooting in 3 seconds..", STEP_PANIC },
        END } },

    { "the end marker alone proves a panic", false, { { 0, 5.1, MARKER("x"), STEP_PANIC }, END } },
    { "once",
      false,
      { { 0, 5.1, MARKER("x"), STEP_PANIC }, { 0, 5.1, MARKER("x"), STEP_AGAIN }, END } },
    { "a marker of another text has lost its own line",
      false,
      { { 0, 5.0, PANIC "forged", STEP_PANIC }, { 40, 45.0, MARKER("real"), STEP_PANIC }, END } },
    { "an older panic of its text is near enough",
      false,
      { { 0, 5.0, PANIC "fake", STEP_PANIC },
        { 0, 5.1, PANIC "fake level 0", STEP_PANIC },
        { 0, 5.2, PANIC "fake level 6", STEP_PANIC },
        { 0, 5.3, PANIC "fake d", STEP_PANIC },
        { 0, 5.4, PANIC "fake in second line", STEP_PANIC },
        { 0, 5.4, MARKER("fake"), STEP_BELONGS },
        { 0.01, 5.5, MARKER("fake"), STEP_BELONGS },
        END } },
    { "a marker after more than a minute",
      false,
      { { 0, 5.0, PANIC "x", STEP_PANIC }, { 61, 66.0, MARKER("x"), STEP_PANIC }, END } },
    { "unless the panic is still printing",
      true,
      { { 0, 5.0, PANIC "x", STEP_PANIC }, { 61, 66.0, MARKER("x"), STEP_BELONGS }, END } },

    { "Rebooting needs something before it",
      false,
      { { 0, 5.0, "alive", STEP_NONE }, { 1, 6.0, "Rebooting in 3 seconds..", STEP_NONE }, END } },
    { "an oops is enough",
      false,
      { { 0, 5.0, "BUG: kernel NULL pointer dereference", STEP_NONE },
        { 1, 6.0, "Rebooting in 3 seconds..", STEP_PANIC },
        END } },
    { "and so is a part of a panic's dump",
      false,
      { { 0, 5.0, "Kernel Offset: 0x1", STEP_NONE },
        { 1, 6.0, "Rebooting in 3 seconds..", STEP_PANIC },
        END } },
    { "but not one of a minute ago",
      false,
      { { 0, 5.0, "BUG: x", STEP_NONE },
        { 61, 66.0, "Rebooting in 3 seconds..", STEP_NONE },
        END } },
    { "nor one of the boot before",
      false,
      { { 0, 5.0, "BUG: x", STEP_NONE },
        { 9, 0.0, "Linux version 6.1", STEP_NONE },
        { 10, 1.0, "Rebooting in 3 seconds..", STEP_NONE },
        END } },

    { "without kernel time only what comes at once is the same",
      false,
      { { 0, -1, PANIC "x", STEP_PANIC },
        { 0.5, -1, PANIC "x", STEP_AGAIN },
        { 2, -1, PANIC "x", STEP_PANIC },
        { 2.1, -1, "Linux version 6.1", STEP_NONE },
        { 2.2, -1, PANIC "x", STEP_PANIC },
        END } },
    { "a panic line without time, later lines with",
      false,
      { { 0, -1, PANIC "x", STEP_PANIC },
        { 0.1, 5.0, "CPU: 0 PID: 1", STEP_NONE },
        { 0.2, 5.1, MARKER("x"), STEP_BELONGS },
        END } },

    { "an orderly end", false, { { 0, 5.0, "reboot: Power down", STEP_HALT }, END } },
    { "once",
      false,
      { { 0, 5.0, "reboot: Power down", STEP_HALT },
        { 0, 5.0, "reboot: Power down", STEP_AGAIN },
        END } },
    { "what a panic says while it reboots is none",
      true,
      { { 0, 5.0, PANIC "x", STEP_PANIC },
        { 1, 6.0, "reboot: Restarting system", STEP_NONE },
        END } },
    { "a marker does not belong to an orderly end",
      false,
      { { 0, 5.0, "reboot: Power down", STEP_HALT }, { 1, 6.0, MARKER("x"), STEP_PANIC }, END } },
    { "small steps back in time are no reboot",
      false,
      { { 0, 5.9, PANIC "x", STEP_PANIC },
        { 0, 5.0, "a", STEP_NONE },
        { 0, 5.91, MARKER("x"), STEP_BELONGS },
        END } },
};

static struct proven say(struct proof_state *state, const struct line *line, bool under_way)
{
    struct kernel_record record = {
        .facility = 0,
        .kernel_us = line->kernel < 0 ? RECORD_ABSENT : (uint64_t)(line->kernel * 1e6 + 0.5),
        .text = { line->text, strlen(line->text) },
    };
    struct line_class class = classify(&record);
    return proof_next(state, &record, &class, under_way,
                      START + (uint64_t)(line->heard * 1e6 + 0.5));
}

START_TEST(each_line_proves_what_it_must)
{
    struct proof_state state = { 0 };
    bool panicked = false;
    for (const struct line *line = rows[_i].lines; line->text; line++) {
        struct proven proven = say(&state, line, panicked && rows[_i].under_way);
        ck_assert_msg(proven.step == line->step, "%s: \"%s\" at %g s proves %d instead of %d",
                      rows[_i].about, line->text, line->heard, proven.step, line->step);
        panicked = panicked || proven.step == STEP_PANIC;
    }
}
END_TEST

static const struct {
    const char *precursor;
    enum reason_code hint;
} hints[] = {
    { "Oops: 0002 [#1] SMP", REASON_OOPS },
    { "watchdog: BUG: soft lockup - CPU#1 stuck for 26s!", REASON_SOFT_LOCKUP },
    { "sysrq: Trigger a crash", REASON_SYSRQ },
    { "Kernel Offset: 0x1", REASON_UNKNOWN },
};

START_TEST(rebooting_tells_what_the_precursors_hint_at)
{
    struct proof_state state = { 0 };
    say(&state, &(struct line){ 0, 5.0, hints[_i].precursor, STEP_NONE }, false);
    say(&state, &(struct line){ 0, 5.1, "Call Trace:", STEP_NONE }, false);
    struct proven proven =
        say(&state, &(struct line){ 0, 5.2, "Rebooting in 3 seconds..", STEP_PANIC }, false);
    ck_assert_int_eq(proven.proof, PROOF_REBOOTING);
    ck_assert_int_eq(proven.hint, hints[_i].hint);
}
END_TEST

START_TEST(a_reboot_is_told)
{
    struct proof_state state = { 0 };
    ck_assert(!say(&state, &(struct line){ 0, 5.0, "a", 0 }, false).rebooted);
    ck_assert(say(&state, &(struct line){ 9, 1.0, "a", 0 }, false).rebooted);
    ck_assert(!say(&state, &(struct line){ 9, 1.1, "a", 0 }, false).rebooted);
    ck_assert(say(&state, &(struct line){ 20, 1.2, "Linux version 6.1", 0 }, false).rebooted);
}
END_TEST

START_TEST(no_number_of_forged_panics_makes_a_real_one_old)
{
    struct proof_state state = { 0 };
    for (int i = 0; i < 1000; i++) {
        struct line forged = { i * 0.001, 5.0 + i * 0.001, PANIC "Fatal exception", STEP_PANIC };
        ck_assert_int_eq(say(&state, &forged, true).step, STEP_PANIC);
    }
    struct line real = { 1.0, 6.5, PANIC "Fatal exception", STEP_PANIC };
    ck_assert_int_eq(say(&state, &real, true).step, STEP_PANIC);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *proofs = tcase_create("proofs");
    tcase_add_loop_test(proofs, each_line_proves_what_it_must, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(proofs, rebooting_tells_what_the_precursors_hint_at, 0,
                        sizeof(hints) / sizeof(hints[0]));
    tcase_add_test(proofs, a_reboot_is_told);
    tcase_add_test(proofs, no_number_of_forged_panics_makes_a_real_one_old);
    suite_add_tcase(suite, proofs);
}

int main(void)
{
    return unit_run("listener proof", fill);
}
