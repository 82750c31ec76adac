#include "tests/unit/unit.h"

#include "common/clock.h"
#include "correlator/probe.h"
#include "correlator/quorum.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Nodes 1 to 6 are 127.0.0.1 to 127.0.0.6, which all listen; node 9 is the silent one. */
#define NEED  (3 * US_PER_SECOND)
#define LATER (10 * US_PER_SECOND) /* nobody has answered for so long by then */

static const struct settle_times times = { .settle_us = NEED, .baseline_us = US_PER_MINUTE };

static struct event_base *base;
static struct prober *prober;
static struct kubelets kubelets;
static struct witnesses *witnesses;
static struct quorum quorum;
static char suspects[16];
static uint64_t start_us;
static uint16_t port;
static int listener;

static bool is_suspect(void *arg, uint64_t node)
{
    (void)arg;
    return strchr(suspects, '0' + (int)node) != NULL;
}

static const struct witness_rules rules = { US_PER_MINUTE, is_suspect, NULL };

static void on_heard(void *arg, struct probe_list *list, enum probe_use use,
                     const struct probe_result *result)
{
    (void)arg, (void)list;
    ck_assert_int_eq(use, PROBE_WITNESS);
    if (result->answer == ANSWER_YES)
        witnesses_heard(witnesses, result);
}

static void set_up(void)
{
    struct sockaddr_storage name;
    socklen_t size = address_parse_endpoint("0.0.0.0:0", &name);
    struct address any;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&name, size), 0);
    ck_assert_int_eq(listen(listener, 64), 0);
    getsockname(listener, (struct sockaddr *)&name, &size);
    ck_assert(address_of_sockaddr(&name, &any, &port));
    base = event_base_new();
    prober = prober_new(base, 256, on_heard, NULL);
    witnesses = witnesses_new(prober, &kubelets, &times, &rules);
    quorum = (struct quorum){ .count = 0 };
    memset(suspects, 0, sizeof(suspects));
    start_us = clock_monotonic_us();
}

static void tear_down(void)
{
    quorum_release(&quorum, witnesses);
    witnesses_free(witnesses);
    prober_free(prober);
    event_base_free(base);
    kubelets_free(&kubelets);
    close(listener);
}

/* Nodes FIRST to LAST, which answered just now. */
static void add_nodes(unsigned first, unsigned last)
{
    for (unsigned node = first; node <= last; node++) {
        struct kubelet kubelet = { .node = node, .port = port, .answered_us = start_us };
        char text[ADDRESS_TEXT_SIZE];
        snprintf(text, sizeof(text), "127.0.0.%u", node);
        ck_assert(address_parse(text, &kubelet.address));
        kubelets_append(&kubelets, &kubelet);
    }
    witnesses_rest(witnesses);
}

/* The search at NOW_US, and the answers of those that it finds. */
static void see_to(uint64_t now_us)
{
    struct address address;
    ck_assert(address_parse("127.0.0.0", &address));
    struct witness_search search = { .address = &address, .node = 9, .answered_us = start_us };
    quorum_see_to(&quorum, witnesses, &search, NEED, now_us);
    event_base_dispatch(base);
}

static void expect(uint64_t now_us, unsigned count, unsigned answering, bool enough)
{
    struct settle_witnesses tally = quorum_ask(&quorum, NEED, now_us);
    ck_assert_uint_eq(tally.count, count);
    ck_assert_uint_eq(tally.answering, answering);
    ck_assert(tally.enough == enough);
}

START_TEST(the_nearest_four_answer)
{
    add_nodes(1, 6);
    see_to(start_us);
    expect(clock_monotonic_us(), 4, 4, true);
}
END_TEST

START_TEST(who_is_silent_goes_on_being_one_however_old_its_baseline)
{
    add_nodes(1, 4);
    see_to(start_us);
    struct quorum before = quorum;
    for (size_t at = 0; at < kubelets.count; at++)
        kubelets.all[at].answered_us = 0;
    witnesses_rest(witnesses);
    see_to(clock_monotonic_us() + LATER);
    ck_assert_mem_eq(before.of, quorum.of, sizeof(before.of));
    expect(clock_monotonic_us() + LATER, 4, 0, false);
}
END_TEST

START_TEST(who_panicked_and_is_silent_is_replaced)
{
    add_nodes(1, 6);
    see_to(start_us);
    struct quorum before = quorum;
    strcpy(suspects, "12");
    see_to(clock_monotonic_us() + LATER);
    ck_assert_ptr_eq(quorum.of[0], before.of[2]);
    ck_assert_ptr_eq(quorum.of[1], before.of[3]);
    expect(clock_monotonic_us(), 4, 4, true);
}
END_TEST

START_TEST(who_is_said_to_have_panicked_but_answers_stays)
{
    add_nodes(1, 6);
    see_to(start_us);
    struct quorum before = quorum;
    strcpy(suspects, "1234");
    see_to(clock_monotonic_us() + NEED / 2 - US_PER_SECOND / 5);
    ck_assert_mem_eq(before.of, quorum.of, sizeof(before.of));
}
END_TEST

START_TEST(who_booted_again_is_replaced)
{
    add_nodes(1, 4);
    see_to(start_us);
    kubelets_free(&kubelets);
    add_nodes(5, 6);
    see_to(clock_monotonic_us() + LATER);
    expect(clock_monotonic_us(), 2, 2, true);
}
END_TEST

START_TEST(free_places_are_filled_when_too_few_answer)
{
    add_nodes(1, 1);
    see_to(start_us);
    expect(clock_monotonic_us() + LATER, 1, 0, false);
    add_nodes(2, 4);
    see_to(clock_monotonic_us() + LATER);
    expect(clock_monotonic_us(), 4, 4, true);
}
END_TEST

START_TEST(nobody_is_searched_for_more_than_once_a_second)
{
    see_to(start_us);
    add_nodes(1, 4);
    see_to(start_us + US_PER_SECOND - 1);
    expect(clock_monotonic_us(), 0, 0, false);
    see_to(start_us + US_PER_SECOND);
    expect(clock_monotonic_us(), 4, 4, true);
}
END_TEST

START_TEST(an_answer_older_than_half_the_settling_time_is_none)
{
    add_nodes(1, 2);
    see_to(start_us);
    expect(start_us + NEED / 2, 2, 2, true);
    expect(clock_monotonic_us() + NEED / 2 + 1, 2, 0, false);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("quorum");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, the_nearest_four_answer);
    tcase_add_test(cases, who_is_silent_goes_on_being_one_however_old_its_baseline);
    tcase_add_test(cases, who_panicked_and_is_silent_is_replaced);
    tcase_add_test(cases, who_is_said_to_have_panicked_but_answers_stays);
    tcase_add_test(cases, who_booted_again_is_replaced);
    tcase_add_test(cases, free_places_are_filled_when_too_few_answer);
    tcase_add_test(cases, nobody_is_searched_for_more_than_once_a_second);
    tcase_add_test(cases, an_answer_older_than_half_the_settling_time_is_none);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("quorum", fill);
}
