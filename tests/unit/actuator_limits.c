#include "actuator/limits.h"

#include "actuator/limits_tally.h"
#include "actuator/limits_window.h"
#include "common/clock.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define START_US (1000 * US_PER_SECOND)
#define S(n)     (START_US + (n)*US_PER_SECOND)

static char why[LIMITS_WHY_SIZE];

static const struct {
    enum limits_rule rule;
    const char *text;
    uint64_t value, window_us; /* 0: refused */
} forms[] = {
    { LIMITS_COUNT, "20/10m", 20, 600 * US_PER_SECOND },
    { LIMITS_COUNT, "2000/1s", 2000, US_PER_SECOND },
    { LIMITS_COUNT, "1/24h", 1, 86400 * US_PER_SECOND },
    { LIMITS_COUNT, "0/10m", 0, 0 },
    { LIMITS_COUNT, "2001/10m", 0, 0 },
    { LIMITS_COUNT, "20", 0, 0 },
    { LIMITS_COUNT, "20/", 0, 0 },
    { LIMITS_COUNT, "/10m", 0, 0 },
    { LIMITS_COUNT, "20%/10m", 0, 0 },
    { LIMITS_COUNT, "20/999ms", 0, 0 },
    { LIMITS_COUNT, "20/25h", 0, 0 },
    { LIMITS_COUNT, "-1/10m", 0, 0 },
    { LIMITS_COUNT, " 20/10m", 0, 0 },
    { LIMITS_COUNT, "", 0, 0 },
    { LIMITS_PERCENT, "10%/10m", 10, 600 * US_PER_SECOND },
    { LIMITS_PERCENT, "100%/1h", 100, 3600 * US_PER_SECOND },
    { LIMITS_PERCENT, "101%/1h", 0, 0 },
    { LIMITS_PERCENT, "10/10m", 0, 0 },
    { LIMITS_PERCENT, "%/10m", 0, 0 },
    { LIMITS_ZONE_PERCENT, "5%/10m", 5, 600 * US_PER_SECOND },
};

START_TEST(a_limit_is_read_or_refused_whole)
{
    struct limit limit = { 0 };
    bool fine = limits_parse(forms[_i].rule, forms[_i].text, &limit, why);

    ck_assert_msg(fine == (forms[_i].window_us > 0), "%s", forms[_i].text);
    if (fine) {
        ck_assert_uint_eq(limit.value, forms[_i].value);
        ck_assert_uint_eq(limit.window_us, forms[_i].window_us);
    } else {
        ck_assert_ptr_nonnull(strstr(why, "1s..24h"));
    }
}
END_TEST

static const struct limits_zone zones[] = { { "a", 100 }, { "b", 10 } };

static const struct {
    uint64_t nodes;
    bool zones_known;
    enum limits_rule rule;
    const char *zone;
    uint64_t allowed;
} counts[] = {
    { 0, false, LIMITS_COUNT, "a", 20 },
    { 110, true, LIMITS_PERCENT, "a", 11 },
    { 5, true, LIMITS_PERCENT, "a", 2 }, /* never below two */
    { 0, true, LIMITS_PERCENT, "a", 0 }, /* not known: none */
    { 110, true, LIMITS_ZONE_PERCENT, "a", 20 },
    { 110, true, LIMITS_ZONE_PERCENT, "b", 2 },
    { 110, true, LIMITS_ZONE_PERCENT, "of nobody", 2 },
    { 110, false, LIMITS_ZONE_PERCENT, "a", 0 },
};

START_TEST(what_is_allowed_follows_the_number_of_nodes)
{
    static const struct limits limits = { { { 20, S(0) }, { 10, S(0) }, { 20, S(0) } } };
    struct limits_sizes sizes = { counts[_i].nodes, counts[_i].zones_known, zones, 2 };

    ck_assert_uint_eq(limits_allowed(&limits, counts[_i].rule, &sizes, counts[_i].zone),
                      counts[_i].allowed);
}
END_TEST

