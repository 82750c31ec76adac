#include "tests/unit/unit.h"

#include "correlator/stages.h"

#include <event2/buffer.h>
#include <string.h>

#define NOW_US (1000 * US_PER_SECOND)

static struct stages *stages;
static struct evbuffer *out;
static int one, other, actuator; /* peers */

static void set_up(void)
{
    stages = stages_new();
    out = evbuffer_new();
}

static void tear_down(void)
{
    stages_free(stages);
    evbuffer_free(out);
}

static void take(enum role of, const void *peer, const char *name, uint64_t value, uint64_t now_us)
{
    const struct count count = { name, value };
    stages_take(stages, of, peer, &(struct counts){ 1, &count }, now_us);
}

static const char *printed(uint64_t now_us)
{
    evbuffer_drain(out, evbuffer_get_length(out));
    stages_print(stages, now_us, out);
    evbuffer_add(out, "", 1);
    return (const char *)evbuffer_pullup(out, -1);
}

#define ck_assert_has(text, words)   ck_assert_msg(strstr(text, words) != NULL, "%s", text)
#define ck_assert_lacks(text, words) ck_assert_msg(strstr(text, words) == NULL, "%s", text)

START_TEST(nobody_there_is_no_metric)
{
    ck_assert_str_eq(printed(NOW_US), "");
}
END_TEST

START_TEST(a_counter_is_printed_with_words_and_type_and_what_was_not_said_is_zero)
{
    take(ROLE_CORRELATOR, &one, "held", 7, NOW_US);
    const char *text = printed(NOW_US);
    ck_assert_has(text, "\n# HELP lastgasp_correlator_held_total Panics held for want of a map, or "
                        "of a Node.\n"
                        "# TYPE lastgasp_correlator_held_total counter\n"
                        "lastgasp_correlator_held_total 7\n");
    ck_assert_has(text, "\nlastgasp_correlator_panics_total 0\n");
    ck_assert_lacks(text, "lastgasp_listener_");
    ck_assert_lacks(text, "lastgasp_actuator_");
}
END_TEST

START_TEST(microseconds_are_printed_as_seconds)
{
    take(ROLE_ACTUATOR, &actuator, "commits_us", 12000345, NOW_US);
    ck_assert_has(printed(NOW_US), "\nlastgasp_actuator_commit_seconds_total 12.000345\n");
}
END_TEST

START_TEST(a_name_that_several_stages_share_is_described_once)
{
    take(ROLE_CORRELATOR, &one, "upstream_peers", 1, NOW_US);
    take(ROLE_ACTUATOR, &actuator, "upstream_peers", 2, NOW_US);
    const char *text = printed(NOW_US);
    ck_assert_has(text, "# TYPE lastgasp_upstream_peers_total counter\n"
                        "lastgasp_upstream_peers_total{stage=\"correlator\"} 1\n"
                        "lastgasp_upstream_peers_total{stage=\"actuator\"} 2\n"
                        "# HELP lastgasp_upstream_packets_total");
}
END_TEST

/* Its first row is the correlator's. */
START_TEST(it_is_described_also_when_only_a_later_row_has_a_sample)
{
    take(ROLE_ACTUATOR, &actuator, "upstream_peers", 2, NOW_US);
    ck_assert_has(printed(NOW_US), "# TYPE lastgasp_upstream_peers_total counter\n"
                                   "lastgasp_upstream_peers_total{stage=\"actuator\"} 2\n");
}
END_TEST

START_TEST(a_histogram_is_cumulative)
{
    const struct count counts[] = {
        { "told_le_3", 2 }, { "told_le_4", 1 }, { "told_le_+Inf", 1 }, { "told_sum_us", 1009500000 }
    };
    stages_take(stages, ROLE_ACTUATOR, &actuator, &(struct counts){ 4, counts }, NOW_US);
    const char *text = printed(NOW_US);
    ck_assert_has(text, "lastgasp_panic_to_step_seconds_bucket{step=\"told\",le=\"2\"} 0\n"
                        "lastgasp_panic_to_step_seconds_bucket{step=\"told\",le=\"3\"} 2\n"
                        "lastgasp_panic_to_step_seconds_bucket{step=\"told\",le=\"4\"} 3\n");
    ck_assert_has(text, "lastgasp_panic_to_step_seconds_bucket{step=\"told\",le=\"900\"} 3\n"
                        "lastgasp_panic_to_step_seconds_bucket{step=\"told\",le=\"+Inf\"} 4\n"
                        "lastgasp_panic_to_step_seconds_sum{step=\"told\"} 1009.500000\n"
                        "lastgasp_panic_to_step_seconds_count{step=\"told\"} 4\n");
}
END_TEST

