#include "actuator/remedy_state.h"
#include "tests/unit/actuator_world.h"
#include "tests/unit/unit.h"

/* Answers the first request of a kind with `status`. */
static unsigned once(struct world *world, const struct remedy_request *request)
{
    return request->kind == world->kind && world->at++ == 0 ? world->status : 0;
}

static unsigned always(struct world *world, const struct remedy_request *request)
{
    return request->kind == world->kind ? world->status : 0;
}

static const enum remedy_kind all_kinds[] = {
    REMEDY_READ_NODE,  REMEDY_MARK_NODE,  REMEDY_LIST_PODS,   REMEDY_MARK_POD,
    REMEDY_DELETE_POD, REMEDY_TAINT_NODE, REMEDY_DELETE_NODE, REMEDY_EVENT,
};
static const unsigned passing[] = { 0, 401, 403, 408, 410, 429, 500, 503, 504, WORLD_LOST };
#define KINDS    8
#define PASSINGS 10

/* Volumes that are detached when the Node is tainted, so that every kind of request occurs. */
static unsigned once_with_volumes(struct world *world, const struct remedy_request *request)
{
    if (world->tainted && request->kind == REMEDY_READ_NODE)
        world->volumes = 0;
    return once(world, request);
}

START_TEST(a_passing_failure_changes_nothing_but_the_time)
{
    struct world world = world_new(6);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.kind = all_kinds[_i / PASSINGS];
    world.status = passing[_i % PASSINGS];
    if (world.status == 0)
        world.status = 599; /* the world's 0 means "go on"; no answer is WORLD_LOST */
    world.volumes = 1;
    world.before = once_with_volumes;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_DELETED, detail);
    ck_assert_uint_gt(world.at, 0);
    ck_assert_uint_eq(world_left(&world), 0);
    ck_assert_uint_eq(world.asked[REMEDY_EVENT], 1 + 1 + 6 + (world.kind == REMEDY_EVENT));
    world_end(&world);
}
END_TEST

struct refusal {
    enum remedy_kind kind;
    unsigned status;
    enum outcome outcome;
    bool node_gone;
    size_t pods_left;
};

static const struct refusal refusals[] = {
    { REMEDY_READ_NODE, 403, OUTCOME_REFUSED, false, 4 },
    { REMEDY_MARK_NODE, 403, OUTCOME_REFUSED, false, 4 },
    { REMEDY_MARK_NODE, 422, OUTCOME_REFUSED, false, 4 },
    { REMEDY_MARK_NODE, 400, OUTCOME_REFUSED, false, 4 },
    { REMEDY_LIST_PODS, 403, OUTCOME_PARTIAL, false, 4 }, /* the Node is marked meanwhile */
    { REMEDY_MARK_POD, 403, OUTCOME_PARTIAL, false, 4 },
    { REMEDY_MARK_POD, 422, OUTCOME_PARTIAL, false, 4 },
    { REMEDY_DELETE_POD, 403, OUTCOME_PARTIAL, false, 4 },
    { REMEDY_DELETE_POD, 400, OUTCOME_PARTIAL, false, 4 },
    { REMEDY_TAINT_NODE, 403, OUTCOME_PARTIAL, false, 0 },
    { REMEDY_DELETE_NODE, 403, OUTCOME_PARTIAL, false, 0 },
    { REMEDY_EVENT, 403, OUTCOME_DELETED, true, 0 },
    { REMEDY_EVENT, 409, OUTCOME_DELETED, true, 0 },
    { REMEDY_EVENT, 500, OUTCOME_DELETED, true, 0 },
    { REMEDY_READ_NODE, 404, OUTCOME_NODE_GONE, false, 4 },
    { REMEDY_MARK_NODE, 404, OUTCOME_NODE_GONE, false, 4 },
    { REMEDY_MARK_POD, 404, OUTCOME_DELETED, true, 4 },
    { REMEDY_DELETE_POD, 404, OUTCOME_DELETED, true, 4 },
    { REMEDY_DELETE_POD, 409, OUTCOME_DELETED, true, 4 },
};

