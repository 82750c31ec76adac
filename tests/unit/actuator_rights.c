#include "actuator/rights.h"

#include "tests/unit/unit.h"

/* Every cell of the table, written out by hand. */
static const struct {
    enum verdict verdict;
    enum cause cause;
    bool accept_unverified;
    enum right right;
} cells[] = {
    { VERDICT_UNVERIFIED, CAUSE_KERNEL_PANIC, false, RIGHT_HISTORY },
    { VERDICT_UNVERIFIED, CAUSE_KERNEL_PANIC, true, RIGHT_REMOVE },
    { VERDICT_UNVERIFIED, CAUSE_HALT, false, RIGHT_HISTORY },
    { VERDICT_UNVERIFIED, CAUSE_HALT, true, RIGHT_HISTORY },
    { VERDICT_SILENT, CAUSE_KERNEL_PANIC, false, RIGHT_HISTORY },
    { VERDICT_SILENT, CAUSE_KERNEL_PANIC, true, RIGHT_HISTORY },
    { VERDICT_UNPROBABLE, CAUSE_KERNEL_PANIC, false, RIGHT_HISTORY },
    { VERDICT_UNPROBABLE, CAUSE_KERNEL_PANIC, true, RIGHT_HISTORY },
    { VERDICT_REBOOTED, CAUSE_KERNEL_PANIC, false, RIGHT_HISTORY },
    { VERDICT_REBOOTED, CAUSE_KERNEL_PANIC, true, RIGHT_HISTORY },
    { VERDICT_RECREATED, CAUSE_KERNEL_PANIC, false, RIGHT_HISTORY },
    { VERDICT_RECREATED, CAUSE_KERNEL_PANIC, true, RIGHT_HISTORY },
    { VERDICT_EXPIRED, CAUSE_KERNEL_PANIC, false, RIGHT_HISTORY },
    { VERDICT_EXPIRED, CAUSE_KERNEL_PANIC, true, RIGHT_HISTORY },
    { VERDICT_MISMATCH, CAUSE_KERNEL_PANIC, false, RIGHT_HISTORY },
    { VERDICT_MISMATCH, CAUSE_KERNEL_PANIC, true, RIGHT_HISTORY },
};

START_TEST(no_verdict_gives_more_than_its_row)
{
    ck_assert_int_eq(
        rights_of(cells[_i].verdict, cells[_i].cause, cells[_i].accept_unverified),
        cells[_i].right);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *rights = tcase_create("rights");
    tcase_add_loop_test(rights, no_verdict_gives_more_than_its_row, 0,
                        sizeof(cells) / sizeof(cells[0]));
    suite_add_tcase(suite, rights);
}

int main(void)
{
    return unit_run("rights", fill);
}
