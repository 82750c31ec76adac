#include "tests/unit/actuator_world.h"
#include "tests/unit/unit.h"

START_TEST(a_dead_node_and_its_pods_are_removed)
{
    struct world world = world_new(30);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_DELETED, detail);
    ck_assert(world.node_gone);
    ck_assert_uint_eq(world_left(&world), 0);
    ck_assert_str_eq(detail, "Node deleted; 30 pods deleted");
    ck_assert_uint_eq(world.asked[REMEDY_READ_NODE], 2);
    ck_assert_uint_eq(world.asked[REMEDY_LIST_PODS], 2);
    ck_assert_uint_eq(world.asked[REMEDY_MARK_POD], 30);
    ck_assert_uint_eq(world.asked[REMEDY_DELETE_POD], 30);
    ck_assert_uint_eq(world.asked[REMEDY_EVENT], 1 + 1 + 30);
    world_end(&world);
}
END_TEST

START_TEST(a_node_without_pods_is_removed)
{
    struct world world = world_new(0);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_DELETED, detail);
    ck_assert_uint_eq(world.asked[REMEDY_LIST_PODS], 2);
    ck_assert(world.node_gone);
    world_end(&world);
}
END_TEST

START_TEST(a_pods_delete_goes_out_the_moment_its_patch_was_answered)
{
    struct world world = world_new(30);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    struct remedy *remedy = world_begin(&world, &plan);
    struct remedy_request request, next;

    do
        ck_assert(remedy_next(remedy, REMEDY_ACT, world.now_us, &request));
    while (world_serve(&world, &plan, remedy, &request), request.kind != REMEDY_MARK_POD);
    ck_assert(remedy_next(remedy, REMEDY_ACT, world.now_us, &next));
    ck_assert_int_eq(next.kind, REMEDY_DELETE_POD);
    ck_assert_ptr_eq(next.pod, request.pod);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

/* Each kind of pod, and what becomes of it when everything may be done. */
START_TEST(each_kind_of_pod_gets_what_it_should)
{
    struct world world = world_new(1);
    struct world_pod *daemon = world_add(&world, "daemon", "DaemonSet");
    struct world_pod *mirror = world_add(&world, "mirror", "Node");
    struct world_pod *done = world_add(&world, "done", "Job");
    struct world_pod *failed = world_add(&world, "failed", "Job");
    struct world_pod *bare = world_add(&world, "bare", NULL);
    struct world_pod *held = world_add(&world, "held", "StatefulSet");
    struct world_pod *marked = world_add(&world, "marked-before-a-crash", "Job");
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    mirror->mirror = true;
    done->phase = "Succeeded";
    failed->phase = marked->phase = "Failed";
    marked->marked = true;
    held->finalizer = true;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_DELETED, detail);
    ck_assert(daemon->annotated && !daemon->ready && !daemon->going && !daemon->marked);
    ck_assert(!mirror->annotated && !mirror->going);
    ck_assert(!done->annotated && !done->going && !failed->annotated && !failed->going);
    ck_assert(bare->gone && marked->gone && world.pods[0].gone);
    ck_assert(held->marked && held->going && !held->gone);
    ck_assert_str_eq(detail, "Node deleted; 4 pods deleted, 1 annotated, 2 had finished, "
                             "1 mirror pods");
    world_end(&world);
}
END_TEST

struct ends {
    enum mode mode;
    bool accept_unverified;
    enum remedy_dry dry;
    enum outcome outcome;
    bool cordoned, pods_gone, node_gone;
    size_t writes;
};

