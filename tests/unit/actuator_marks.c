#include "actuator/marks.h"

#include "actuator/answers.h"
#include "tests/unit/unit.h"

static const struct {
    const char *text;
    bool read, annotations, label, unschedulable, out_of_service;
} rows[] = {
    { "boot=b-1,annotations,label,unschedulable,out-of-service", true, true, true, true, true },
    { "boot=b-1,annotations,label", true, true, true, false, false },
    { "boot=b-1,out-of-service", true, false, false, false, true },
    { "boot=b-1", false, false, false, false, false },
    { "annotations,unschedulable", false, true, false, true, false },
    { "boot=,annotations", false, true, false, false, false },
    { "boot=b-1,unschedulable2,xlabel", false, false, false, false, false },
    { "boot=b-1,,unschedulable,somebody-elses", true, false, false, true, false },
    { "", false, false, false, false, false },
    { NULL, false, false, false, false, false },
};

START_TEST(only_what_is_listed_is_ours)
{
    struct marks marks;

    ck_assert_int_eq(marks_read(rows[_i].text, &marks), rows[_i].read);
    ck_assert_int_eq(marks.annotations, rows[_i].annotations);
    ck_assert_int_eq(marks.label, rows[_i].label);
    ck_assert_int_eq(marks.unschedulable, rows[_i].unschedulable);
    ck_assert_int_eq(marks.out_of_service, rows[_i].out_of_service);
}
END_TEST

START_TEST(what_is_printed_is_read_again)
{
    for (unsigned set = 1; set < 16; set++) {
        struct marks in = { "b-1", set & 1, set & 2, set & 4, set & 8 }, out;
        char text[MARKS_SIZE];

        marks_print(&in, text);
        ck_assert(marks_read(text, &out));
        ck_assert_str_eq(out.boot, "b-1");
        ck_assert(in.annotations == out.annotations && in.label == out.label &&
                  in.unschedulable == out.unschedulable && in.out_of_service == out.out_of_service);
    }
}
END_TEST

/* A machine is back when it has booted anew and is Ready, not before. */
static const struct {
    const char *set;
    enum answer_ready ready;
    bool of_boot_2, over;
} nodes[] = {
    { "boot=boot-1,unschedulable", READY_TRUE, false, true },
    { "boot=boot-1,unschedulable", READY_FALSE, false, false },
    { "boot=boot-1,unschedulable", READY_UNKNOWN, false, false },
    /* The taint may be what keeps it from being Ready. */
    { "boot=boot-1,unschedulable,out-of-service", READY_FALSE, false, true },
    { "boot=boot-2,unschedulable,out-of-service", READY_FALSE, true, false },
    { "boot=boot-2,unschedulable", READY_TRUE, true, false },
    { "boot=boot-2", READY_TRUE, false, false },
    { NULL, READY_TRUE, false, false },
};

START_TEST(marks_go_when_the_machine_is_back)
{
    struct answer_node node = { .boot = "boot-2", .set = nodes[_i].set, .ready = nodes[_i].ready };

    ck_assert_int_eq(marks_are_of(&node, "boot-2"), nodes[_i].of_boot_2);
    ck_assert_int_eq(marks_are_over(&node), nodes[_i].over);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("marks");

    tcase_add_loop_test(tests, only_what_is_listed_is_ours, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tests, what_is_printed_is_read_again);
    tcase_add_loop_test(tests, marks_go_when_the_machine_is_back, 0,
                        sizeof(nodes) / sizeof(nodes[0]));
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("actuator marks", fill);
}
