#include "listener/nodes.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct address_sets *sets;
static struct nodes *nodes;

static void setup(void)
{
    sets = calloc(1, sizeof(*sets));
    nodes = nodes_new(sets);
}

static void teardown(void)
{
    nodes_free(nodes);
    free(sets);
}

/* TEXTS: addresses with a space between them. */
static bool follow(enum sources_op op, const char *texts, size_t *refused)
{
    char copy[256];
    const char *line[16];
    size_t count = 0;
    snprintf(copy, sizeof(copy), "%s", texts);
    for (char *at = strtok(copy, " "); at; at = strtok(NULL, " "))
        line[count++] = at;
    struct sources record = { .op = op, .addresses = { count, line } };
    return nodes_follow(nodes, &record, refused);
}

static bool have(const char *text)
{
    struct address address;
    ck_assert(address_parse(text, &address));
    return nodes_have(nodes, &address);
}

static void tell(const char *texts)
{
    size_t refused;
    follow(SOURCES_BEGIN, "", &refused);
    follow(SOURCES_ADD, texts, &refused);
    ck_assert(follow(SOURCES_END, "", &refused));
    ck_assert_uint_eq(refused, 0);
}

START_TEST(at_first_nobody_is_a_node)
{
    ck_assert(!have("10.0.0.1"));
    ck_assert_uint_eq(nodes_count(nodes), 0);
}
END_TEST

START_TEST(a_set_counts_once_it_is_whole)
{
    size_t refused;
    tell("10.0.0.1 10.0.0.2");
    ck_assert(!follow(SOURCES_BEGIN, "10.0.0.3", &refused));
    ck_assert(!follow(SOURCES_ADD, "10.0.0.4 fd00::1", &refused));
    ck_assert(have("10.0.0.1") && !have("10.0.0.3") && !have("10.0.0.4"));
    ck_assert(follow(SOURCES_END, "10.0.0.5", &refused));
    ck_assert(!have("10.0.0.1"));
    ck_assert(have("10.0.0.3") && have("10.0.0.4") && have("10.0.0.5") && have("fd00::1"));
}
END_TEST

START_TEST(a_set_that_was_broken_off_is_begun_anew)
{
    size_t refused;
    tell("10.0.0.1");
    follow(SOURCES_BEGIN, "10.0.0.8", &refused);
    tell("10.0.0.2");
    ck_assert(have("10.0.0.2") && !have("10.0.0.1") && !have("10.0.0.8"));
}
END_TEST

START_TEST(changes_apply_at_once)
{
    size_t refused;
    tell("10.0.0.1 10.0.0.2 10.0.0.3");
    ck_assert(follow(SOURCES_ADD, "10.0.0.4 10.0.0.1", &refused));
    ck_assert(follow(SOURCES_REMOVE, "10.0.0.2 10.0.0.9", &refused));
    ck_assert(have("10.0.0.1") && have("10.0.0.3") && have("10.0.0.4") && !have("10.0.0.2"));
    ck_assert_uint_eq(nodes_count(nodes), 3);
}
END_TEST

START_TEST(an_end_without_a_beginning_loses_nothing)
{
    size_t refused;
    tell("10.0.0.1");
    follow(SOURCES_END, "", &refused);
    ck_assert(have("10.0.0.1"));
}
END_TEST

START_TEST(what_is_no_address_is_refused)
{
    size_t refused;
    ck_assert(follow(SOURCES_ADD, "10.0.0.1 nonsense 10.0.0", &refused));
    ck_assert_uint_eq(refused, 2);
    ck_assert(have("10.0.0.1"));
}
END_TEST

START_TEST(a_restart_knows_the_last_whole_set)
{
    size_t refused;
    tell("10.0.0.1 fd00::1");
    follow(SOURCES_BEGIN, "10.0.0.2", &refused);
    nodes_free(nodes);
    nodes = nodes_new(sets);
    ck_assert(have("10.0.0.1") && have("fd00::1") && !have("10.0.0.2"));
    ck_assert(follow(SOURCES_ADD, "10.0.0.7", &refused));
    ck_assert(have("10.0.0.7"));
}
END_TEST

START_TEST(two_addresses_each_of_a_hundred_thousand_nodes_are_told_apart)
{
    size_t refused, refused_all = 0;
    ck_assert_uint_gt(PENDING_ADDRESSES, 2 * 100000);
    char text[32];
    follow(SOURCES_BEGIN, "", &refused);
    for (unsigned i = 0; i < PENDING_ADDRESSES + 10; i++) {
        snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        follow(SOURCES_ADD, text, &refused);
        refused_all += refused;
    }
    ck_assert(follow(SOURCES_END, "", &refused));
    ck_assert_uint_eq(refused_all, 10);
    ck_assert_uint_eq(nodes_count(nodes), PENDING_ADDRESSES);
    ck_assert(have("10.0.0.0") && have("10.3.255.255") && !have("10.4.0.0") && !have("11.0.0.0"));
}
END_TEST

static void fill(Suite *suite)
{
    TCase *set = tcase_create("set");
    tcase_add_checked_fixture(set, setup, teardown);
    tcase_add_test(set, at_first_nobody_is_a_node);
    tcase_add_test(set, a_set_counts_once_it_is_whole);
    tcase_add_test(set, a_set_that_was_broken_off_is_begun_anew);
    tcase_add_test(set, changes_apply_at_once);
    tcase_add_test(set, an_end_without_a_beginning_loses_nothing);
    tcase_add_test(set, what_is_no_address_is_refused);
    tcase_add_test(set, a_restart_knows_the_last_whole_set);
    tcase_add_test(set, two_addresses_each_of_a_hundred_thousand_nodes_are_told_apart);
    suite_add_tcase(suite, set);
}

int main(void)
{
    return unit_run("listener nodes", fill);
}
