#include "actuator/undo_judge.h"

#include "tests/unit/unit.h"

#include <string.h>

#define MARKS "boot=boot-1,annotations,label,unschedulable"

static const struct {
    const char *uid, *boot, *set; /* of the Node as it is now */
    const char *why;              /* NULL: it is taken off */
} nodes[] = {
    { "uid", "boot-1", MARKS, NULL },
    { "uid", "boot-2", MARKS, NULL }, /* it came back, and nobody has cleared it yet */
    { "uid", "boot-1", "boot=boot-1,out-of-service", NULL },
    { "uid", "boot-1", NULL, "nothing is set" },
    { "uid", "boot-1", "", "nothing is set" },
    { "uid", "boot-1", "boot=boot-1,what-a-later-lastgasp-set", "nothing is set" },
    { "uid", "boot-2", "boot=boot-2,annotations", "of another incident" },
    { "other", "boot-1", MARKS, "created anew" },
};

START_TEST(only_what_is_set_by_this_incident_is_taken_off)
{
    const struct answer_node node = { .uid = nodes[_i].uid,
                                      .boot = nodes[_i].boot,
                                      .set = nodes[_i].set };
    const char *why = undo_judge(&node, "uid", "boot-1");
    if (nodes[_i].why)
        ck_assert_msg(why && strstr(why, nodes[_i].why), "why: %s", why ? why : "(none)");
    else
        ck_assert_msg(!why, "why: %s", why);
}
END_TEST

/* Every outcome there is: whether it is too late, and else what it becomes. */
static const struct {
    enum outcome before, after;
    bool late;
} ends[] = {
    { OUTCOME_DELETED, 0, true },
    { OUTCOME_PODS_DONE, OUTCOME_PODS_DONE, false },
    { OUTCOME_TOLD, OUTCOME_RETRACTED, false },
    { OUTCOME_OBSERVED, OUTCOME_RETRACTED, false },
    { OUTCOME_DRY_RUN, OUTCOME_RETRACTED, false },
    { OUTCOME_PARTIAL, OUTCOME_PARTIAL, false },
    { OUTCOME_REFUSED, OUTCOME_RETRACTED, false },
    { OUTCOME_EXPIRED, OUTCOME_RETRACTED, false },
    { OUTCOME_MISMATCH, OUTCOME_RETRACTED, false },
    { OUTCOME_RETRACTED, OUTCOME_RETRACTED, false },
    { OUTCOME_REBOOTED, OUTCOME_RETRACTED, false },
    { OUTCOME_RECREATED, OUTCOME_RETRACTED, false },
    { OUTCOME_NODE_GONE, OUTCOME_RETRACTED, false },
    { OUTCOME_OPTED_OUT, OUTCOME_RETRACTED, false },
    { OUTCOME_LEFT_TO_OWNER, OUTCOME_LEFT_TO_OWNER, false },
    { OUTCOME_STRANDED, 0, true },
    { OUTCOME_ELSEWHERE, OUTCOME_RETRACTED, false },
};
#define ENDS (sizeof(ends) / sizeof(ends[0]))

START_TEST(what_was_removed_is_not_said_to_be_there_again)
{
    ck_assert_int_eq(undo_is_late(ends[_i].before) != NULL, ends[_i].late);
    if (!ends[_i].late)
        ck_assert_int_eq(undo_outcome(ends[_i].before), ends[_i].after);
}
END_TEST

START_TEST(every_outcome_is_thought_of)
{
    size_t outcomes = 0;

    while (outcome_names[outcomes])
        outcomes++;
    ck_assert_uint_eq(ENDS, outcomes);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("undo");
    tcase_add_loop_test(tests, only_what_is_set_by_this_incident_is_taken_off, 0,
                        (int)(sizeof(nodes) / sizeof(nodes[0])));
    tcase_add_loop_test(tests, what_was_removed_is_not_said_to_be_there_again, 0, ENDS);
    tcase_add_test(tests, every_outcome_is_thought_of);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("undo", fill);
}