/* Four pods of a Job and one of a DaemonSet: 1 + 2 Events less for the DaemonSet. */
static const struct ends ends[] = {
    { MODE_OBSERVE, true, REMEDY_REAL, OUTCOME_OBSERVED, false, false, false, 0 },
    { MODE_ANNOTATE, true, REMEDY_REAL, OUTCOME_TOLD, true, false, false, 1 + 5 + 7 },
    { MODE_PODS, true, REMEDY_REAL, OUTCOME_PODS_DONE, true, true, false, 1 + 9 + 7 },
    { MODE_NODE, true, REMEDY_REAL, OUTCOME_DELETED, true, true, true, 2 + 9 + 7 },
    { MODE_NODE, false, REMEDY_REAL, OUTCOME_OBSERVED, false, false, false, 0 },
    { MODE_PODS, false, REMEDY_REAL, OUTCOME_OBSERVED, false, false, false, 0 },
    { MODE_OBSERVE, true, REMEDY_DRY_LOCAL, OUTCOME_OBSERVED, false, false, false, 0 },
    { MODE_ANNOTATE, true, REMEDY_DRY_LOCAL, OUTCOME_DRY_RUN, false, false, false, 0 },
    { MODE_PODS, true, REMEDY_DRY_SERVER, OUTCOME_DRY_RUN, false, false, false, 0 },
    { MODE_NODE, true, REMEDY_DRY_LOCAL, OUTCOME_DRY_RUN, false, false, false, 0 },
    { MODE_NODE, true, REMEDY_DRY_SERVER, OUTCOME_DRY_RUN, false, false, false, 0 },
};

START_TEST(mode_and_right_and_dry_run_bound_what_is_written)
{
    const struct ends *row = &ends[_i];
    struct world world = world_new(4);
    world_add(&world, "daemon", "DaemonSet");
    struct remedy_plan plan = world_plan(&world, row->mode);
    char detail[512];

    plan.accept_unverified = row->accept_unverified;
    plan.dry = row->dry;
    ck_assert_outcome(world_run(&world, &plan, detail), row->outcome, detail);
    ck_assert_uint_eq(world.cordoned, row->cordoned);
    ck_assert_uint_eq(world_left(&world), row->pods_gone ? 1 : 5);
    ck_assert_uint_eq(world.node_gone, row->node_gone);
    ck_assert_uint_eq(world.writes, row->writes);
    world_end(&world);
}
END_TEST

START_TEST(a_dry_run_lists_once_and_does_not_wait_for_volumes)
{
    struct world world = world_new(4);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.volumes = 2;
    plan.dry = REMEDY_DRY_SERVER;
    uint64_t began_us = world.now_us;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_DRY_RUN, detail);
    ck_assert_uint_eq(world.asked[REMEDY_LIST_PODS], 1);
    ck_assert_uint_eq(world.asked[REMEDY_TAINT_NODE], 1);
    ck_assert_uint_eq(world.asked[REMEDY_DELETE_NODE], 1);
    ck_assert_uint_lt(world.now_us - began_us, US_PER_SECOND);
    world_end(&world);
}
END_TEST

struct verdict_end {
    enum verdict verdict;
    enum outcome outcome;
    size_t events;
};

static const struct verdict_end verdict_ends[] = {
    { VERDICT_REBOOTED, OUTCOME_REBOOTED, 1 },
    { VERDICT_RECREATED, OUTCOME_RECREATED, 1 },
    { VERDICT_EXPIRED, OUTCOME_EXPIRED, 0 },
    { VERDICT_MISMATCH, OUTCOME_MISMATCH, 0 },
};

START_TEST(a_verdict_that_ends_it_touches_nothing)
{
    const struct verdict_end *row = &verdict_ends[_i];
    struct world world = world_new(3);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    plan.verdict = row->verdict;
    ck_assert_outcome(world_run(&world, &plan, detail), row->outcome, detail);
    ck_assert_uint_eq(world.served, row->events);
    ck_assert_uint_eq(world.events, row->events);
    world_end(&world);
}
END_TEST

START_TEST(pods_are_read_page_by_page)
{
    struct world world = world_new(7);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.page = 3;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_DELETED, detail);
    ck_assert_uint_eq(world_left(&world), 0);
    ck_assert_uint_eq(world.asked[REMEDY_LIST_PODS], 3 + 1);
    world_end(&world);
}
END_TEST

/* Another pod is bound before each request of `kind`, `at` times. */
static unsigned one_more(struct world *world, const struct remedy_request *request)
{
    char name[32];

    if (request->kind == world->kind && world->at > 0) {
        snprintf(name, sizeof(name), "late-%zu", world->at--);
        world_add(world, name, "Job");
    }
    return 0;
}

