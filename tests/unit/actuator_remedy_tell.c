#include "tests/unit/actuator_world.h"

#include "tests/unit/unit.h"

/* In whatever mode, and with all that would give a right to more. */
static const struct {
    enum verdict verdict;
    enum mode mode;
    enum remedy_dry dry;
    enum outcome outcome;
    size_t events;
} words[] = {
    { VERDICT_DRILL, MODE_OBSERVE, REMEDY_REAL, OUTCOME_OBSERVED, 0 },
    { VERDICT_DRILL, MODE_ANNOTATE, REMEDY_REAL, OUTCOME_TOLD, 1 },
    { VERDICT_DRILL, MODE_PODS, REMEDY_REAL, OUTCOME_TOLD, 1 },
    { VERDICT_DRILL, MODE_NODE, REMEDY_REAL, OUTCOME_TOLD, 1 },
    { VERDICT_DRILL, MODE_NODE, REMEDY_DRY_SERVER, OUTCOME_DRY_RUN, 1 },
    { VERDICT_LATE, MODE_OBSERVE, REMEDY_REAL, OUTCOME_OBSERVED, 0 },
    { VERDICT_LATE, MODE_ANNOTATE, REMEDY_REAL, OUTCOME_TOLD, 1 },
    { VERDICT_LATE, MODE_NODE, REMEDY_REAL, OUTCOME_TOLD, 1 },
    { VERDICT_LATE, MODE_NODE, REMEDY_DRY_LOCAL, OUTCOME_DRY_RUN, 1 },
};

START_TEST(words_are_told_and_touch_nothing)
{
    struct world world = world_new(3);
    struct remedy_plan plan = world_plan(&world, words[_i].mode);
    char detail[512];

    plan.verdict = words[_i].verdict;
    plan.cause = words[_i].verdict == VERDICT_DRILL ? CAUSE_DRILL : CAUSE_KERNEL_PANIC;
    plan.dry = words[_i].dry;
    plan.accept_unverified = true;
    plan.booted_us = RECORD_ABSENT;
    if (plan.verdict == VERDICT_LATE)
        plan.boot = "the boot before";
    ck_assert_outcome(world_run(&world, &plan, detail), words[_i].outcome, detail);
    ck_assert_uint_eq(world_left(&world), 3);
    ck_assert_uint_eq(world.asked[REMEDY_EVENT], words[_i].events);
    ck_assert_uint_eq(world.writes, words[_i].dry == REMEDY_REAL ? words[_i].events : 0);
    ck_assert_uint_eq(world.asked[REMEDY_READ_LEASE] + world.asked[REMEDY_LIST_PODS], 0);
    world_end(&world);
}
END_TEST

static unsigned no_events(struct world *world, const struct remedy_request *request)
{
    return request->kind == REMEDY_EVENT ? world->status : 0;
}

START_TEST(a_drill_whose_event_does_not_arrive_is_not_told)
{
    static const unsigned statuses[] = { 403, 422, 500 };
    struct world world = world_new(0);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    plan.verdict = VERDICT_DRILL;
    plan.cause = CAUSE_DRILL;
    world.before = no_events;
    world.status = statuses[_i];
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_REFUSED, detail);
    world_end(&world);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tell = tcase_create("tell");
    tcase_add_loop_test(tell, words_are_told_and_touch_nothing, 0,
                        sizeof(words) / sizeof(words[0]));
    tcase_add_loop_test(tell, a_drill_whose_event_does_not_arrive_is_not_told, 0, 3);
    suite_add_tcase(suite, tell);
}

int main(void)
{
    return unit_run("remedy_tell", fill);
}
