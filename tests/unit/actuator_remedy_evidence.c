#include "tests/unit/actuator_world.h"
#include "tests/unit/unit.h"

/*
 * What the remedy does on which evidence, as time goes by: a scenario is what happens each second.
 */
struct scenario {
    const char *name;
    enum verdict verdict;
    enum mode mode;
    bool renews, lost_before, lease_gone; /* the node's Lease */
    bool sick;                            /* the witnesses' Leases stand still */
    int evidence_until_s;                 /* every 2 s until then; -1: for ever */
    int evidence_again_s;                 /* and from then on once more; 0: never */
    int retract_s;                        /* 0: never */
    int undo_s;                           /* a person asks for it; 0: never */
    const char *labels;                   /* of the Node */
    /* what comes of it */
    enum outcome outcome;
    bool marked; /* the Node still is at the end */
    size_t cleared, pods_left;
    bool events, quiet; /* there are some; there are none */
    int least_s, most_s; /* when it ends */
};

#define EXPIRES_S 900

static const struct scenario scenarios[] = {
    { "silent and lapsed", VERDICT_SILENT, MODE_NODE, .evidence_until_s = -1,
      .outcome = OUTCOME_DELETED, .marked = true, .least_s = 14, .most_s = 17 },
    { "only to be told", VERDICT_SILENT, MODE_ANNOTATE, .evidence_until_s = -1,
      .outcome = OUTCOME_TOLD, .marked = true, .pods_left = 12, .least_s = 14, .most_s = 17 },
    { "only the pods", VERDICT_SILENT, MODE_PODS, .evidence_until_s = -1,
      .outcome = OUTCOME_PODS_DONE, .marked = true, .least_s = 14, .most_s = 17 },
    { "only looked at", VERDICT_SILENT, MODE_OBSERVE, .evidence_until_s = -1,
      .outcome = OUTCOME_OBSERVED, .pods_left = 12, .least_s = 14, .most_s = 17 },
    { "nobody can probe it, and it lapsed", VERDICT_UNPROBABLE, MODE_NODE,
      .outcome = OUTCOME_DELETED, .marked = true, .least_s = 14, .most_s = 17 },
    { "silent but renewed, then it answers", VERDICT_SILENT, MODE_NODE, .renews = true,
      .evidence_until_s = 60, .retract_s = 61, .outcome = OUTCOME_RETRACTED, .cleared = 1,
      .pods_left = 12, .least_s = 61, .most_s = 62 },
    { "silent but renewed for ever", VERDICT_SILENT, MODE_NODE, .renews = true,
      .evidence_until_s = -1, .outcome = OUTCOME_EXPIRED, .cleared = 1, .pods_left = 12,
      .least_s = EXPIRES_S, .most_s = EXPIRES_S + 1 },
    { "nobody can probe it, and it is renewed", VERDICT_UNPROBABLE, MODE_NODE, .renews = true,
      .outcome = OUTCOME_EXPIRED, .pods_left = 12, .least_s = EXPIRES_S, .most_s = EXPIRES_S + 1 },
    { "evidence stops before the Lease lapses", VERDICT_SILENT, MODE_NODE, .evidence_until_s = 8,
      .outcome = OUTCOME_EXPIRED, .marked = true, .pods_left = 12, .least_s = EXPIRES_S,
      .most_s = EXPIRES_S + 1 },
    { "evidence stops and comes again", VERDICT_SILENT, MODE_NODE, .evidence_until_s = 8,
      .evidence_again_s = 60, .outcome = OUTCOME_DELETED, .marked = true, .least_s = 60,
      .most_s = 63 },
    { "no evidence at all, and no intent that was fresh", VERDICT_SILENT, MODE_NODE,
      .evidence_until_s = 0, .outcome = OUTCOME_EXPIRED, .pods_left = 12, .least_s = EXPIRES_S,
      .most_s = EXPIRES_S + 1 },
    { "the API server is sick", VERDICT_SILENT, MODE_NODE, .sick = true, .evidence_until_s = -1,
      .outcome = OUTCOME_EXPIRED, .marked = true, .pods_left = 12, .least_s = EXPIRES_S,
      .most_s = EXPIRES_S + 1 },
    { "nobody can probe it, and the API server is sick", VERDICT_UNPROBABLE, MODE_NODE,
      .sick = true, .outcome = OUTCOME_EXPIRED, .pods_left = 12, .least_s = EXPIRES_S,
      .most_s = EXPIRES_S + 1 },
    { "lost before", VERDICT_SILENT, MODE_NODE, .lost_before = true, .evidence_until_s = -1,
      .outcome = OUTCOME_EXPIRED, .marked = true, .pods_left = 12, .least_s = EXPIRES_S,
      .most_s = EXPIRES_S + 1 },
    { "lost before, and nobody can probe it", VERDICT_UNPROBABLE, MODE_NODE, .lost_before = true,
      .outcome = OUTCOME_EXPIRED, .pods_left = 12, .least_s = EXPIRES_S, .most_s = EXPIRES_S + 1 },
    { "without a Lease", VERDICT_SILENT, MODE_NODE, .lease_gone = true, .evidence_until_s = -1,
      .outcome = OUTCOME_EXPIRED, .marked = true, .pods_left = 12, .least_s = EXPIRES_S,
      .most_s = EXPIRES_S + 1 },
    { "of the control plane", VERDICT_SILENT, MODE_NODE, .evidence_until_s = -1,
      .labels = "\"node-role.kubernetes.io/control-plane\":\"\"", .outcome = OUTCOME_TOLD,
      .marked = true, .pods_left = 12, .least_s = 14, .most_s = 17 },
    { "opted out", VERDICT_SILENT, MODE_NODE, .evidence_until_s = -1,
      .labels = "\"remediation.medik8s.io/exclude-from-remediation\":\"true\"",
      .outcome = OUTCOME_OPTED_OUT, .pods_left = 12, .most_s = 1 },
    { "reported, then found silent", VERDICT_REPORTED, MODE_NODE, .evidence_until_s = 0,
      .evidence_again_s = 30, .outcome = OUTCOME_DELETED, .marked = true, .events = true,
      .least_s = 30, .most_s = 47 },
    { "reported, and it answers", VERDICT_REPORTED, MODE_NODE, .evidence_until_s = 0,
      .retract_s = 1, .outcome = OUTCOME_RETRACTED, .pods_left = 12, .events = true, .least_s = 1,
      .most_s = 2 },
    { "reported, and nobody can ask it", VERDICT_REPORTED, MODE_NODE, .evidence_until_s = 0,
      .outcome = OUTCOME_EXPIRED, .pods_left = 12, .events = true, .least_s = EXPIRES_S,
      .most_s = EXPIRES_S + 1 },
    { "reported, found silent, but renewed", VERDICT_REPORTED, MODE_NODE, .renews = true,
      .evidence_until_s = 0, .evidence_again_s = 30, .retract_s = 60,
      .outcome = OUTCOME_RETRACTED, .cleared = 1, .pods_left = 12, .events = true, .least_s = 60,
      .most_s = 61 },
    { "reported of one that opted out", VERDICT_REPORTED, MODE_NODE, .evidence_until_s = 0,
      .labels = "\"remediation.medik8s.io/exclude-from-remediation\":\"true\"",
      .outcome = OUTCOME_OPTED_OUT, .pods_left = 12, .quiet = true, .most_s = 1 },
    { "reported, only looked at, then found silent", VERDICT_REPORTED, MODE_OBSERVE,
      .evidence_until_s = 0, .evidence_again_s = 30, .outcome = OUTCOME_OBSERVED,
      .pods_left = 12, .quiet = true, .least_s = 30, .most_s = 47 },
    { "undone by a person", VERDICT_SILENT, MODE_NODE, .evidence_until_s = -1, .undo_s = 5,
      .outcome = OUTCOME_RETRACTED, .cleared = 1, .pods_left = 12, .least_s = 5, .most_s = 6 },
    { "undone by a person before it was marked", VERDICT_UNPROBABLE, MODE_NODE, .undo_s = 5,
      .outcome = OUTCOME_RETRACTED, .pods_left = 12, .least_s = 5, .most_s = 6 },
};