START_TEST(pods_that_appear_after_the_first_list_are_removed_too)
{
    struct world world = world_new(_i == 0 ? 2 : 0);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.before = one_more;
    world.kind = _i == 0 ? REMEDY_DELETE_POD : REMEDY_MARK_NODE;
    world.at = 2;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_DELETED, detail);
    ck_assert_uint_eq(world_left(&world), 0);
    world_end(&world);
}
END_TEST

/* Pod 0 is replaced by one of the same name right before a request of kind `kind` about it. */
static unsigned same_name(struct world *world, const struct remedy_request *request)
{
    if (request->kind == world->kind && !world->pods[0].gone &&
        strcmp(request->pod->name, "pod-0") == 0) {
        world->pods[0].gone = true;
        world_add(world, "pod-0", "Job")->marked = false;
    }
    return 0;
}

START_TEST(a_pod_that_came_back_under_its_name_is_another_one)
{
    struct world world = world_new(3);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.before = same_name;
    world.kind = _i == 0 ? REMEDY_MARK_POD : REMEDY_DELETE_POD;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_DELETED, detail);
    ck_assert_uint_eq(world_left(&world), 0);
    ck_assert(world.pods[3].marked);
    world_end(&world);
}
END_TEST

/* The volumes are detached with the 5th read after the taint. */
static unsigned detach(struct world *world, const struct remedy_request *request)
{
    if (request->kind == REMEDY_READ_NODE && world->tainted && ++world->at == 5)
        world->volumes = 0;
    return 0;
}

START_TEST(volumes_are_waited_for_under_the_taint)
{
    struct world world = world_new(2);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.volumes = 2;
    world.before = detach;
    uint64_t began_us = world.now_us;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_DELETED, detail);
    ck_assert_uint_eq(world.asked[REMEDY_TAINT_NODE], 1);
    ck_assert_uint_ge(world.now_us - began_us, 10 * US_PER_SECOND);
    ck_assert_uint_lt(world.now_us - began_us, 11 * US_PER_SECOND);
    world_end(&world);
}
END_TEST

START_TEST(a_node_whose_volumes_stay_is_kept_after_three_minutes)
{
    struct world world = world_new(2);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.volumes = 1;
    uint64_t began_us = world.now_us;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_PARTIAL, detail);
    ck_assert(!world.node_gone && world.tainted);
    ck_assert_uint_eq(world_left(&world), 0);
    ck_assert_uint_ge(world.now_us - began_us, 3 * US_PER_MINUTE);
    ck_assert_uint_lt(world.now_us - began_us, 3 * US_PER_MINUTE + 3 * US_PER_SECOND);
    world_end(&world);
}
END_TEST

START_TEST(a_node_with_finalizers_is_left_to_their_owner)
{
    struct world world = world_new(2);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    char detail[512];

    world.finalizers = true;
    ck_assert_outcome(world_run(&world, &plan, detail), OUTCOME_LEFT_TO_OWNER, detail);
    ck_assert_uint_eq(world.asked[REMEDY_DELETE_NODE], 0);
    ck_assert_uint_eq(world_left(&world), 0);
    world_end(&world);
}
END_TEST

/* Retracted before anything was set, once the Node is marked, and once a pod was deleted. */
static const struct {
    enum remedy_kind after;
    enum retract_why why;
    enum outcome outcome;
    size_t cleared, pods_left;
} retracts[] = {
    { REMEDY_READ_NODE, RETRACT_ANSWERS, OUTCOME_RETRACTED, 0, 5 },
    { REMEDY_READ_NODE, RETRACT_REBOOTED, OUTCOME_REBOOTED, 0, 5 },
    { REMEDY_READ_NODE, RETRACT_RECREATED, OUTCOME_RECREATED, 0, 5 },
    { REMEDY_MARK_NODE, RETRACT_ANSWERS, OUTCOME_RETRACTED, 1, 5 },
    { REMEDY_DELETE_POD, RETRACT_ANSWERS, OUTCOME_PARTIAL, 1, 4 },
    { REMEDY_DELETE_POD, RETRACT_REBOOTED, OUTCOME_PARTIAL, 1, 4 },
};

