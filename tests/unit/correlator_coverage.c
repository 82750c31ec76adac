#include "correlator/coverage.h"

#include "tests/unit/correlator_nodemap.h"

#define NOW_US          (UINT64_C(5000) * 1000000)
#define AGE_US          (UINT64_C(1200) * 1000000)
#define PASSES_A_MINUTE 60

static struct kubelets kubelets;
static struct coverage coverage;

static void add(unsigned number, uint64_t answered_us)
{
    char name[32], address[32];
    snprintf(name, sizeof(name), "n%u", number);
    snprintf(address, sizeof(address), "10.%u.%u.%u", number >> 16, number >> 8 & 255,
             number & 255);
    struct node_facts facts = facts_of(name, UID_1, address);
    nodemap_put(map, &facts, NULL, NULL);
    kubelets_change(&kubelets, NULL, &facts);
    kubelets_find(&kubelets, &facts.claims[0].address, node_number(&facts.node))->answered_us =
        answered_us;
}

static void start(void)
{
    set_up();
    kubelets = (struct kubelets){ 0 };
    coverage = (struct coverage){ 0 };
}

static void finish(void)
{
    kubelets_free(&kubelets);
    tear_down();
}

static const struct {
    uint64_t answered_us;
    bool probable;
} answers[] = { { 0, false },
                { NOW_US, true },
                { NOW_US + 1, true },
                { NOW_US - AGE_US, true },
                { NOW_US - AGE_US - 1, false } };

START_TEST(a_node_is_probable_while_its_last_answer_is_young)
{
    add(1, answers[_i].answered_us);
    coverage_pass(&coverage, map, &kubelets, NOW_US, AGE_US);
    ck_assert_uint_eq(coverage.probable, answers[_i].probable);
}
END_TEST

START_TEST(a_large_cluster_is_counted_in_parts_and_then_as_a_whole)
{
    for (unsigned i = 0; i < 1200; i++)
        add(i, i % 3 == 0 ? NOW_US : 0);
    coverage_pass(&coverage, map, &kubelets, NOW_US, AGE_US);
    ck_assert_uint_eq(coverage.probable, 0);
    for (unsigned i = 1; i < PASSES_A_MINUTE; i++)
        coverage_pass(&coverage, map, &kubelets, NOW_US, AGE_US);
    ck_assert_uint_eq(coverage.probable, 400);
}
END_TEST

START_TEST(a_map_that_shrinks_during_the_walk_ends_it)
{
    for (unsigned i = 0; i < 1200; i++)
        add(i, NOW_US);
    coverage_pass(&coverage, map, &kubelets, NOW_US, AGE_US);
    nodemap_free(map);
    map = nodemap_new(1);
    coverage_pass(&coverage, map, &kubelets, NOW_US, AGE_US);
    coverage_pass(&coverage, map, &kubelets, NOW_US, AGE_US);
    ck_assert_uint_eq(coverage.probable, 0);
}
END_TEST

START_TEST(a_node_with_two_addresses_is_one_that_answers_at_either)
{
    struct node_facts facts = facts_of("two", UID_1, "10.0.0.1 2001:db8::1 e:192.0.2.1");
    nodemap_put(map, &facts, NULL, NULL);
    kubelets_change(&kubelets, NULL, &facts);
    ck_assert_uint_eq(kubelets_answered_us(&kubelets, &facts), 0);
    kubelets_find(&kubelets, &facts.claims[1].address, node_number(&facts.node))->answered_us =
        NOW_US - 7;
    ck_assert_uint_eq(kubelets_answered_us(&kubelets, &facts), NOW_US - 7);
    coverage_pass(&coverage, map, &kubelets, NOW_US, AGE_US);
    ck_assert_uint_eq(coverage.probable, 1);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("coverage");
    tcase_add_checked_fixture(tests, start, finish);
    tcase_add_loop_test(tests, a_node_is_probable_while_its_last_answer_is_young, 0,
                        sizeof(answers) / sizeof(answers[0]));
    tcase_add_test(tests, a_large_cluster_is_counted_in_parts_and_then_as_a_whole);
    tcase_add_test(tests, a_map_that_shrinks_during_the_walk_ends_it);
    tcase_add_test(tests, a_node_with_two_addresses_is_one_that_answers_at_either);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("correlator coverage", fill);
}
