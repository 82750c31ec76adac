#include "actuator/halts.h"

#include "tests/unit/actuator_world.h"
#include "tests/unit/unit.h"

/*
 * How far an orderly end may go: the table, what a remedy makes of it, and that a panic of the same
 * boot is none of its business.
 */
#define OBSERVE  MODE_OBSERVE
#define ANNOTATE MODE_ANNOTATE
#define ALL      MODE_NODE

/* By hand: a row a setting, a column what the machine does then. */
static const struct {
    enum on_halt on_halt;
    enum mode halted, powered_down, restarting, anything_else;
} settings[] = {
    { ON_HALT_RECORD, OBSERVE, OBSERVE, OBSERVE, OBSERVE },
    { ON_HALT_ANNOTATE, ANNOTATE, ANNOTATE, ANNOTATE, ANNOTATE },
    { ON_HALT_NODE, ALL, ALL, ANNOTATE, ANNOTATE },
};

static enum mode should(int setting, enum reason_code code)
{
    if (code == REASON_HALT)
        return settings[setting].halted;
    if (code == REASON_POWER_DOWN)
        return settings[setting].powered_down;
    return code == REASON_RESTARTING ? settings[setting].restarting
                                     : settings[setting].anything_else;
}

START_TEST(no_halt_goes_further_than_the_setting)
{
    for (enum reason_code code = 0; reason_code_names[code]; code++) {
        struct halts_limit is = halts_limit(settings[_i].on_halt, CAUSE_HALT, code);
        ck_assert_msg(is.most == should(_i, code), "%s, %s: %s instead of %s",
                      on_halt_names[settings[_i].on_halt], reason_code_names[code],
                      mode_names[is.most], mode_names[should(_i, code)]);
        ck_assert_int_eq(is.why == NULL, is.most == MODE_NODE);
    }
}
END_TEST

START_TEST(what_is_no_halt_has_no_limit)
{
    for (enum cause cause = 0; cause_names[cause]; cause++) {
        for (enum reason_code code = 0; cause != CAUSE_HALT && reason_code_names[code]; code++) {
            struct halts_limit is = halts_limit(settings[_i].on_halt, cause, code);
            ck_assert_int_eq(is.most, MODE_NODE);
            ck_assert_ptr_null(is.why);
        }
    }
}
END_TEST

static void each_second(struct world *world, struct remedy *remedy)
{
    world_witness(world, true);
    remedy_evidence(remedy, world->now_us, world->now_us);
}

/* Of a machine that is silent; whether its Lease lapses is the world's. */
static struct remedy_plan halt_plan(struct world *world, enum mode mode, enum on_halt on_halt,
                                    enum reason_code code)
{
    struct remedy_plan plan = world_plan(world, mode);

    plan.verdict = VERDICT_SILENT;
    plan.accept_unverified = false;
    plan.cause = CAUSE_HALT;
    plan.reason_code = code;
    plan.on_halt = on_halt;
    world->each_second = each_second;
    world_witness(world, true);
    return plan;
}

enum left { UNTOUCHED, TOLD, WITHOUT_PODS, GONE };

static enum left left_of(const struct world *world)
{
    if (world->node_gone)
        return GONE;
    if (world_left(world) < world->pod_count)
        return WITHOUT_PODS;
    return world->writes > 0 ? TOLD : UNTOUCHED;
}

static const struct {
    enum on_halt on_halt;
    enum reason_code code;
    enum mode mode;
    enum outcome outcome;
    enum left left;
    const char *detail;
} ends[] = {
    { ON_HALT_RECORD, REASON_HALT, ALL, OUTCOME_OBSERVED, UNTOUCHED, "(--on-halt=record); 3 pods" },
    { ON_HALT_RECORD, REASON_POWER_DOWN, ALL, OUTCOME_OBSERVED, UNTOUCHED, "--on-halt=record" },
    { ON_HALT_RECORD, REASON_RESTARTING, ALL, OUTCOME_OBSERVED, UNTOUCHED, "--on-halt=record" },
    { ON_HALT_RECORD, REASON_HALT, OBSERVE, OUTCOME_OBSERVED, UNTOUCHED, "--on-halt=record" },
    { ON_HALT_ANNOTATE, REASON_HALT, ALL, OUTCOME_TOLD, TOLD, "--on-halt=annotate" },
    { ON_HALT_ANNOTATE, REASON_RESTARTING, ALL, OUTCOME_TOLD, TOLD, "--on-halt=annotate" },
    { ON_HALT_ANNOTATE, REASON_HALT, ANNOTATE, OUTCOME_TOLD, TOLD, "3 annotated" },
    { ON_HALT_ANNOTATE, REASON_HALT, OBSERVE, OUTCOME_OBSERVED, UNTOUCHED,
      "would have cordoned the Node and annotated 3 pods" },
    { ON_HALT_NODE, REASON_HALT, ALL, OUTCOME_DELETED, GONE, "Node deleted" },
    { ON_HALT_NODE, REASON_POWER_DOWN, ALL, OUTCOME_DELETED, GONE, "Node deleted" },
    { ON_HALT_NODE, REASON_RESTARTING, ALL, OUTCOME_TOLD, TOLD, "a machine that restarts" },
    { ON_HALT_NODE, REASON_SYSRQ, ALL, OUTCOME_TOLD, TOLD, "a machine that restarts" },
    { ON_HALT_NODE, REASON_HALT, MODE_PODS, OUTCOME_PODS_DONE, WITHOUT_PODS, "3 pods deleted" },
    { ON_HALT_NODE, REASON_HALT, ANNOTATE, OUTCOME_TOLD, TOLD, "3 annotated" },
    { ON_HALT_NODE, REASON_HALT, OBSERVE, OUTCOME_OBSERVED, UNTOUCHED,
      "would have deleted 3 pods and the Node" },
    { ON_HALT_NODE, REASON_RESTARTING, OBSERVE, OUTCOME_OBSERVED, UNTOUCHED,
      "would have cordoned the Node and annotated 3 pods" },
};

