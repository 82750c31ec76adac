#include "actuator/optouts.h"

#include <string.h>

#include "tests/unit/unit.h"

static struct row {
    struct answer_pair label, annotation;
    enum mode most;
    bool include_control_plane;
    const char *boot, *selector;
} rows[] = {
    { { 0 }, { 0 }, MODE_NODE },
    { { 0 }, { "node.example.com/lastgasp", "ignore" }, MODE_OBSERVE },
    { { 0 }, { "node.example.com/lastgasp", "observe" }, MODE_OBSERVE },
    { { 0 }, { "node.example.com/lastgasp", "annotate" }, MODE_ANNOTATE },
    { { 0 }, { "node.example.com/lastgasp", "pods" }, MODE_PODS },
    { { 0 }, { "node.example.com/lastgasp", "node" }, MODE_NODE },
    { { 0 }, { "node.example.com/lastgasp", "Ignore" }, MODE_OBSERVE },
    { { 0 }, { "node.example.com/lastgasp", "" }, MODE_OBSERVE },
    { { 0 }, { "node.example.org/lastgasp", "ignore" }, MODE_NODE },
    { { "node.example.com/lastgasp", "ignore" }, { 0 }, MODE_NODE },
    { { "remediation.medik8s.io/exclude-from-remediation", "true" }, { 0 }, MODE_OBSERVE },
    { { "remediation.medik8s.io/exclude-from-remediation", "false" }, { 0 }, MODE_NODE },
    { { 0 }, { "remediation.medik8s.io/exclude-from-remediation", "true" }, MODE_NODE },
    { { 0 }, { "cluster.x-k8s.io/skip-remediation", "" }, MODE_OBSERVE },
    { { 0 }, { "cluster.x-k8s.io/paused", "true" }, MODE_OBSERVE },
    { { "node-role.kubernetes.io/control-plane", "" }, { 0 }, MODE_ANNOTATE },
    { { "node-role.kubernetes.io/master", "" }, { 0 }, MODE_ANNOTATE },
    { { "node-role.kubernetes.io/control-plane", "" }, { 0 }, MODE_NODE, true },
    { { "node-role.kubernetes.io/control-plane", "" },
      { "cluster.x-k8s.io/paused", "" },
      MODE_OBSERVE },
    { { 0 }, { 0 }, MODE_OBSERVE, false, "our-boot" },
    { { "pool", "gpu" }, { 0 }, MODE_NODE, false, NULL, "pool=gpu" },
    { { "pool", "cpu" }, { 0 }, MODE_OBSERVE, false, NULL, "pool=gpu" },
    { { "pool", "gpu" }, { 0 }, MODE_OBSERVE, false, NULL, "pool=gpu,tier=batch" },
    { { 0 }, { 0 }, MODE_OBSERVE, false, NULL, "pool=gpu" },
};

START_TEST(a_node_is_touched_no_further_than_it_wants)
{
    struct row *row = &rows[_i];
    struct names *names = names_new("example.com");
    struct optouts optouts = { .names = names,
                               .own_boot = "our-boot",
                               .include_control_plane = row->include_control_plane };
    struct answer_node node = {
        .boot = row->boot ? row->boot : "boot-1",
        .labels = { row->label.key ? 1 : 0, &row->label },
        .annotations = { row->annotation.key ? 1 : 0, &row->annotation },
    };
    char *selector = row->selector ? strdup(row->selector) : NULL;

    ck_assert(optouts_select(&optouts, selector));
    struct optout optout = optouts_of(&optouts, &node);
    ck_assert_int_eq(optout.most, row->most);
    ck_assert_int_eq(optout.why != NULL, row->most < MODE_NODE);
    free(selector);
    names_free(names);
}
END_TEST

static const char *const no_selectors[] = { "pool", "=gpu", "pool=gpu,tier", "pool,tier=batch",
                                            "pool=gpu,,tier=batch" };

START_TEST(what_is_no_selector_is_refused)
{
    struct optouts optouts = { 0 };
    char *text = strdup(no_selectors[_i]);

    ck_assert_msg(!optouts_select(&optouts, text), "%s", no_selectors[_i]);
    free(text);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("optouts");

    tcase_add_loop_test(tests, a_node_is_touched_no_further_than_it_wants, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(tests, what_is_no_selector_is_refused, 0,
                        sizeof(no_selectors) / sizeof(no_selectors[0]));
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("actuator optouts", fill);
}