START_TEST(a_refusal_stops_what_depends_on_it_and_nothing_else)
{
    const struct refusal *row = &refusals[_i];
    struct world world = world_new(4);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.kind = row->kind;
    world.status = row->status;
    world.before = always;
    world.volumes = row->kind == REMEDY_TAINT_NODE;
    ck_assert_outcome(world_run(&world, &plan, detail), row->outcome, detail);
    ck_assert_uint_eq(world.node_gone, row->node_gone);
    ck_assert_uint_eq(world_left(&world), row->pods_left);
    if (row->outcome == OUTCOME_REFUSED)
        ck_assert_uint_eq(world.asked[REMEDY_MARK_POD], 0);
    world_end(&world);
}
END_TEST

/* An admission policy that refuses our annotations, on pod 1 only or (at != 0) whatever we send. */
static unsigned policy(struct world *world, const struct remedy_request *request)
{
    if (request->kind != REMEDY_MARK_POD || strcmp(request->pod->name, "pod-1") != 0)
        return 0;
    return !request->plain || world->at != 0 ? 403 : 0;
}

START_TEST(a_pod_whose_annotations_are_refused_is_marked_without_them)
{
    struct world world = world_new(3);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.before = policy;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_DELETED, detail);
    ck_assert(world.pods[0].annotated && !world.pods[1].annotated && world.pods[1].marked);
    world_end(&world);
}
END_TEST

START_TEST(a_pod_that_is_refused_keeps_the_node_but_not_the_others)
{
    struct world world = world_new(3);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.before = policy;
    world.at = 1;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_PARTIAL, detail);
    ck_assert(!world.node_gone && !world.pods[1].gone);
    ck_assert_uint_eq(world_left(&world), 1);
    ck_assert_str_eq(detail, "2 pods deleted, 1 refused; nobody knows why");
    world_end(&world);
}
END_TEST

START_TEST(retry_after_is_kept_to)
{
    struct world world = world_new(1);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    uint64_t began_us = world.now_us;
    char detail[512];

    world.kind = REMEDY_MARK_POD;
    world.status = 429;
    world.retry_after_us = 7 * US_PER_SECOND;
    world.before = once;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_DELETED, detail);
    ck_assert_uint_ge(world.now_us - began_us, 7 * US_PER_SECOND);
    ck_assert_uint_lt(world.now_us - began_us, 8 * US_PER_SECOND);
    world_end(&world);
}
END_TEST

START_TEST(an_api_server_that_stays_away_leads_to_expiry_not_to_a_storm)
{
    struct world world = world_new(4);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.kind = all_kinds[_i];
    world.status = 503;
    world.before = always;
    world.volumes = world.kind == REMEDY_TAINT_NODE;
    enum outcome outcome = world_run(&world, &plan, detail);
    if (world.kind == REMEDY_EVENT) {
        ck_assert_outcome(outcome, OUTCOME_DELETED, detail);
        ck_assert_uint_eq(world.asked[REMEDY_EVENT], (1 + 1 + 4) * 5);
    } else {
        bool taint = world.kind == REMEDY_TAINT_NODE; /* volumes have 3 minutes */
        ck_assert_outcome(outcome, taint ? OUTCOME_PARTIAL : OUTCOME_EXPIRED, detail);
        ck_assert(taint || world.now_us >= plan.expires_us);
        ck_assert_uint_lt(world.asked[world.kind], 4 * 250);
    }
    ck_assert(world.kind == REMEDY_EVENT || !world.node_gone);
    world_end(&world);
}
END_TEST

START_TEST(what_expired_before_it_began_does_nothing)
{
    struct world world = world_new(4);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    plan.expires_us = 0;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_EXPIRED, detail);
    ck_assert_uint_eq(world.served, 0);
    world_end(&world);
}
END_TEST

/* Somebody else writes the Node before each of our writes to it, `at` times. */
static unsigned contended(struct world *world, const struct remedy_request *request)
{
    if (request->kind == world->kind && world->at > 0) {
        world->at--;
        world->node_version++;
    }
    return 0;
}