START_TEST(a_halt_ends_where_the_setting_and_the_mode_say)
{
    struct world world = world_new(3);
    struct remedy_plan plan = halt_plan(&world, ends[_i].mode, ends[_i].on_halt, ends[_i].code);
    char detail[512];

    ck_assert_outcome(world_run(&world, &plan, detail), ends[_i].outcome, detail);
    ck_assert_int_eq(left_of(&world), ends[_i].left);
    ck_assert_msg(strstr(detail, ends[_i].detail), "%s", detail);
    /* Where only history is written, nobody need ask for it again and again. */
    ck_assert_int_eq(world.asked[REMEDY_READ_LEASE] == 0, ends[_i].on_halt == ON_HALT_RECORD);
    world_end(&world);
}
END_TEST

/* The machine is silent, but whoever renews its Lease lives. */
START_TEST(a_halt_needs_the_evidence_that_a_panic_needs)
{
    struct world world = world_new(3);
    struct remedy_plan plan = halt_plan(&world, ALL, ON_HALT_NODE, REASON_HALT);
    char detail[512];

    world.renews = true;
    plan.expires_us = world.now_us + 60 * US_PER_SECOND;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_EXPIRED, detail);
    ck_assert(!world.node_gone);
    ck_assert_uint_eq(world_left(&world), 3);
    ck_assert_uint_eq(world.asked[REMEDY_MARK_POD], 0);
    ck_assert_uint_eq(world.cleared, 1); /* the cordon */
    world_end(&world);
}
END_TEST

/* It came back while it was told of: the cordon goes, and nothing else was touched. */
START_TEST(a_machine_that_came_back_from_its_restart_is_as_it_was)
{
    struct world world = world_new(3);
    struct remedy_plan plan = halt_plan(&world, ALL, ON_HALT_NODE, REASON_RESTARTING);
    struct remedy *remedy = world_begin(&world, &plan);
    char detail[512];

    remedy_evidence(remedy, world.now_us, world.now_us);
    while (!world.cordoned)
        ck_assert(world_round(&world, &plan, remedy));
    remedy_retract(remedy, RETRACT_REBOOTED, world.now_us);
    ck_assert_outcome(world_carry(&world, &plan, remedy, detail), OUTCOME_REBOOTED, detail);
    ck_assert(!world.cordoned);
    ck_assert_uint_eq(world.cleared, 1);
    ck_assert_uint_eq(world.asked[REMEDY_MARK_POD], 0);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

/* Back before it could be judged: whoever is told of halts is told of that. */
START_TEST(a_machine_that_is_back_already_is_told_of_as_far_as_the_setting_goes)
{
    struct world world = world_new(3);
    struct remedy_plan plan = halt_plan(&world, ALL, settings[_i].on_halt, REASON_RESTARTING);
    char detail[512];

    plan.verdict = VERDICT_REBOOTED;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_REBOOTED, detail);
    ck_assert_uint_eq(world.events, settings[_i].on_halt == ON_HALT_RECORD ? 0 : 1);
    ck_assert_uint_eq(world.writes, world.events);
    world_end(&world);
}
END_TEST

/* One request; false when there is none now. */
static bool step(struct world *world, const struct remedy_plan *plan, struct remedy *remedy)
{
    struct remedy_request request;

    if (!remedy_next(remedy, REMEDY_ACT, world->now_us, &request) &&
        !remedy_next(remedy, REMEDY_TELL, world->now_us, &request))
        return false;
    world_serve(world, plan, remedy, &request);
    world->now_us += US_PER_MS;
    return true;
}

/* Carries REMEDY over so many requests; false when it ended before. */
static bool carry_over(struct world *world, const struct remedy_plan *plan, struct remedy *remedy,
                       size_t steps)
{
    enum outcome outcome;
    const char *detail;

    while (steps > 0 && !remedy_is_over(remedy, &outcome, &detail)) {
        if (step(world, plan, remedy))
            steps--;
        else
            world_wait(world, remedy);
    }
    return !remedy_is_over(remedy, &outcome, &detail);
}