START_TEST(what_was_retracted_stops_and_is_undone)
{
    struct world world = world_new(5);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    struct remedy *remedy = world_begin(&world, &plan);
    struct remedy_request request;
    char detail[512];

    do {
        ck_assert(remedy_next(remedy, REMEDY_ACT, world.now_us, &request));
        world_serve(&world, &plan, remedy, &request);
    } while (request.kind != retracts[_i].after);
    remedy_retract(remedy, retracts[_i].why, world.now_us);
    enum outcome outcome = world_carry(&world, &plan, remedy, detail);
    ck_assert_outcome(outcome, retracts[_i].outcome, detail);
    ck_assert_uint_eq(world_left(&world), retracts[_i].pods_left);
    ck_assert_uint_eq(world.cleared, retracts[_i].cleared);
    ck_assert(!world.node_gone && !world.cordoned && !world.set);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

START_TEST(owners_hear_how_many_of_their_pods_died)
{
    struct world world = world_new(60);
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    struct remedy *remedy = world_begin(&world, &plan);
    struct remedy_request request;
    size_t owners = 0, pods = 0, nodes = 0;

    world_add(&world, "daemon", "DaemonSet");
    while (remedy_next(remedy, REMEDY_ACT, world.now_us, &request))
        world_serve(&world, &plan, remedy, &request);
    while (remedy_next(remedy, REMEDY_TELL, world.now_us, &request)) {
        if (request.event->owner) {
            owners++;
            ck_assert_str_eq(request.event->owner->kind, "Job");
            ck_assert_uint_eq(request.event->owner->pods, 60);
        } else if (request.event->pod) {
            pods++;
        } else {
            nodes++;
        }
    }
    ck_assert_uint_eq(owners, 1);
    ck_assert_uint_eq(nodes, 1);
    ck_assert_uint_eq(pods, 50);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

START_TEST(each_pods_end_is_reported_once)
{
    struct world world = world_new(5);
    world_add(&world, "mirror", "Node")->mirror = true;
    struct remedy_plan plan = world_plan(&world, MODE_NODE);
    struct remedy *remedy = world_begin(&world, &plan);
    const struct remedy_pod *pod;
    size_t deleted = 0, left = 0;
    char detail[512];

    world_carry(&world, &plan, remedy, detail);
    while ((pod = remedy_next_ended(remedy))) {
        deleted += strcmp(pod->done, "deleted") == 0;
        left += strcmp(pod->done, "left: mirror pod") == 0;
    }
    ck_assert_uint_eq(deleted, 5);
    ck_assert_uint_eq(left, 1);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("remedy");

    tcase_add_test(tests, a_dead_node_and_its_pods_are_removed);
    tcase_add_test(tests, a_node_without_pods_is_removed);
    tcase_add_test(tests, a_pods_delete_goes_out_the_moment_its_patch_was_answered);
    tcase_add_test(tests, each_kind_of_pod_gets_what_it_should);
    tcase_add_loop_test(tests, mode_and_right_and_dry_run_bound_what_is_written, 0,
                        sizeof(ends) / sizeof(ends[0]));
    tcase_add_test(tests, a_dry_run_lists_once_and_does_not_wait_for_volumes);
    tcase_add_loop_test(tests, a_verdict_that_ends_it_touches_nothing, 0,
                        sizeof(verdict_ends) / sizeof(verdict_ends[0]));
    tcase_add_test(tests, pods_are_read_page_by_page);
    tcase_add_loop_test(tests, pods_that_appear_after_the_first_list_are_removed_too, 0, 2);
    tcase_add_loop_test(tests, a_pod_that_came_back_under_its_name_is_another_one, 0, 2);
    tcase_add_test(tests, volumes_are_waited_for_under_the_taint);
    tcase_add_test(tests, a_node_whose_volumes_stay_is_kept_after_three_minutes);
    tcase_add_test(tests, a_node_with_finalizers_is_left_to_their_owner);
    tcase_add_loop_test(tests, what_was_retracted_stops_and_is_undone, 0,
                        sizeof(retracts) / sizeof(retracts[0]));
    tcase_add_test(tests, owners_hear_how_many_of_their_pods_died);
    tcase_add_test(tests, each_pods_end_is_reported_once);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("actuator remedy", fill);
}