static const enum remedy_kind node_writes[] = { REMEDY_MARK_NODE, REMEDY_TAINT_NODE,
                                                REMEDY_DELETE_NODE };

START_TEST(a_node_that_others_write_is_read_and_judged_again)
{
    struct world world = world_new(2);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.before = contended;
    world.kind = node_writes[_i];
    world.at = 10;
    world.volumes = world.kind == REMEDY_TAINT_NODE;
    enum outcome should = world.volumes ? OUTCOME_PARTIAL : OUTCOME_DELETED;
    ck_assert_outcome(world_run(&world, &plan, detail), should, detail);
    ck_assert_uint_eq(world.asked[world.kind], 11);
    world_end(&world);
}
END_TEST

START_TEST(endless_conflicts_end_with_the_intent)
{
    struct world world = world_new(2);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.before = contended;
    world.kind = REMEDY_MARK_NODE;
    world.at = SIZE_MAX;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_EXPIRED, detail);
    ck_assert_uint_lt(world.served, 1000);
    ck_assert_uint_eq(world.asked[REMEDY_MARK_POD], 0);
    world_end(&world);
}
END_TEST

/* The Node reboots (status 0), is created anew (1) or goes (2) before a request of `kind`. */
static unsigned turns(struct world *world, const struct remedy_request *request)
{
    if (request->kind != world->kind || world->at++ > 0)
        return 0;
    world->node_version++;
    if (world->status == 0)
        world->boot = "boot-2";
    else if (world->status == 1)
        world->uid = "another-uid";
    else
        world->node_gone = true;
    return 0;
}

START_TEST(a_node_that_came_back_is_never_deleted)
{
    static const enum outcome outcomes[] = { OUTCOME_REBOOTED, OUTCOME_RECREATED,
                                             OUTCOME_NODE_GONE };
    static const enum remedy_kind kinds[] = { REMEDY_READ_NODE, REMEDY_MARK_NODE, REMEDY_TAINT_NODE,
                                              REMEDY_DELETE_NODE };
    struct world world = world_new(3);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.status = (unsigned)_i % 3;
    world.kind = kinds[_i / 3];
    world.volumes = world.kind == REMEDY_TAINT_NODE;
    world.before = turns;
    /* Gone when our DELETE was sent: an earlier copy of it may well have been what did it. */
    enum outcome should = _i == 11 ? OUTCOME_DELETED : outcomes[_i % 3];
    ck_assert_outcome(world_run(&world, &plan, detail), should, detail);
    ck_assert(world.status == 2 || !world.node_gone);
    ck_assert(world.status != 0 || !world.set);
    if (_i / 3 < 2)
        ck_assert_uint_eq(world.asked[REMEDY_MARK_POD], 0);
    world_end(&world);
}
END_TEST

/* Something between us and the API server answers 404 to the first requests of `kind`. */
static unsigned elsewhere(struct world *world, const struct remedy_request *request)
{
    return request->kind == world->kind && world->at++ < 3 ? 404 : 0;
}

START_TEST(a_404_that_is_not_the_api_servers_ends_nothing)
{
    static const enum remedy_kind kinds[] = { REMEDY_READ_NODE, REMEDY_MARK_NODE, REMEDY_MARK_POD,
                                              REMEDY_DELETE_POD, REMEDY_DELETE_NODE };
    struct world world = world_new(3);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.kind = kinds[_i];
    world.proxied = true;
    world.before = elsewhere;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_DELETED, detail);
    ck_assert(world.node_gone);
    ck_assert_uint_eq(world_left(&world), 0);
    world_end(&world);
}
END_TEST

/* The continue token of the second page is too old, once. */
static unsigned compacted(struct world *world, const struct remedy_request *request)
{
    bool second = request->kind == REMEDY_LIST_PODS && request->continue_token;
    return second && world->at++ == 0 ? 410 : 0;
}

START_TEST(a_list_whose_token_is_too_old_begins_again)
{
    struct world world = world_new(5);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.page = 2;
    world.before = compacted;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_DELETED, detail);
    ck_assert_uint_eq(world_left(&world), 0);
    world_end(&world);
}
END_TEST

