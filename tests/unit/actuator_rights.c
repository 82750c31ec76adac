#include "actuator/rights.h"

#include "tests/unit/unit.h"

#define NONE RIGHT_HISTORY
#define TELL RIGHT_TELL
#define CORD RIGHT_CORDON
#define GONE RIGHT_REMOVE

/* What design.md says, written out by hand: a row a verdict, a column a state of the Lease. */
static const struct {
    enum verdict verdict;
    bool accept_unverified;
    enum right by_lease[LEASE_STATES]; /* unknown, alive, lapsed, lost before, missing */
} rows[] = {
    { VERDICT_UNVERIFIED, false, { NONE, NONE, NONE, NONE, NONE } },
    { VERDICT_UNVERIFIED, true, { GONE, GONE, GONE, GONE, GONE } },
    { VERDICT_SILENT, false, { CORD, CORD, GONE, CORD, CORD } },
    { VERDICT_SILENT, true, { CORD, CORD, GONE, CORD, CORD } },
    { VERDICT_UNPROBABLE, false, { NONE, NONE, GONE, NONE, NONE } },
    { VERDICT_UNPROBABLE, true, { NONE, NONE, GONE, NONE, NONE } },
    { VERDICT_REBOOTED, false, { TELL, TELL, TELL, TELL, TELL } },
    { VERDICT_REBOOTED, true, { TELL, TELL, TELL, TELL, TELL } },
    { VERDICT_RECREATED, false, { TELL, TELL, TELL, TELL, TELL } },
    { VERDICT_RECREATED, true, { TELL, TELL, TELL, TELL, TELL } },
    { VERDICT_EXPIRED, false, { NONE, NONE, NONE, NONE, NONE } },
    { VERDICT_EXPIRED, true, { NONE, NONE, NONE, NONE, NONE } },
    { VERDICT_MISMATCH, false, { NONE, NONE, NONE, NONE, NONE } },
    { VERDICT_MISMATCH, true, { NONE, NONE, NONE, NONE, NONE } },
    { VERDICT_DRILL, false, { TELL, TELL, TELL, TELL, TELL } },
    { VERDICT_DRILL, true, { TELL, TELL, TELL, TELL, TELL } },
    { VERDICT_LATE, false, { TELL, TELL, TELL, TELL, TELL } },
    { VERDICT_LATE, true, { TELL, TELL, TELL, TELL, TELL } },
    { VERDICT_REPORTED, false, { TELL, TELL, TELL, TELL, TELL } },
    { VERDICT_REPORTED, true, { TELL, TELL, TELL, TELL, TELL } },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

START_TEST(no_cell_gives_more_than_the_specification)
{
    for (unsigned lease = 0; lease < LEASE_STATES; lease++) {
        enum right should = rows[_i].by_lease[lease];
        enum right is = rights_of(rows[_i].verdict, lease, rows[_i].accept_unverified);
        ck_assert_msg(is == should, "%s, Lease %s: %s instead of %s",
                      verdict_names[rows[_i].verdict], lease_state_names[lease], right_names[is],
                      right_names[should]);
    }
}
END_TEST

START_TEST(every_verdict_is_in_the_table)
{
    size_t verdicts = 0;

    while (verdict_names[verdicts])
        verdicts++;
    ck_assert_uint_eq(ROWS, 2 * verdicts);
}
END_TEST

START_TEST(the_lease_is_read_where_it_makes_a_difference)
{
    bool probed = rows[_i].verdict == VERDICT_SILENT || rows[_i].verdict == VERDICT_UNPROBABLE;

    ck_assert_int_eq(rights_need_lease(rows[_i].verdict, rows[_i].accept_unverified), probed);
}
END_TEST

START_TEST(words_never_say_more_than_what_was_judged)
{
    static const enum verdict words[] = { VERDICT_DRILL, VERDICT_LATE };

    for (size_t i = 0; i < 2; i++) {
        ck_assert(rights_only_tell(words[i]));
        for (enum verdict before = 0; verdict_names[before]; before++)
            ck_assert(!rights_say_more(words[i], CAUSE_KERNEL_PANIC, before, CAUSE_KERNEL_PANIC));
    }
}
END_TEST

/* By how much they rest on: what is later in this list says more than what is before. */
START_TEST(a_probed_verdict_says_more_than_one_that_is_not)
{
    static const enum verdict order[] = { VERDICT_MISMATCH, VERDICT_REPORTED, VERDICT_UNVERIFIED,
                                          VERDICT_UNPROBABLE, VERDICT_SILENT };
    const enum cause panic = CAUSE_KERNEL_PANIC, halt = CAUSE_HALT;

    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 5; j++) {
            ck_assert_int_eq(rights_say_more(order[i], panic, order[j], panic), i > j);
            ck_assert_int_eq(rights_say_more(order[i], halt, order[j], halt), i > j);
            ck_assert_int_eq(rights_say_more(order[i], panic, order[j], halt), i > 0);
            /* Only of a machine whose panic gave no right: that was of another one, say. */
            ck_assert_int_eq(rights_say_more(order[i], halt, order[j], panic), i > 0 && j == 0);
        }
    }
}
END_TEST

static void fill(Suite *suite)
{
    TCase *rights = tcase_create("rights");
    tcase_add_loop_test(rights, no_cell_gives_more_than_the_specification, 0, ROWS);
    tcase_add_test(rights, every_verdict_is_in_the_table);
    tcase_add_loop_test(rights, the_lease_is_read_where_it_makes_a_difference, 0, ROWS);
    tcase_add_test(rights, words_never_say_more_than_what_was_judged);
    tcase_add_test(rights, a_probed_verdict_says_more_than_one_that_is_not);
    suite_add_tcase(suite, rights);
}

int main(void)
{
    return unit_run("rights", fill);
}
