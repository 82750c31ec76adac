#include "tests/unit/correlator_nodemap.h"

#define WINDOW_S 86400

static void hear(const char *address, uint32_t now_s)
{
    struct address heard = address_of(address);
    nodemap_hear(map, &heard, 0, now_s);
}

static uint32_t heard_s(const struct nodemap *of, const char *name)
{
    struct node_facts facts;
    for (uint32_t cursor = 0; nodemap_next_node(of, &cursor, &facts);) {
        if (strcmp(facts.node.name, name) == 0)
            return nodemap_voice(of, cursor).heard_s;
    }
    ck_abort_msg("no node %s", name);
}

START_TEST(a_node_is_heard_by_each_of_its_addresses)
{
    static const char *const addresses[] = { "10.0.0.1", "192.0.2.1", "2001:db8::1" };
    put("a", UID_1, "10.0.0.1 e:192.0.2.1 a:2001:db8::1");
    put("b", UID_2, "10.0.0.2");
    ck_assert_uint_eq(heard_s(map, "a"), 0);
    hear(addresses[_i], 77);
    ck_assert_uint_eq(heard_s(map, "a"), 77);
    ck_assert_uint_eq(heard_s(map, "b"), 0);
}
END_TEST

START_TEST(an_address_that_is_nobodys_is_nobody_heard)
{
    put("a", UID_1, "10.0.0.1");
    put("b", UID_2, "10.0.0.1");
    hear("10.0.0.1", 77);
    hear("10.0.0.9", 77);
    ck_assert_uint_eq(nodemap_count_heard(map, WINDOW_S, 78), 0);
}
END_TEST

START_TEST(those_heard_since_are_counted)
{
    put("a", UID_1, "10.0.0.1");
    put("b", UID_2, "10.0.0.2");
    hear("10.0.0.1", 77);
    hear("10.0.0.2", 78);
    ck_assert_uint_eq(nodemap_count_heard(map, WINDOW_S, 78), 2);
    ck_assert_uint_eq(nodemap_count_heard(map, WINDOW_S, 78 + WINDOW_S), 1);
    ck_assert_uint_eq(nodemap_count_heard(map, WINDOW_S, 79 + WINDOW_S), 0);
    nodemap_remove(map, "b", NULL, NULL);
    ck_assert_uint_eq(nodemap_count_heard(map, WINDOW_S, 78), 1);
}
END_TEST

START_TEST(it_is_remembered_when_the_node_changes_and_not_when_it_is_another)
{
    put("a", UID_1, "10.0.0.1");
    hear("10.0.0.1", 77);
    put("a", UID_1, "10.0.0.1 10.0.0.3");
    ck_assert_uint_eq(heard_s(map, "a"), 77);
    put("a", UID_2, "10.0.0.1 10.0.0.3");
    ck_assert_uint_eq(heard_s(map, "a"), 0);
}
END_TEST

START_TEST(who_takes_a_place_that_became_free_was_not_heard)
{
    put("a", UID_1, "10.0.0.1");
    hear("10.0.0.1", 77);
    nodemap_remove(map, "a", NULL, NULL);
    put("b", UID_2, "10.0.0.2");
    ck_assert_uint_eq(heard_s(map, "b"), 0);
}
END_TEST

START_TEST(a_new_list_takes_over_who_was_heard)
{
    put("a", UID_1, "10.0.0.1");
    put("gone", UID_2, "10.0.0.2");
    put("another", UID_2, "10.0.0.3");
    hear("10.0.0.1", 77);
    hear("10.0.0.2", 78);
    hear("10.0.0.3", 79);
    struct nodemap *next = nodemap_new(43);
    struct node_facts facts = facts_of("another", UID_1, "10.0.0.3");
    nodemap_put(next, &facts, NULL, NULL);
    facts = facts_of("a", UID_1, "10.0.0.4");
    nodemap_put(next, &facts, NULL, NULL);
    nodemap_inherit(next, map);
    ck_assert_uint_eq(heard_s(next, "a"), 77);
    ck_assert_uint_eq(heard_s(next, "another"), 0);
    nodemap_free(next);
}
END_TEST

START_TEST(a_walk_that_is_beyond_a_smaller_map_is_at_its_end)
{
    struct node_facts facts;
    uint32_t cursor = 1000;
    put("a", UID_1, "10.0.0.1");
    ck_assert(!nodemap_next_node(map, &cursor, &facts));
}
END_TEST

/* A heartbeat each 300 s, as it was heard at second 1000000. */
static const struct {
    uint32_t every_s, silent_s;
    bool mute;
} voices[] = {
    { 0, 0, false },       { 0, WINDOW_S, false }, { 0, WINDOW_S + 1, true },
    { 300, 900, false },   { 300, 960, false },    { 300, 961, true },
    { 1, 63, false },      { 1, 64, true },        { 28800, WINDOW_S, false },
    { 28800, WINDOW_S + 1, true },
};

START_TEST(whose_heartbeats_fail_to_come_is_mute_before_the_day_is_over)
{
    const uint32_t heard_at_s = 1000000, now_s = heard_at_s + voices[_i].silent_s;
    struct address address = address_of("10.0.0.1");
    put("a", UID_1, "10.0.0.1");
    put("b", UID_2, "10.0.0.2");
    nodemap_hear(map, &address, voices[_i].every_s, heard_at_s - 1);
    nodemap_hear(map, &address, 0, heard_at_s); /* whatever it says, its heartbeat is still known */
    ck_assert_uint_eq(nodemap_count_heard(map, WINDOW_S, now_s), !voices[_i].mute);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("heard");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_node_is_heard_by_each_of_its_addresses, 0, 3);
    tcase_add_test(tests, an_address_that_is_nobodys_is_nobody_heard);
    tcase_add_test(tests, those_heard_since_are_counted);
    tcase_add_test(tests, it_is_remembered_when_the_node_changes_and_not_when_it_is_another);
    tcase_add_test(tests, who_takes_a_place_that_became_free_was_not_heard);
    tcase_add_test(tests, a_new_list_takes_over_who_was_heard);
    tcase_add_loop_test(tests, whose_heartbeats_fail_to_come_is_mute_before_the_day_is_over, 0,
                        sizeof(voices) / sizeof(voices[0]));
    tcase_add_test(tests, a_walk_that_is_beyond_a_smaller_map_is_at_its_end);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("correlator nodemap heard", fill);
}
