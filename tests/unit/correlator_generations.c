#include "tests/unit/unit.h"

#include "correlator/generations.h"

#include <stdio.h>
#include <string.h>

static unsigned replaced, changed;

static void on_replaced(void *arg, const struct nodemap *map)
{
    struct generations *generations = arg;
    ck_assert_ptr_eq(generations->map, map);
    replaced++;
}

static void on_changed(void *arg, const struct address *address, bool claimed)
{
    (void)arg, (void)address, (void)claimed;
    changed++;
}

static char nodes[64];

static void on_node(void *arg, const struct node_facts *was, const struct node_facts *is)
{
    (void)arg;
    size_t used = strlen(nodes);
    snprintf(nodes + used, sizeof(nodes) - used, "%s%s ", was != NULL ? "-" : "",
             is != NULL ? "+" : "");
}

static const struct generations_handler handler = { on_replaced, on_changed, on_node };
static struct generations generations;

static void set_up(void)
{
    replaced = changed = 0;
    nodes[0] = '\0';
    generations_init(&generations, 42, &handler, &generations);
}

static void tear_down(void)
{
    generations_clear(&generations);
}

static void take(enum nodeparse_kind kind, const char *name, bool odd)
{
    struct node_facts facts = { .node = { "", "u", "b" } };
    struct address address = { { [15] = (uint8_t)name[0] } };
    snprintf(facts.node.name, sizeof(facts.node.name), "%s", name);
    node_facts_claim(&facts, &address, NODE_INTERNAL_IP);
    generations_take(&generations,
                     &(struct nodeparse_event){ .kind = kind, .node = &facts, .odd = odd });
}

START_TEST(there_is_no_map_before_the_first_list_is_whole)
{
    ck_assert(generations_begin(&generations));
    take(NODEPARSE_PUT, "a", false);
    ck_assert_ptr_null(generations.map);
    generations_serve(&generations);
    ck_assert_uint_eq(nodemap_count(generations.map), 1);
    ck_assert_uint_eq(replaced, 1);
    ck_assert_uint_eq(changed, 0);
}
END_TEST

START_TEST(the_old_map_serves_until_the_new_one_is_whole)
{
    generations_begin(&generations);
    take(NODEPARSE_PUT, "a", false);
    take(NODEPARSE_PUT, "b", false);
    generations_serve(&generations);
    ck_assert(generations_begin(&generations));
    take(NODEPARSE_PUT, "c", false);
    ck_assert(!generations_begin(&generations));
    ck_assert_uint_eq(nodemap_count(generations.map), 2);
    generations_serve(&generations);
    ck_assert_uint_eq(nodemap_count(generations.map), 1);
    ck_assert_uint_eq(replaced, 2);
    ck_assert_uint_eq(changed, 0);
}
END_TEST

START_TEST(a_list_that_is_abandoned_leaves_nothing)
{
    generations_begin(&generations);
    generations_serve(&generations);
    generations_begin(&generations);
    take(NODEPARSE_PUT, "a", false);
    generations_abandon(&generations);
    ck_assert(generations_begin(&generations));
    generations_serve(&generations);
    ck_assert_uint_eq(nodemap_count(generations.map), 0);
}
END_TEST

START_TEST(a_watch_changes_the_map_that_serves)
{
    generations_begin(&generations);
    generations_serve(&generations);
    take(NODEPARSE_PUT, "a", false);
    ck_assert_uint_eq(nodemap_count(generations.map), 1);
    take(NODEPARSE_GONE, "a", false);
    take(NODEPARSE_GONE, "never seen", false);
    take(NODEPARSE_BOOKMARK, "", false);
    ck_assert_uint_eq(nodemap_count(generations.map), 0);
    ck_assert_uint_eq(changed, 2);
}
END_TEST

START_TEST(changes_of_nodes_are_told_once_a_map_serves)
{
    struct node_facts facts = { .node = { "a", "u", "b" } };
    struct nodeparse_event event = { .kind = NODEPARSE_PUT, .node = &facts };
    generations_begin(&generations);
    generations_take(&generations, &event);
    generations_serve(&generations);
    generations_take(&generations, &event);
    ck_assert_str_eq(nodes, "");
    facts.kubelet_port = 10255;
    generations_take(&generations, &event);
    facts.zone = 7;
    generations_take(&generations, &event);
    ck_assert_str_eq(nodes, "-+ -+ ");
    event.kind = NODEPARSE_GONE;
    generations_take(&generations, &event);
    generations_take(&generations, &event);
    event.kind = NODEPARSE_PUT;
    generations_take(&generations, &event);
    ck_assert_str_eq(nodes, "-+ -+ - + ");
}
END_TEST

START_TEST(strange_nodes_are_counted)
{
    generations_begin(&generations);
    take(NODEPARSE_PUT, "a", true);
    take(NODEPARSE_UNUSABLE, "b", true);
    take(NODEPARSE_PUT, "c", false);
    generations_serve(&generations);
    ck_assert_uint_eq(nodemap_count(generations.map), 2);
    ck_assert_uint_eq(generations.odd, 1);
    ck_assert_uint_eq(generations.unusable, 1);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("generations");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, there_is_no_map_before_the_first_list_is_whole);
    tcase_add_test(cases, the_old_map_serves_until_the_new_one_is_whole);
    tcase_add_test(cases, a_list_that_is_abandoned_leaves_nothing);
    tcase_add_test(cases, a_watch_changes_the_map_that_serves);
    tcase_add_test(cases, changes_of_nodes_are_told_once_a_map_serves);
    tcase_add_test(cases, strange_nodes_are_counted);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("generations", fill);
}
