#include "tests/unit/unit.h"

#include "common/metrics.h"
#include "common/steps.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool ends(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static const struct metric *row_of(int i)
{
    return &metrics[i];
}

static int row_count(void)
{
    int count = 0;
    while (metrics[count].name != NULL)
        count++;
    return count;
}

START_TEST(names_are_conventional)
{
    const struct metric *row = row_of(_i);
    ck_assert_msg(strncmp(row->name, "lastgasp_", 9) == 0, "%s", row->name);
    ck_assert_msg(strspn(row->name, "abcdefghijklmnopqrstuvwxyz_") == strlen(row->name), "%s",
                  row->name);
    ck_assert_msg(strstr(row->name, "__") == NULL, "%s", row->name);
    ck_assert_msg(ends(row->name, "_total") == (row->type == METRIC_COUNTER), "%s", row->name);
    ck_assert_msg(row->type != METRIC_HISTOGRAM || ends(row->name, "_seconds"), "%s", row->name);
    static const char *const reserved[] = { "_count", "_sum", "_bucket", "_us", "_ms" };
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        ck_assert_msg(!ends(row->name, reserved[i]), "%s", row->name);
}
END_TEST

START_TEST(microseconds_are_served_as_seconds_and_nothing_else_is)
{
    const struct metric *row = row_of(_i);
    bool seconds = ends(row->name, "_seconds") || ends(row->name, "_seconds_total");
    ck_assert_msg(row->type == METRIC_HISTOGRAM || seconds == ends(row->counter, "_us"),
                  "%s of counter %s", row->name, row->counter);
}
END_TEST

START_TEST(rows_of_one_name_stand_together_and_the_first_one_says_what_it_is)
{
    const struct metric *row = row_of(_i);
    bool first = _i == 0 || strcmp(row->name, row[-1].name) != 0;
    ck_assert_msg(first == (row->help != NULL), "%s", row->name);
    if (first) {
        ck_assert_msg(ends(row->help, ".") && strpbrk(row->help, "\n\\") == NULL, "%s", row->help);
        for (int i = 0; i < _i; i++)
            ck_assert_msg(strcmp(row->name, metrics[i].name) != 0, "%s twice", row->name);
        return;
    }
    ck_assert_int_eq(row->type, row[-1].type);
    ck_assert_msg(row->label != NULL && row[-1].label != NULL, "%s", row->name);
    size_t key = strcspn(row->label, "=");
    ck_assert_msg(strncmp(row->label, row[-1].label, key + 1) == 0, "%s{%s}", row->name,
                  row->label);
    for (int i = 0; i < _i; i++)
        ck_assert_msg(strcmp(row->name, metrics[i].name) != 0 ||
                          strcmp(row->label, metrics[i].label) != 0,
                      "%s{%s} twice", row->name, row->label);
}
END_TEST

/* The number of series must not grow with the cluster. */
START_TEST(labels_are_of_few_kinds)
{
    static const char *const kinds[] = { "stage", "step",    "kind", "verdict",
                                         "use",   "outcome", "mode" };
    const struct metric *row = row_of(_i);
    if (row->label == NULL)
        return;
    char key[32], value[32];
    bool known = false;
    ck_assert_msg(sscanf(row->label, "%31[a-z]=\"%31[a-z_-]\"", key, value) == 2, "%s", row->label);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        known |= strcmp(kinds[i], key) == 0;
    ck_assert_msg(known, "%s", row->label);
}
END_TEST

START_TEST(no_counter_feeds_two_metrics)
{
    const struct metric *row = row_of(_i);
    ck_assert_ptr_eq(metric_find(row->of, row->counter), row);
    ck_assert(!metric_is_left_out(row->of, row->counter));
}
END_TEST

START_TEST(each_step_is_in_the_histogram_once)
{
    for (unsigned step = 0; step_names[step] != NULL; step++) {
        int found = 0;
        char label[64];
        snprintf(label, sizeof(label), "step=\"%s\"", step_names[step]);
        for (const struct metric *row = metrics; row->name != NULL; row++) {
            if (row->type != METRIC_HISTOGRAM || strcmp(row->counter, step_names[step]) != 0)
                continue;
            ck_assert_str_eq(row->label, label);
            found++;
        }
        ck_assert_msg(found == 1, "step %s: %d rows", step_names[step], found);
    }
    for (const struct metric *row = metrics; row->name != NULL; row++) {
        unsigned step = 0;
        while (row->type == METRIC_HISTOGRAM && step < STEPS &&
               strcmp(step_names[step], row->counter) != 0)
            step++;
        ck_assert_uint_lt(step, STEPS);
    }
}
END_TEST

START_TEST(what_is_no_metric_is_not_found)
{
    ck_assert_ptr_null(metric_find(ROLE_LISTENER, "nothing"));
    ck_assert_ptr_null(metric_find(ROLE_CORRELATOR, "datagrams"));
    ck_assert(!metric_is_left_out(ROLE_ACTUATOR, "nothing"));
    for (const struct metric_left_out *row = metrics_left_out; row->counter != NULL; row++)
        ck_assert(row->why != NULL && metric_find(row->of, row->counter) == NULL);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *rows = tcase_create("rows");
    tcase_add_loop_test(rows, names_are_conventional, 0, row_count());
    tcase_add_loop_test(rows, microseconds_are_served_as_seconds_and_nothing_else_is, 0,
                        row_count());
    tcase_add_loop_test(rows, rows_of_one_name_stand_together_and_the_first_one_says_what_it_is, 0,
                        row_count());
    tcase_add_loop_test(rows, labels_are_of_few_kinds, 0, row_count());
    tcase_add_loop_test(rows, no_counter_feeds_two_metrics, 0, row_count());
    tcase_add_test(rows, each_step_is_in_the_histogram_once);
    tcase_add_test(rows, what_is_no_metric_is_not_found);
    suite_add_tcase(suite, rows);
}

int main(void)
{
    return unit_run("common metrics", fill);
}