static const struct scenario *scenario;
static uint64_t began_us;

static void second(struct world *world, struct remedy *remedy)
{
    int s = (int)((world->now_us - began_us) / US_PER_SECOND);
    bool probed = scenario->evidence_until_s < 0 || s <= scenario->evidence_until_s ||
                  (scenario->evidence_again_s > 0 && s >= scenario->evidence_again_s);

    world_witness(world, !scenario->sick);
    bool again = scenario->evidence_again_s > 0 && s >= scenario->evidence_again_s;
    if (again && scenario->verdict == VERDICT_REPORTED) /* as the engine does */
        remedy_merge(remedy,
                     &(struct intent){ .verdict = VERDICT_SILENT, .cause = CAUSE_HARDWARE }, 0,
                     world->now_us);
    if (probed && s % 2 == 0 && (scenario->evidence_until_s != 0 || again))
        remedy_evidence(remedy, world->now_us, world->now_us);
    if (scenario->undo_s > 0 && s >= scenario->undo_s)
        remedy_give_up(remedy, "alice", world->now_us);
    if (scenario->retract_s > 0 && s >= scenario->retract_s)
        remedy_retract(remedy, RETRACT_ANSWERS, world->now_us);
}

START_TEST(what_is_done_follows_from_the_evidence)
{
    struct world world = world_new(12);
    struct remedy_plan plan = world_plan(&world, scenarios[_i].mode);
    char detail[512];

    scenario = &scenarios[_i];
    began_us = world.now_us;
    world.renews = scenario->renews;
    world.lease_gone = scenario->lease_gone;
    world.ready = scenario->lost_before ? "Unknown" : "True";
    world.labels = scenario->labels;
    world.each_second = second;
    plan.verdict = scenario->verdict;
    plan.accept_unverified = false;
    world_witness(&world, true);
    struct remedy *remedy = world_begin(&world, &plan);
    if (scenario->evidence_until_s != 0)
        remedy_evidence(remedy, world.now_us, world.now_us);
    enum outcome outcome = world_carry(&world, &plan, remedy, detail);
    int s = (int)((world.now_us - began_us) / US_PER_SECOND);

    ck_assert_msg(outcome == scenario->outcome, "%s: %s (%s) instead of %s", scenario->name,
                  outcome_names[outcome], detail, outcome_names[scenario->outcome]);
    ck_assert_msg(s >= scenario->least_s && s <= scenario->most_s, "%s: after %d s", scenario->name,
                  s);
    ck_assert_msg(!scenario->events || world.events > 0, "%s: nobody was told", scenario->name);
    ck_assert_msg(!scenario->quiet || world.events == 0, "%s: told", scenario->name);
    ck_assert_msg((world.set != NULL) == scenario->marked, "%s: marked", scenario->name);
    ck_assert_msg(world.cleared == scenario->cleared, "%s: cleared", scenario->name);
    ck_assert_msg(world_left(&world) == scenario->pods_left, "%s: %zu pods left", scenario->name,
                  world_left(&world));
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

/* A remedy of a lapsed Node that has just marked it, with fresh evidence. */
static struct remedy *about_to_remove(struct world *world, struct remedy_plan *plan)
{
    scenario = &scenarios[0];
    began_us = world->now_us;
    plan->verdict = VERDICT_SILENT;
    plan->accept_unverified = false;
    world_witness(world, true);
    struct remedy *remedy = world_begin(world, plan);
    remedy_evidence(remedy, world->now_us, world->now_us);
    while (world->now_us < began_us + 14 * US_PER_SECOND) {
        if (!world_round(world, plan, remedy))
            world_wait(world, remedy);
        world_witness(world, true);
    }
    remedy_evidence(remedy, world->now_us, world->now_us);
    return remedy;
}

static bool removes(enum remedy_kind kind)
{
    return kind == REMEDY_MARK_POD || kind == REMEDY_DELETE_POD || kind == REMEDY_TAINT_NODE ||
           kind == REMEDY_DELETE_NODE;
}

/* How old what was known last was, when a request of each kind went out. */
START_TEST(nothing_is_removed_on_old_evidence_or_an_old_reading)
{
    struct world world = world_new(30);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    struct remedy *remedy = about_to_remove(&world, &plan);
    uint64_t evidence_us = world.now_us, read_us = 0;
    struct remedy_request request;
    size_t removed = 0;

    world.volumes = 1;
    for (int i = 0; i < 2000 && !world.node_gone; i++) {
        while (remedy_next(remedy, REMEDY_ACT, world.now_us, &request)) {
            if (removes(request.kind)) {
                removed++;
                ck_assert_uint_le(world.now_us - evidence_us, 5 * US_PER_SECOND);
                ck_assert_uint_le(world.now_us - read_us, US_PER_SECOND);
            }
            world_serve(&world, &plan, remedy, &request);
            if (request.kind <= REMEDY_CLEAR_NODE && request.kind != REMEDY_READ_LEASE)
                read_us = world.now_us;
            world.now_us += (unsigned)(i * 37 % 700) * US_PER_MS;
            world_witness(&world, true);
        }
        world.now_us += US_PER_SECOND;
        world_witness(&world, true);
        world.volumes = 0;
        if (i % 7 == 0) {
            evidence_us = world.now_us;
            remedy_evidence(remedy, evidence_us, world.now_us);
        }
    }
    ck_assert(world.node_gone);
    ck_assert_uint_ge(removed, 2 * 30 + 1);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

/* Each thing that closes the gate between one pod and the next, and opens it again. */
enum closes { LEADERSHIP, LEAVE, A_PAUSE, RENEWAL, GATES };

static void close_gate(struct world *world, struct remedy *remedy, enum closes what)
{
    switch (what) {
    case LEADERSHIP:
        remedy_set_leave(remedy, REMEDY_LEAVE_GRANTED, false, world->now_us);
        break;
    case LEAVE:
        remedy_set_leave(remedy, REMEDY_LEAVE_WAIT, true, world->now_us);
        break;
    case A_PAUSE:
        remedy_stopped(remedy, world->now_us);
        break;
    default:
        world->renews = true;
    }
}

START_TEST(a_gate_that_closes_stops_between_two_pods)
{
    struct world world = world_new(40);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    struct remedy *remedy = about_to_remove(&world, &plan);
    struct remedy_request request;
    size_t left;
    char detail[512];

    while (world.asked[REMEDY_DELETE_POD] < 3) {
        if (!world_round(&world, &plan, remedy)) {
            world_wait(&world, remedy);
            world_witness(&world, true);
        }
    }
    close_gate(&world, remedy, _i);
    if (_i == RENEWAL) {
        world.now_us += 2 * US_PER_SECOND;
        while (remedy_next(remedy, REMEDY_ACT, world.now_us, &request) &&
               request.kind != REMEDY_READ_LEASE)
            world_serve(&world, &plan, remedy, &request);
        ck_assert_int_eq(request.kind, REMEDY_READ_LEASE);
        world_serve(&world, &plan, remedy, &request);
    }
    left = world_left(&world);
    while (remedy_next(remedy, REMEDY_ACT, world.now_us, &request)) {
        ck_assert_msg(!removes(request.kind), "gate %d", _i);
        world_serve(&world, &plan, remedy, &request);
    }
    ck_assert_uint_eq(world_left(&world), left);
    ck_assert_uint_gt(left, 0);

    world.renews = false;
    world.each_second = second;
    remedy_set_leave(remedy, REMEDY_LEAVE_GRANTED, true, world.now_us);
    ck_assert_outcome(world_carry(&world, &plan, remedy, detail), OUTCOME_DELETED, detail);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

/* Another host leads: it does what is to be done, or this one takes over. */
static void lead_elsewhere(struct world *world, struct remedy *remedy)
{
    uint64_t s = (world->now_us - began_us) / US_PER_SECOND;

    second(world, remedy);
    if (s == 20 && world->at == 0)
        world->node_gone = true;
    if (s == 20 && world->at == 1)
        remedy_set_leave(remedy, REMEDY_LEAVE_GRANTED, true, world->now_us);
}

START_TEST(a_host_that_does_not_lead_stands_by)
{
    struct world world = world_new(12);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    scenario = &scenarios[0];
    began_us = world.now_us;
    world.each_second = lead_elsewhere;
    world.at = (size_t)_i;
    plan.verdict = VERDICT_SILENT;
    world_witness(&world, true);
    struct remedy *remedy = remedy_new(&plan);
    remedy_set_witnesses(remedy, &world.witnesses);
    remedy_evidence(remedy, world.now_us, world.now_us);
    remedy_set_leave(remedy, REMEDY_LEAVE_ELSEWHERE, false, world.now_us);
    enum outcome outcome = world_carry(&world, &plan, remedy, detail);
    ck_assert_outcome(outcome, _i == 0 ? OUTCOME_ELSEWHERE : OUTCOME_DELETED, detail);
    if (_i == 0)
        ck_assert_uint_eq(world.writes, 0);
    ck_assert_uint_ge(world.now_us - began_us, 20 * US_PER_SECOND);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

/* The host that led is gone with what it set; this one leads when it hears that the machine lives,
 * or a while later. */
static void lead_later(struct world *world, struct remedy *remedy)
{
    if (world->now_us >= began_us + 20 * US_PER_SECOND)
        remedy_set_leave(remedy, REMEDY_LEAVE_ELSEWHERE, true, world->now_us);
}

START_TEST(what_another_host_set_is_undone_by_who_leads_then)
{
    struct world world = world_new(3);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    began_us = world.now_us;
    world.each_second = lead_later;
    world.cordoned = true;
    world.set = "boot=" NODE_BOOT ",annotations,label,unschedulable";
    plan.verdict = VERDICT_SILENT;
    struct remedy *remedy = remedy_new(&plan);
    remedy_set_leave(remedy, REMEDY_LEAVE_ELSEWHERE, _i == 0, world.now_us);
    remedy_retract(remedy, RETRACT_ANSWERS, world.now_us);
    enum outcome outcome = world_carry(&world, &plan, remedy, detail);
    ck_assert_outcome(outcome, OUTCOME_RETRACTED, detail);
    ck_assert(!world.cordoned && world.cleared == 1);
    ck_assert(_i == 0 || world.now_us >= began_us + 20 * US_PER_SECOND);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

/* The first look was made before a restart: by now a dead node's Ready is Unknown, too. */
START_TEST(after_a_restart_the_first_look_counts)
{
    struct world world = world_new(3);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    scenario = &scenarios[0];
    began_us = world.now_us;
    world.each_second = second;
    world.ready = _i == 0 ? "Unknown" : "True";
    plan.verdict = VERDICT_SILENT;
    plan.looked = true;
    plan.lost_before = _i != 0;
    world_witness(&world, true);
    enum outcome outcome = world_run(&world, &plan, detail);
    ck_assert_outcome(outcome, _i == 0 ? OUTCOME_DELETED : OUTCOME_EXPIRED, detail);
    world_end(&world);
}
END_TEST

START_TEST(a_pod_that_opted_out_is_told_and_keeps_the_node)
{
    struct world world = world_new(3);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.pods[1].keeps = true;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_PODS_DONE, detail);
    ck_assert(!world.node_gone && world.pods[1].annotated && !world.pods[1].gone &&
              !world.pods[1].marked);
    ck_assert_uint_eq(world_left(&world), 1);
    world_end(&world);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("evidence");

    tcase_add_loop_test(tests, what_is_done_follows_from_the_evidence, 0,
                        sizeof(scenarios) / sizeof(scenarios[0]));
    tcase_add_test(tests, nothing_is_removed_on_old_evidence_or_an_old_reading);
    tcase_add_loop_test(tests, a_gate_that_closes_stops_between_two_pods, 0, GATES);
    tcase_add_loop_test(tests, a_host_that_does_not_lead_stands_by, 0, 2);
    tcase_add_loop_test(tests, what_another_host_set_is_undone_by_who_leads_then, 0, 2);
    tcase_add_loop_test(tests, after_a_restart_the_first_look_counts, 0, 2);
    tcase_add_test(tests, a_pod_that_opted_out_is_told_and_keeps_the_node);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("actuator remedy evidence", fill);
}