/* What was deleted meanwhile is no Node any more, and does not make it less. */
START_TEST(a_hundred_percent_are_all_there_ever_were)
{
    static const struct limits limits = { { { 20, S(0) }, { 100, S(0) }, { 0 } } };
    struct limits_sizes sizes = { 1, true, zones, 2 };

    ck_assert_uint_eq(limits_allowed(&limits, LIMITS_PERCENT, &sizes, "a"), LIMITS_NODES_MAX);
}
END_TEST

/* 3 nodes a minute, 5% (never below 2) of a zone a minute, of 1,000 nodes. */
static const struct limits three = { { [LIMITS_COUNT] = { 3, 60 * US_PER_SECOND } } };
static const struct limits two_a_zone = { { [LIMITS_COUNT] = { 100, 60 * US_PER_SECOND },
                                            [LIMITS_ZONE_PERCENT] = { 5, 60 * US_PER_SECOND } } };
static const struct limits_sizes sizes = { 1000, true, zones, 2 };

static struct limits_window *window;

static void teardown(void)
{
    limits_window_free(window);
    window = NULL;
}

/* Whether NODE gets in when it asks at NOW. */
static bool gets_in(const char *node, const char *zone, uint64_t now_us)
{
    if (limits_window_touch(window, node, now_us))
        return true;
    limits_window_want(window, node, zone, now_us);
    limits_window_age(window, now_us);
    limits_window_pay(window, &sizes, true, now_us);
    limits_window_paid(window, true, now_us);
    return limits_window_touch(window, node, now_us);
}

START_TEST(no_more_get_in_than_the_limit_until_the_window_slides)
{
    window = limits_window_new(&three);
    ck_assert(gets_in("n1", "", S(0)));
    ck_assert(gets_in("n2", "", S(10)));
    ck_assert(gets_in("n3", "", S(20)));
    ck_assert(!gets_in("n4", "", S(21)));
    ck_assert(!gets_in("n4", "", S(60)));
    /* n1: what it paid at 0 s covers touches until 15 s, and these count for a minute. */
    ck_assert(!gets_in("n4", "", S(74)));
    ck_assert_uint_eq(limits_window_slides_us(window, S(74)), S(75));
    ck_assert(gets_in("n4", "", S(75)));
    ck_assert(!gets_in("n5", "", S(76)));
}
END_TEST

START_TEST(how_many_more_may_be_touched_is_known)
{
    static const struct limits both = { { [LIMITS_COUNT] = { 3, 60 * US_PER_SECOND },
                                          [LIMITS_PERCENT] = { 10, 60 * US_PER_SECOND } } };
    static const struct limits_sizes twenty = { 20, true, zones, 2 }, unknown;

    window = limits_window_new(&both);
    ck_assert_uint_eq(limits_window_room(window, &sizes, S(0)), 3);
    ck_assert_uint_eq(limits_window_room(window, &twenty, S(0)), 2);
    ck_assert_uint_eq(limits_window_room(window, &unknown, S(0)), UINT64_MAX);
    ck_assert(gets_in("n1", "", S(1)));
    ck_assert_uint_eq(limits_window_room(window, &sizes, S(2)), 2);
    ck_assert_uint_eq(limits_window_room(window, &twenty, S(2)), 1);
    ck_assert_uint_eq(limits_window_room(window, &sizes, S(200)), 3);
}
END_TEST

START_TEST(a_node_counts_once_however_often_it_asks)
{
    window = limits_window_new(&three);
    for (unsigned i = 0; i < 100; i++)
        ck_assert(gets_in("n1", "", S(i)));
    ck_assert(gets_in("n2", "", S(100)));
    ck_assert(gets_in("n3", "", S(100)));
    ck_assert(!gets_in("n4", "", S(100)));
    ck_assert_uint_eq(limits_window_touched(window), 3);
}
END_TEST

