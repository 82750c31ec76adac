#include "tests/unit/unit.h"

#include "common/clock.h"
#include "correlator/sweep.h"

#include <string.h>

#define S      US_PER_SECOND
#define PERIOD (600 * S)

static struct kubelets kubelets;
static struct sweep sweep;
static uint64_t now_us;

static void set_up(void)
{
    kubelets = (struct kubelets){ 0 };
    sweep = (struct sweep){ 0 };
    now_us = 5 * S;
}

static void tear_down(void)
{
    kubelets_free(&kubelets);
}

static void add(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct kubelet kubelet = { .node = kubelets.count };
        kubelets_append(&kubelets, &kubelet);
    }
}

/* Lets SECONDS pass in fifths, as the shell does; returns how often ports were tried, and in *MOST
 * the most in any second. */
static unsigned run(unsigned seconds, unsigned *most)
{
    unsigned tries = 0;
    *most = 0;
    for (unsigned second = 0; second < seconds; second++) {
        unsigned before = tries;
        for (int fifth = 0; fifth < 5; fifth++) {
            now_us += S / 5;
            sweep_pass(&sweep, &kubelets, PERIOD, now_us);
            while (sweep_next(&sweep, &kubelets) != SIZE_MAX)
                tries++;
        }
        if (tries - before > *most)
            *most = tries - before;
    }
    return tries;
}

static const struct {
    unsigned count;
    unsigned first_s;          /* all have been tried once after so long */
    unsigned most_at_start;    /* in a second */
    unsigned in_an_hour, most; /* tries afterwards */
} rows[] = {
    { 1, 1, 2, 6, 1 },
    { 4, 1, 6, 24, 1 },
    { 500, 11, 52, 3000, 2 },
    { 5000, 61, 94, 30000, 10 },
    { 20000, 61, 370, 120000, 35 },
    { 100000, 101, 1170, 600000, 170 },
};

START_TEST(each_port_is_tried_once_a_period_and_at_first_within_a_minute)
{
    unsigned most;
    add(rows[_i].count);
    sweep_pass(&sweep, &kubelets, PERIOD, now_us);
    run(rows[_i].first_s, &most);
    ck_assert_uint_eq(kubelets.untried, 0);
    ck_assert_uint_le(most, rows[_i].most_at_start);
    unsigned tries = run(3600, &most);
    ck_assert_uint_ge(tries, rows[_i].in_an_hour - 1);
    ck_assert_uint_le(tries, rows[_i].in_an_hour + 1);
    ck_assert_uint_le(most, rows[_i].most);
}
END_TEST

START_TEST(no_port_is_left_out)
{
    enum { COUNT = 20000 };
    static unsigned char tried[COUNT];
    unsigned most;
    add(COUNT);
    run(70, &most);
    memset(tried, 0, sizeof(tried));
    for (uint64_t end_us = now_us + PERIOD; now_us < end_us;) {
        now_us += S / 5;
        sweep_pass(&sweep, &kubelets, PERIOD, now_us);
        for (size_t at; (at = sweep_next(&sweep, &kubelets)) != SIZE_MAX;)
            tried[kubelets.all[at].node]++;
    }
    ck_assert_ptr_null(memchr(tried, 0, sizeof(tried)));
    ck_assert_ptr_null(memchr(tried, 2, sizeof(tried)));
}
END_TEST

START_TEST(a_new_node_is_tried_soon)
{
    unsigned most;
    add(5000);
    run(70, &most);
    add(1);
    run(1, &most);
    ck_assert_uint_eq(kubelets.untried, 0);
}
END_TEST

START_TEST(nothing_is_made_up_for_after_a_gap)
{
    unsigned most;
    add(5000);
    run(70, &most);
    now_us += 3600 * S;
    ck_assert_uint_le(run(1, &most), 20);
}
END_TEST

START_TEST(an_empty_cluster_is_no_work)
{
    unsigned most;
    ck_assert_uint_eq(run(10, &most), 0);
}
END_TEST

START_TEST(nodes_may_go_at_any_time)
{
    unsigned most;
    add(100);
    run(1, &most);
    kubelets.count = 10;
    kubelets.untried = 0;
    for (size_t at = 0; at < kubelets.count; at++)
        kubelets.untried += !kubelets.all[at].tried;
    run(1200, &most);
    ck_assert_uint_eq(kubelets.untried, 0);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("sweep");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, each_port_is_tried_once_a_period_and_at_first_within_a_minute, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(cases, no_port_is_left_out);
    tcase_add_test(cases, a_new_node_is_tried_soon);
    tcase_add_test(cases, nothing_is_made_up_for_after_a_gap);
    tcase_add_test(cases, an_empty_cluster_is_no_work);
    tcase_add_test(cases, nodes_may_go_at_any_time);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("sweep", fill);
}