START_TEST(listeners_have_numbers_which_the_next_ones_take_over)
{
    take(ROLE_LISTENER, &one, "panics", 5, NOW_US);
    take(ROLE_LISTENER, &other, "panics", 6, NOW_US);
    ck_assert_has(printed(NOW_US), "\nlastgasp_listener_panics_total{listener=\"0\"} 5\n"
                                   "lastgasp_listener_panics_total{listener=\"1\"} 6\n");
    ck_assert_uint_eq(stages_count(stages, ROLE_LISTENER, NOW_US), 2);
    stages_forget(stages, &one);
    ck_assert_uint_eq(stages_count(stages, ROLE_LISTENER, NOW_US), 1);
    const char *text = printed(NOW_US);
    ck_assert_has(text, "\nlastgasp_listener_panics_total{listener=\"1\"} 6\n");
    ck_assert_lacks(text, "listener=\"0\"");
    take(ROLE_LISTENER, &actuator, "panics", 1, NOW_US);
    ck_assert_has(printed(NOW_US), "\nlastgasp_listener_panics_total{listener=\"0\"} 1\n"
                                   "lastgasp_listener_panics_total{listener=\"1\"} 6\n");
}
END_TEST

START_TEST(labels_of_its_own_come_before_a_listeners_number)
{
    take(ROLE_LISTENER, &one, "datagrams_basic", 37, NOW_US);
    ck_assert_has(printed(NOW_US),
                  "\nlastgasp_listener_datagrams_total{kind=\"basic\",listener=\"0\"} 37\n");
}
END_TEST

START_TEST(what_was_not_said_again_is_stale)
{
    take(ROLE_ACTUATOR, &actuator, "intents", 5, NOW_US);
    ck_assert_has(printed(NOW_US + STAGES_FRESH_US - 1), "lastgasp_actuator_intents_total 5\n");
    ck_assert_str_eq(printed(NOW_US + STAGES_FRESH_US), "");
    ck_assert_uint_eq(stages_count(stages, ROLE_ACTUATOR, NOW_US + STAGES_FRESH_US), 0);
    take(ROLE_ACTUATOR, &actuator, "intents", 6, NOW_US + STAGES_FRESH_US);
    ck_assert_has(printed(NOW_US + STAGES_FRESH_US), "lastgasp_actuator_intents_total 6\n");
}
END_TEST

START_TEST(what_is_said_anew_takes_the_place_of_all_before)
{
    take(ROLE_ACTUATOR, &actuator, "intents", 5, NOW_US);
    take(ROLE_ACTUATOR, &actuator, "retracts", 1, NOW_US);
    const char *text = printed(NOW_US);
    ck_assert_has(text, "lastgasp_actuator_intents_total 0\n");
    ck_assert_has(text, "lastgasp_actuator_retracts_total 1\n");
}
END_TEST

START_TEST(counters_that_we_know_nothing_of_do_no_harm)
{
    take(ROLE_LISTENER, &one, "invented\nlastgasp_evil 1", 5, NOW_US);
    take(ROLE_LISTENER, &other, "incidents_open", 5, NOW_US);
    const char *text = printed(NOW_US);
    ck_assert_lacks(text, "invented");
    ck_assert_lacks(text, "incidents_open");
}
END_TEST

START_TEST(no_more_listeners_are_kept_than_there_is_room_for)
{
    char peers[40];
    for (size_t i = 0; i < sizeof(peers); i++)
        take(ROLE_LISTENER, &peers[i], "panics", 1, NOW_US);
    take(ROLE_CORRELATOR, &one, "panics", 1, NOW_US);
    take(ROLE_ACTUATOR, &actuator, "intents", 1, NOW_US);
    ck_assert_uint_eq(stages_count(stages, ROLE_LISTENER, NOW_US), 16);
    ck_assert_uint_eq(stages_count(stages, ROLE_CORRELATOR, NOW_US), 1);
    ck_assert_uint_eq(stages_count(stages, ROLE_ACTUATOR, NOW_US), 1);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("stages");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, nobody_there_is_no_metric);
    tcase_add_test(tests, a_counter_is_printed_with_words_and_type_and_what_was_not_said_is_zero);
    tcase_add_test(tests, microseconds_are_printed_as_seconds);
    tcase_add_test(tests, a_name_that_several_stages_share_is_described_once);
    tcase_add_test(tests, it_is_described_also_when_only_a_later_row_has_a_sample);
    tcase_add_test(tests, a_histogram_is_cumulative);
    tcase_add_test(tests, listeners_have_numbers_which_the_next_ones_take_over);
    tcase_add_test(tests, labels_of_its_own_come_before_a_listeners_number);
    tcase_add_test(tests, what_was_not_said_again_is_stale);
    tcase_add_test(tests, what_is_said_anew_takes_the_place_of_all_before);
    tcase_add_test(tests, counters_that_we_know_nothing_of_do_no_harm);
    tcase_add_test(tests, no_more_listeners_are_kept_than_there_is_room_for);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("correlator stages", fill);
}