START_TEST(a_node_that_is_worked_on_stays_in_the_window)
{
    window = limits_window_new(&three);
    ck_assert(gets_in("n1", "", S(0)));
    for (unsigned i = 1; i < 30; i++) {
        ck_assert(limits_window_touch(window, "n1", S(10 * i)));
        limits_window_pay(window, &sizes, true, S(10 * i)); /* what each renewal does */
        limits_window_paid(window, true, S(10 * i));
    }
    ck_assert(gets_in("n2", "", S(290)));
    ck_assert(gets_in("n3", "", S(290)));
    ck_assert(!gets_in("n4", "", S(300)));
}
END_TEST

START_TEST(a_payment_that_was_not_written_lets_nobody_in)
{
    window = limits_window_new(&three);
    limits_window_want(window, "n1", "", S(0));
    limits_window_pay(window, &sizes, true, S(0));
    limits_window_paid(window, false, S(0));
    ck_assert(!limits_window_touch(window, "n1", S(0)));
    ck_assert_uint_eq(limits_window_touched(window), 0);
}
END_TEST

START_TEST(while_it_is_latched_only_who_is_in_the_window_goes_on)
{
    window = limits_window_new(&three);
    ck_assert(gets_in("n1", "", S(0)));
    limits_window_want(window, "n1", "", S(40)); /* the payment no longer covers it */
    limits_window_want(window, "n2", "", S(40));
    ck_assert(limits_window_has_room(window, &sizes, false, S(40)));
    limits_window_pay(window, &sizes, false, S(40));
    limits_window_paid(window, true, S(40));
    ck_assert(limits_window_touch(window, "n1", S(40)));
    ck_assert(!limits_window_touch(window, "n2", S(40)));
    ck_assert(!limits_window_has_room(window, &sizes, false, S(40)));
}
END_TEST

START_TEST(a_payment_is_granted_for_ten_seconds_so_that_an_answer_holds_for_five)
{
    window = limits_window_new(&three);
    ck_assert(gets_in("n1", "", S(0)));
    ck_assert(limits_window_touch(window, "n1", S(10)));
    ck_assert(!limits_window_touch(window, "n1", S(11)));
}
END_TEST

START_TEST(what_stopped_asking_is_not_paid_for)
{
    window = limits_window_new(&three);
    limits_window_want(window, "gone", "", S(0));
    limits_window_pay(window, &sizes, true, S(3));
    limits_window_paid(window, true, S(3));
    ck_assert_uint_eq(limits_window_touched(window), 0);
}
END_TEST

START_TEST(a_full_zone_does_not_hold_another)
{
    window = limits_window_new(&two_a_zone);
    ck_assert(gets_in("b1", "b", S(0)));
    ck_assert(gets_in("b2", "b", S(0)));
    ck_assert(!gets_in("b3", "b", S(0)));
    for (unsigned i = 0; i < 5; i++) {
        char node[8];
        snprintf(node, sizeof(node), "a%u", i);
        ck_assert(gets_in(node, "a", S(0)));
    }
    ck_assert(!gets_in("a9", "a", S(0)));
}
END_TEST

START_TEST(where_the_nodes_cannot_be_counted_nobody_gets_in)
{
    static const struct limits_sizes unknown;
    static const struct limits percent = { { { 20, S(0) }, { 10, S(0) }, { 0, 0 } } };

    window = limits_window_new(&percent);
    limits_window_want(window, "n1", "", S(0));
    ck_assert(!limits_window_has_room(window, &unknown, true, S(0)));
    ck_assert(limits_window_has_room(window, &sizes, true, S(0)));
}
END_TEST

START_TEST(it_latches_when_more_than_twice_the_limit_want_in)
{
    char node[8];

    window = limits_window_new(&three);
    for (unsigned i = 0; i < 6; i++) {
        snprintf(node, sizeof(node), "n%u", i);
        ck_assert(gets_in(node, "", S(i)) == (i < 3));
        ck_assert(!limits_window_overrun(window, &sizes, S(i), why));
    }
    gets_in("n5", "", S(10)); /* not one more */
    ck_assert(!limits_window_overrun(window, &sizes, S(10), why));
    gets_in("n6", "", S(10));
    ck_assert(limits_window_overrun(window, &sizes, S(10), why));
    ck_assert_msg(strstr(why, "7 nodes") && strstr(why, "--limit "), "%s", why);
}
END_TEST

