#include "tests/unit/counted.h"

#include "actuator/counts.h"

static void set_up(void)
{
    table_count = 0;
    add_names(count_names, COUNTS);
    add_names(gauge_names, GAUGES);
    add_server(event_base_new(), ROLE_ACTUATOR, ROLE_CORRELATOR);
}

START_TEST(each_counter_of_the_actuator_is_a_metric_or_left_out)
{
    assert_each_counter_is_a_metric_or_left_out(ROLE_ACTUATOR);
}
END_TEST

START_TEST(each_metric_of_the_actuator_is_counted)
{
    assert_each_metric_is_counted(ROLE_ACTUATOR);
}
END_TEST

START_TEST(outcomes_and_modes_are_called_what_they_are)
{
    char name[64];
    for (unsigned outcome = 0; outcome_names[outcome] != NULL; outcome++) {
        snprintf(name, sizeof(name), "closed_%s", outcome_names[outcome]);
        ck_assert_str_eq(count_names[COUNT_CLOSED_AS + outcome], name);
    }
    ck_assert_uint_eq(COUNT_COMMITS, COUNT_CLOSED_AS + OUTCOME_ELSEWHERE + 1);
    ck_assert_ptr_null(outcome_names[OUTCOME_ELSEWHERE + 1]);
    for (unsigned mode = 0; mode_names[mode] != NULL; mode++) {
        snprintf(name, sizeof(name), "mode_%s", mode_names[mode]);
        ck_assert_str_eq(gauge_names[GAUGE_MODE + mode], name);
    }
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("counted");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, each_counter_of_the_actuator_is_a_metric_or_left_out);
    tcase_add_test(tests, each_metric_of_the_actuator_is_counted);
    tcase_add_test(tests, outcomes_and_modes_are_called_what_they_are);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("actuator counted", fill);
}
