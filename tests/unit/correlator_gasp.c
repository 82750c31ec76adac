#include "tests/unit/unit.h"

#include "correlator/gasp.h"

#include <string.h>

#define TEN     "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define EURO    "\xe2\x82\xac"

/* What a halt's record makes of the reason; WHO NULL: the userdata does not say. */
static const struct {
    enum halt_kind kind;
    const char *who;
    enum reason_code code;
    const char *reason;
} halts[] = {
    { HALT_HALTED, NULL, REASON_HALT, "System halted" },
    { HALT_POWER_DOWN, NULL, REASON_POWER_DOWN, "System powered down" },
    { HALT_RESTARTING, NULL, REASON_RESTARTING, "System restarting" },
    { HALT_HALTED, "alice ran sudo halt", REASON_HALT, "System halted: alice ran sudo halt" },
    { HALT_POWER_DOWN, "bob", REASON_POWER_DOWN, "System powered down: bob" },
    { HALT_RESTARTING, "kured", REASON_RESTARTING, "System restarting: kured" },
    { HALT_HALTED, "", REASON_HALT, "System halted" },
    { HALT_HALTED, "   ", REASON_HALT, "System halted" },
    { HALT_HALTED, "100%s \"x\"", REASON_HALT, "System halted: 100%s \"x\"" },
    /* 256 bytes, and never half a character. */
    { HALT_HALTED, HUNDRED HUNDRED HUNDRED, REASON_HALT,
      "System halted: " HUNDRED HUNDRED TEN TEN TEN TEN TEN "012345" },
    { HALT_HALTED, HUNDRED HUNDRED TEN TEN TEN TEN TEN "0123" EURO, REASON_HALT,
      "System halted: " HUNDRED HUNDRED TEN TEN TEN TEN TEN "0123" },
};

START_TEST(a_halt_says_what_the_machine_does_and_who_asked)
{
    const struct pair pairs[] = { { "node", "worker-1" }, { "halt", halts[_i].who } };
    const struct record record = {
        .kind = RECORD_HALT,
        .halt = { .id = "h",
                  .source = "10.0.0.1",
                  .received_us = 7,
                  .kind = halts[_i].kind,
                  .userdata = { halts[_i].who != NULL ? 2 : 1, pairs } },
    };
    struct gasp *gasp = gasp_new(&record, 5);

    ck_assert_uint_eq(gasp->reason_code, halts[_i].code);
    ck_assert_str_eq(gasp->reason, halts[_i].reason);
    ck_assert_str_eq(gasp->said_node, "worker-1");
    ck_assert_uint_eq(gasp_cause(gasp), CAUSE_HALT);
    gasp_free(gasp);
}
END_TEST

START_TEST(a_drill_and_late_words_say_whose_they_are)
{
    const struct pair pairs[] = { { "node", "worker-1" }, { "boot", "new" } };
    const struct record drill = {
        .kind = RECORD_DRILL,
        .drill = { .id = "d",
                   .source = "10.0.0.1",
                   .node = "worker-1",
                   .boot = "b",
                   .drill = "9f86" },
    };
    const struct record late = {
        .kind = RECORD_LATE,
        .late = { .id = "l",
                  .source = "10.0.0.1",
                  .boot = "old",
                  .booted_us = 7,
                  .reason_code = REASON_OOPS,
                  .reason = "Fatal exception",
                  .userdata = { 2, pairs } },
    };
    struct gasp *one = gasp_new(&drill, 5), *other = gasp_new(&late, 5);

    ck_assert(gasp_is_words(one) && gasp_is_words(other));
    ck_assert_uint_eq(gasp_cause(one), CAUSE_DRILL);
    ck_assert_uint_eq(gasp_cause(other), CAUSE_KERNEL_PANIC);
    ck_assert_str_eq(one->reason, "lastgasp drill: nothing died, nothing is touched; drill 9f86");
    ck_assert_str_eq(one->said_node, "worker-1");
    ck_assert_str_eq(one->said_boot, "b");
    ck_assert_str_eq(other->said_node, "worker-1");
    ck_assert_ptr_null(other->said_boot); /* that is of the boot that speaks */
    ck_assert_str_eq(other->old_boot, "old");
    ck_assert_uint_eq(other->booted_us, 7);
    gasp_free(one);
    gasp_free(other);
}
END_TEST

/* The userdata may still name the last shutdown that was asked for and did not come about. */
START_TEST(a_panic_is_not_said_to_be_asked_for)
{
    const struct pair pairs[] = { { "halt", "alice ran sudo halt" } };
    const struct record record = {
        .kind = RECORD_PANIC,
        .panic = { .id = "p",
                   .source = "10.0.0.1",
                   .reason_code = REASON_OOPS,
                   .reason = "Fatal exception",
                   .userdata = { 1, pairs } },
    };
    struct gasp *gasp = gasp_new(&record, 5);

    ck_assert_str_eq(gasp->reason, "Fatal exception");
    ck_assert_uint_eq(gasp_cause(gasp), CAUSE_KERNEL_PANIC);
    gasp_free(gasp);
}
END_TEST

/* Who speaks for a machine: the later in this list.  Alike in weight: the first that came. */
static const struct {
    enum record_kind kind;
    enum verdict verdict;
    unsigned rank;
} gasps[] = {
    { RECORD_HALT, VERDICT_MISMATCH, 0 },    { RECORD_HALT, VERDICT_EXPIRED, 0 },
    { RECORD_PANIC, VERDICT_MISMATCH, 1 },   { RECORD_PANIC, VERDICT_EXPIRED, 1 },
    { RECORD_HALT, VERDICT_UNPROBABLE, 2 },  { RECORD_HALT, VERDICT_SILENT, 3 },
    { RECORD_HALT, VERDICT_UNVERIFIED, 3 },  { RECORD_PANIC, VERDICT_UNPROBABLE, 4 },
    { RECORD_PANIC, VERDICT_UNVERIFIED, 5 }, { RECORD_PANIC, VERDICT_SILENT, 5 },
};
#define GASPS (sizeof(gasps) / sizeof(gasps[0]))

static int sign(unsigned a, unsigned b)
{
    return a < b ? -1 : a > b;
}

START_TEST(a_halt_never_speaks_for_a_panic_that_may_be_acted_on)
{
    for (size_t i = 0; i < GASPS; i++) {
        for (size_t j = 0; j < GASPS; j++) {
            const struct gasp one = { .kind = gasps[i].kind, .verdict = gasps[i].verdict };
            const struct gasp two = { .kind = gasps[j].kind, .verdict = gasps[j].verdict };
            ck_assert_msg(sign(gasp_weight(&one), gasp_weight(&two)) ==
                              sign(gasps[i].rank, gasps[j].rank),
                          "%s %s and %s %s", gasp_name(&one), verdict_names[one.verdict],
                          gasp_name(&two), verdict_names[two.verdict]);
        }
    }
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("gasp");
    tcase_add_loop_test(cases, a_halt_says_what_the_machine_does_and_who_asked, 0,
                        sizeof(halts) / sizeof(halts[0]));
    tcase_add_test(cases, a_panic_is_not_said_to_be_asked_for);
    tcase_add_test(cases, a_drill_and_late_words_say_whose_they_are);
    tcase_add_test(cases, a_halt_never_speaks_for_a_panic_that_may_be_acted_on);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("gasp", fill);
}
