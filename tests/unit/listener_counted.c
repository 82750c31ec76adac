#include "tests/unit/counted.h"

#include "listener/counts.h"

static void set_up(void)
{
    table_count = 0;
    add_names(count_names, COUNTS);
    add_names(gauge_names, GAUGES);
    add_client(event_base_new(), ROLE_LISTENER, ROLE_CORRELATOR);
}

START_TEST(each_counter_of_the_listener_is_a_metric_or_left_out)
{
    assert_each_counter_is_a_metric_or_left_out(ROLE_LISTENER);
}
END_TEST

START_TEST(each_metric_of_the_listener_is_counted)
{
    assert_each_metric_is_counted(ROLE_LISTENER);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("counted");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, each_counter_of_the_listener_is_a_metric_or_left_out);
    tcase_add_test(tests, each_metric_of_the_listener_is_counted);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("listener counted", fill);
}
