#include "tests/unit/counted.h"

#include "correlator/http.h"
#include "correlator/nodewatch.h"
#include "correlator/pages.h"
#include "correlator/probing.h"
#include "correlator/state.h"

static const struct probing_handler handler;
static const struct http_page no_pages[] = { { NULL } };

static void set_up(void)
{
    struct event_base *base = event_base_new();
    const struct settle_times times = { .sweep_us = 1 };
    const struct counters *probed[PROBING_TABLES];
    table_count = 0;
    add_names(counter_names, COUNTERS);
    add_names(page_gauge_names, PAGE_GAUGES);
    add_client(base, ROLE_CORRELATOR, ROLE_ACTUATOR);
    add_server(base, ROLE_CORRELATOR, ROLE_LISTENER);
    add_table(http_counters(http_new(base, "127.0.0.1:0", no_pages, NULL)));
    add_table(nodewatch_counters(nodewatch_new(base, NULL, "", NULL, NULL)));
    probing_counters(probing_new(base, NULL, &times, &handler, NULL), probed);
    for (size_t i = 0; i < PROBING_TABLES; i++)
        add_table(probed[i]);
}

START_TEST(each_counter_of_the_correlator_is_a_metric_or_left_out)
{
    assert_each_counter_is_a_metric_or_left_out(ROLE_CORRELATOR);
}
END_TEST

START_TEST(each_metric_of_the_correlator_is_counted)
{
    assert_each_metric_is_counted(ROLE_CORRELATOR);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("counted");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, each_counter_of_the_correlator_is_a_metric_or_left_out);
    tcase_add_test(tests, each_metric_of_the_correlator_is_counted);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("correlator counted", fill);
}