START_TEST(what_wanted_in_long_ago_does_not_latch)
{
    char node[8];

    window = limits_window_new(&three);
    for (unsigned i = 0; i < 12; i++) {
        snprintf(node, sizeof(node), "n%u", i);
        gets_in(node, "", S(i * 25));
        ck_assert(!limits_window_overrun(window, &sizes, S(i * 25), why));
    }
}
END_TEST

START_TEST(another_host_reads_what_this_one_wrote)
{
    window = limits_window_new(&two_a_zone);
    ck_assert(gets_in("n1", "a", S(0)));
    ck_assert(gets_in("n2", "", S(38)));
    char *text = limits_window_print(window, S(42));
    ck_assert_str_eq(text, "n1 42 a\nn2 4\n");

    struct limits_window *other = limits_window_new(&two_a_zone);
    ck_assert(limits_window_read(other, text, S(500)));
    ck_assert_uint_eq(limits_window_touched(other), 2);
    ck_assert_uint_eq(limits_window_slides_us(other, S(500)), S(500 - 42 + 15 + 60));
    ck_assert(limits_window_touch(other, "n2", S(501)));
    free(text);
    limits_window_free(other);
}
END_TEST

START_TEST(what_is_read_never_makes_a_node_older)
{
    window = limits_window_new(&three);
    ck_assert(gets_in("n1", "", S(0)));
    ck_assert(limits_window_read(window, "n1 1000\n", S(5)));
    ck_assert(limits_window_touch(window, "n1", S(5)));
    ck_assert(limits_window_read(window, "n1 2\n", S(40)));
    ck_assert_uint_eq(limits_window_slides_us(window, S(40)), S(38 + 15 + 60));
}
END_TEST

static const char *const broken[] = {
    "n1\n", "n1 x\n", "n1 -3\n", "n1 3 a b\n", "\n", " 3 a\n", "n1 5\nn2\n", "n1 99999999999999\n",
};

START_TEST(an_annotation_that_is_not_ours_is_refused_whole)
{
    window = limits_window_new(&three);
    ck_assert_msg(!limits_window_read(window, broken[_i], S(0)), "%s", broken[_i]);
    ck_assert_uint_eq(limits_window_touched(window), 0);
}
END_TEST

START_TEST(the_annotation_stays_within_what_the_api_server_takes)
{
    static const struct limits many = { { [LIMITS_COUNT] = { 2000, 60 * US_PER_SECOND } } };
    char node[254], zone[64];

    window = limits_window_new(&many);
    memset(zone, 'z', 63);
    zone[63] = '\0';
    for (unsigned i = 0; i < LIMITS_NODES_MAX; i++) {
        memset(node, 'n', 253);
        snprintf(node + 240, 14, "%013u", i);
        limits_window_want(window, node, zone, S(0));
    }
    limits_window_pay(window, &sizes, true, S(0));
    limits_window_paid(window, true, S(0));
    char *text = limits_window_print(window, S(10000));
    ck_assert_uint_le(strlen(text), 200 * 1024);
    ck_assert_uint_ge(strlen(text), 190 * 1024);
    free(text);
}
END_TEST

static const struct {
    const char *body;
    bool fine;
    uint64_t nodes;
} lists[] = {
    { "{\"metadata\":{\"resourceVersion\":\"1\",\"remainingItemCount\":4999},\"items\":[{}]}", true,
      5000 },
    { "{\"metadata\":{},\"items\":[{\"metadata\":{}}]}", true, 1 },
    { "{\"metadata\":{},\"items\":[]}", true, 0 },
    { "{\"metadata\":{\"remainingItemCount\":\"many\"},\"items\":[{}]}", false, 0 },
    { "{\"metadata\":{\"remainingItemCount\":4999},\"items\":[{}", false, 0 },
};

START_TEST(nodes_are_counted_by_one_item_and_what_remains)
{
    uint64_t nodes;

    ck_assert(limits_tally_count(lists[_i].body, strlen(lists[_i].body), &nodes) == lists[_i].fine);
    if (lists[_i].fine)
        ck_assert_uint_eq(nodes, lists[_i].nodes);
}
END_TEST

