#include "tests/unit/unit.h"

#include "common/steps.h"

#include <string.h>

#define RECEIVED_US UINT64_C(1795000000000000)

static struct steps steps;

static void set_up(void)
{
    steps = (struct steps){ 0 };
}

static const struct {
    uint64_t took_us;
    const char *bound;
} times[] = {
    { 0, "0.001" },
    { 1000, "0.001" },
    { 1001, "0.005" },
    { 999999, "1" },
    { 1000000, "1" },
    { 3000000, "3" },
    { 3000001, "4" },
    { 17560000, "20" },
    { 900000000, "900" },
    { 900000001, "+Inf" },
    { UINT64_C(1) << 50, "+Inf" },
};

START_TEST(a_time_counts_in_the_smallest_bound_that_it_is_not_over)
{
    steps_note(&steps, STEP_TOLD, RECEIVED_US, RECEIVED_US + times[_i].took_us);
    for (size_t at = 0; at <= STEP_BOUNDS; at++)
        ck_assert_uint_eq(steps.counts[STEP_TOLD][at],
                          strcmp(step_bounds[at], times[_i].bound) == 0);
    ck_assert_uint_eq(steps.sums_us[STEP_TOLD], times[_i].took_us);
    ck_assert_uint_eq(steps.sums_us[STEP_CLOSED], 0);
}
END_TEST

START_TEST(a_clock_that_was_set_back_makes_it_no_time)
{
    steps_note(&steps, STEP_KNOWN, RECEIVED_US, RECEIVED_US - 1000000);
    ck_assert_uint_eq(steps.counts[STEP_KNOWN][0], 1);
    ck_assert_uint_eq(steps.sums_us[STEP_KNOWN], 0);
}
END_TEST

START_TEST(they_come_out_of_a_record_as_they_went_in)
{
    struct arena arena = { 0 };
    struct count first = { "intents", 7 };
    struct counts counts = { 1, &first };
    struct steps taken = { 0 };
    for (unsigned step = 0; step < STEPS; step++) {
        for (uint64_t ms = 1; ms < 2000000; ms = ms * 3 + step)
            steps_note(&steps, step, RECEIVED_US, RECEIVED_US + ms * 1000);
    }
    steps_record(&steps, &arena, &counts);
    ck_assert_str_eq(counts.item[0].name, "intents");
    ck_assert_uint_eq(counts.item[0].value, 7);
    ck_assert(!steps_take(&taken, &counts.item[0]));
    for (size_t i = 1; i < counts.count; i++)
        ck_assert_msg(steps_take(&taken, &counts.item[i]), "%s", counts.item[i].name);
    ck_assert_mem_eq(&taken, &steps, sizeof(steps));
    arena_free(&arena);
}
END_TEST

static const char *const others[] = { "told",           "told_",       "told_le_",
                                      "told_le_0.0010", "told_le_2.5", "told_sum",
                                      "closed_deleted", "le_0.001",    "" };

START_TEST(what_is_no_counter_of_a_step_is_not_taken)
{
    const struct count count = { others[_i], 1 };
    ck_assert(!steps_take(&steps, &count));
}
END_TEST

START_TEST(nothing_noted_adds_nothing_to_a_record)
{
    struct arena arena = { 0 };
    struct counts counts = { 0 };
    steps_record(&steps, &arena, &counts);
    ck_assert_uint_eq(counts.count, 0);
    arena_free(&arena);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("steps");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_loop_test(tests, a_time_counts_in_the_smallest_bound_that_it_is_not_over, 0,
                        sizeof(times) / sizeof(times[0]));
    tcase_add_test(tests, a_clock_that_was_set_back_makes_it_no_time);
    tcase_add_test(tests, they_come_out_of_a_record_as_they_went_in);
    tcase_add_loop_test(tests, what_is_no_counter_of_a_step_is_not_taken, 0,
                        sizeof(others) / sizeof(others[0]));
    tcase_add_test(tests, nothing_noted_adds_nothing_to_a_record);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("common steps", fill);
}