/* One pod of each kind, so that a crash can come before and after each request about each. */
static struct world varied(void)
{
    struct world world = world_new(3);

    world_add(&world, "daemon", "DaemonSet");
    world_add(&world, "mirror", "Node")->mirror = true;
    world_add(&world, "done", "Job")->phase = "Succeeded";
    world_add(&world, "held", "Job")->finalizer = true;
    world.page = 2;
    world.volumes = 1;
    return world;
}

static unsigned detached(struct world *world, const struct remedy_request *request)
{
    if (world->tainted && request->kind == REMEDY_READ_NODE)
        world->volumes = 0;
    return 0;
}

/* Also with the answer to the last request lost in the crash, which is how a crash looks. */
START_TEST(after_a_crash_at_any_request_it_comes_to_the_same_end)
{
    struct world whole = varied(), world = varied();
    struct remedy_plan plan = world_plan(&whole, MODE_NODE);
    char detail[512];

    whole.before = world.before = detached;
    ck_assert_outcome(world_run(&whole, &plan, detail), OUTCOME_DELETED, detail);
    for (size_t at = 1; at < whole.served; at++) {
        world_end(&world);
        world = varied();
        world.before = detached;
        world.crash_after = at;
        world_run(&world, &plan, detail);
        bool was_gone = world.node_gone;
        world.crash_after = 0;
        enum outcome outcome = world_run(&world, &plan, detail);
        ck_assert_outcome(outcome, was_gone ? OUTCOME_NODE_GONE : OUTCOME_DELETED, detail);
        ck_assert(world.node_gone && world.tainted);
        for (size_t i = 0; i < whole.pod_count; i++) {
            ck_assert_uint_eq(world.pods[i].gone, whole.pods[i].gone);
            ck_assert_uint_eq(world.pods[i].marked, whole.pods[i].marked);
            ck_assert_uint_eq(world.pods[i].annotated, whole.pods[i].annotated);
            ck_assert_uint_eq(world.pods[i].ready, whole.pods[i].ready);
        }
    }
    world_end(&whole);
    world_end(&world);
}
END_TEST

START_TEST(attempts_are_spread_and_grow_apart)
{
    static const uint64_t ms[] = { 200, 400, 800, 1600, 3200, 5000, 5000 };

    for (unsigned i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
        uint64_t least = remedy_backoff(i + 1, 0), most = remedy_backoff(i + 1, 999);
        ck_assert_uint_eq(least, ms[i] * 750);
        ck_assert_uint_gt(most, ms[i] * 1240);
        ck_assert_uint_lt(most, ms[i] * 1250);
    }
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("faults");

    tcase_add_loop_test(tests, a_passing_failure_changes_nothing_but_the_time, 0, KINDS * PASSINGS);
    tcase_add_loop_test(tests, a_refusal_stops_what_depends_on_it_and_nothing_else, 0,
                        sizeof(refusals) / sizeof(refusals[0]));
    tcase_add_test(tests, a_pod_whose_annotations_are_refused_is_marked_without_them);
    tcase_add_test(tests, a_pod_that_is_refused_keeps_the_node_but_not_the_others);
    tcase_add_test(tests, retry_after_is_kept_to);
    tcase_add_loop_test(tests, an_api_server_that_stays_away_leads_to_expiry_not_to_a_storm, 0,
                        KINDS);
    tcase_add_test(tests, what_expired_before_it_began_does_nothing);
    tcase_add_loop_test(tests, a_node_that_others_write_is_read_and_judged_again, 0, 3);
    tcase_add_test(tests, endless_conflicts_end_with_the_intent);
    tcase_add_loop_test(tests, a_node_that_came_back_is_never_deleted, 0, 12);
    tcase_add_loop_test(tests, a_404_that_is_not_the_api_servers_ends_nothing, 0, 5);
    tcase_add_test(tests, a_list_whose_token_is_too_old_begins_again);
    tcase_add_test(tests, after_a_crash_at_any_request_it_comes_to_the_same_end);
    tcase_add_test(tests, attempts_are_spread_and_grow_apart);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("actuator remedy faults", fill);
}