#define NODE_IN(zone)                                                                              \
    "{\"metadata\":{\"labels\":{\"x\":\"y\",\"topology.kubernetes.io/zone\":\"" zone "\"}}}"
static const char *const pages[] = {
    "{\"metadata\":{\"continue\":\"next\"},\"items\":[" NODE_IN("a") "," NODE_IN("b") "]}",
    "{\"metadata\":{},\"items\":[" NODE_IN("a") ",{\"metadata\":{}}]}",
};

START_TEST(zones_are_counted_over_all_pages)
{
    struct limits_tally *tally = limits_tally_new();
    static const char *const names[] = { "a", "b", "" };
    static const uint64_t nodes[] = { 2, 1, 1 };
    size_t count;

    for (unsigned i = 0; i < 2; i++) {
        limits_tally_begin_page(tally);
        ck_assert(limits_tally_feed(tally, pages[i], 10));
        ck_assert(limits_tally_feed(tally, pages[i] + 10, strlen(pages[i]) - 10));
        ck_assert(limits_tally_end_page(tally));
        ck_assert((limits_tally_continue(tally) != NULL) == (i == 0));
    }
    const struct limits_zone *counted = limits_tally_zones(tally, &count);
    ck_assert_uint_eq(count, 3);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_str_eq(counted[i].name, names[i]);
        ck_assert_uint_eq(counted[i].nodes, nodes[i]);
    }
    limits_tally_free(tally);
}
END_TEST

#define COUNT_OF(array) (int)(sizeof(array) / sizeof((array)[0]))

static void fill(Suite *suite)
{
    TCase *limits = tcase_create("limits");
    tcase_add_loop_test(limits, a_limit_is_read_or_refused_whole, 0, COUNT_OF(forms));
    tcase_add_loop_test(limits, what_is_allowed_follows_the_number_of_nodes, 0, COUNT_OF(counts));
    tcase_add_test(limits, a_hundred_percent_are_all_there_ever_were);
    tcase_add_loop_test(limits, nodes_are_counted_by_one_item_and_what_remains, 0, COUNT_OF(lists));
    tcase_add_test(limits, zones_are_counted_over_all_pages);
    suite_add_tcase(suite, limits);

    TCase *windows = tcase_create("window");
    tcase_add_checked_fixture(windows, NULL, teardown);
    tcase_add_test(windows, no_more_get_in_than_the_limit_until_the_window_slides);
    tcase_add_test(windows, a_node_counts_once_however_often_it_asks);
    tcase_add_test(windows, how_many_more_may_be_touched_is_known);
    tcase_add_test(windows, a_node_that_is_worked_on_stays_in_the_window);
    tcase_add_test(windows, a_payment_that_was_not_written_lets_nobody_in);
    tcase_add_test(windows, while_it_is_latched_only_who_is_in_the_window_goes_on);
    tcase_add_test(windows, a_payment_is_granted_for_ten_seconds_so_that_an_answer_holds_for_five);
    tcase_add_test(windows, what_stopped_asking_is_not_paid_for);
    tcase_add_test(windows, a_full_zone_does_not_hold_another);
    tcase_add_test(windows, where_the_nodes_cannot_be_counted_nobody_gets_in);
    tcase_add_test(windows, it_latches_when_more_than_twice_the_limit_want_in);
    tcase_add_test(windows, what_wanted_in_long_ago_does_not_latch);
    tcase_add_test(windows, another_host_reads_what_this_one_wrote);
    tcase_add_test(windows, what_is_read_never_makes_a_node_older);
    tcase_add_loop_test(windows, an_annotation_that_is_not_ours_is_refused_whole, 0,
                        COUNT_OF(broken));
    tcase_add_test(windows, the_annotation_stays_within_what_the_api_server_takes);
    suite_add_tcase(suite, windows);
}

int main(void)
{
    return unit_run("limits", fill);
}