static const struct intent panic = { .cause = CAUSE_KERNEL_PANIC,
                                     .reason_code = REASON_OOPS,
                                     .verdict = VERDICT_SILENT };

/* When a panic comes: after so many requests were answered, with one more of them in flight. */
struct moment {
    size_t steps;
    bool in_flight;
};

static void join(struct world *world, const struct remedy_plan *plan, struct remedy *remedy,
                 bool in_flight)
{
    struct remedy_request request;
    bool given = in_flight && (remedy_next(remedy, REMEDY_ACT, world->now_us, &request) ||
                               remedy_next(remedy, REMEDY_TELL, world->now_us, &request));

    remedy_merge(remedy, &panic, plan->expires_us, world->now_us);
    if (given)
        world_serve(world, plan, remedy, &request);
}

/* A halt, limited or not, whose machine panics at that moment; false: the incident was over. */
static bool panic_at(enum on_halt on_halt, struct moment moment)
{
    struct world world = world_new(3);
    struct remedy_plan plan = halt_plan(&world, ALL, on_halt, REASON_HALT);
    struct remedy *remedy = world_begin(&world, &plan);
    char detail[512];

    world_add(&world, "daemon", "DaemonSet");
    remedy_evidence(remedy, world.now_us, world.now_us);
    bool in_time = carry_over(&world, &plan, remedy, moment.steps);
    if (in_time) {
        join(&world, &plan, remedy, moment.in_flight);
        size_t marks = world.asked[REMEDY_MARK_NODE];
        enum outcome outcome = world_carry(&world, &plan, remedy, detail);
        ck_assert_msg(outcome == OUTCOME_DELETED && strstr(detail, "3 pods deleted, 1 annotated"),
                      "after %zu requests: %s: %s", moment.steps, outcome_names[outcome], detail);
        ck_assert(world.node_gone);
        ck_assert_uint_eq(world_left(&world), 1);
        /* The Node says the panic's reason then, unless it was about to go. */
        if (on_halt == ON_HALT_ANNOTATE)
            ck_assert_uint_eq(world.asked[REMEDY_MARK_NODE], marks + 1);
    }
    remedy_free(remedy);
    world_end(&world);
    return in_time;
}

START_TEST(a_panic_at_any_moment_lifts_what_limits_the_halt)
{
    struct moment moment = { .in_flight = _i % 2 };

    while (panic_at(_i < 2 ? ON_HALT_ANNOTATE : ON_HALT_NODE, moment))
        moment.steps++;
    ck_assert_uint_ge(moment.steps, 20); /* it went through all that a halt does */
}
END_TEST

/* However far the panic has come. */
START_TEST(a_halt_takes_nothing_from_a_panic)
{
    static const struct intent halt = { .cause = CAUSE_HALT,
                                        .reason_code = REASON_RESTARTING,
                                        .verdict = VERDICT_SILENT };
    bool in_time = true;
    size_t steps = 0;

    for (; in_time; steps++) {
        struct world world = world_new(3);
        struct remedy_plan plan = halt_plan(&world, ALL, ON_HALT_RECORD, REASON_OOPS);
        char detail[512];

        plan.cause = CAUSE_KERNEL_PANIC;
        plan.verdict = steps % 2 == 0 ? VERDICT_SILENT : VERDICT_UNPROBABLE;
        struct remedy *remedy = world_begin(&world, &plan);
        remedy_evidence(remedy, world.now_us, world.now_us);
        in_time = carry_over(&world, &plan, remedy, steps);
        remedy_merge(remedy, &halt, plan.expires_us, world.now_us);
        ck_assert_outcome(world_carry(&world, &plan, remedy, detail), OUTCOME_DELETED, detail);
        ck_assert_uint_eq(world.asked[REMEDY_MARK_NODE], 1);
        remedy_free(remedy);
        world_end(&world);
    }
    ck_assert_uint_ge(steps, 20);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *halts = tcase_create("halts");
    size_t rows = sizeof(settings) / sizeof(settings[0]);

    tcase_add_loop_test(halts, no_halt_goes_further_than_the_setting, 0, rows);
    tcase_add_loop_test(halts, what_is_no_halt_has_no_limit, 0, rows);
    tcase_add_loop_test(halts, a_halt_ends_where_the_setting_and_the_mode_say, 0,
                        sizeof(ends) / sizeof(ends[0]));
    tcase_add_test(halts, a_halt_needs_the_evidence_that_a_panic_needs);
    tcase_add_test(halts, a_machine_that_came_back_from_its_restart_is_as_it_was);
    tcase_add_loop_test(halts, a_machine_that_is_back_already_is_told_of_as_far_as_the_setting_goes,
                        0, rows);
    tcase_add_loop_test(halts, a_panic_at_any_moment_lifts_what_limits_the_halt, 0, 4);
    tcase_add_test(halts, a_halt_takes_nothing_from_a_panic);
    suite_add_tcase(suite, halts);
}

int main(void)
{
    return unit_run("halts", fill);
}
