#include "tests/unit/actuator_world.h"
#include "tests/unit/unit.h"

/*
 * Between the moment in which a request is chosen and the one in which it goes out, and between one
 * pod and the next: what may change, and what then must not be sent.
 */
static const struct intent silent_panic = { .cause = CAUSE_KERNEL_PANIC,
                                            .verdict = VERDICT_SILENT };

static bool removes(enum remedy_kind kind)
{
    return kind == REMEDY_MARK_POD || kind == REMEDY_DELETE_POD || kind == REMEDY_TAINT_NODE ||
           kind == REMEDY_DELETE_NODE;
}

static bool probed; /* evidence comes every second */

static void each_second(struct world *world, struct remedy *remedy)
{
    world_witness(world, true);
    if (probed)
        remedy_evidence(remedy, world->now_us, world->now_us);
}

static struct remedy_plan plan_of(struct world *world, enum verdict verdict)
{
    struct remedy_plan plan = world_plan(world, MODE_NODE);

    plan.verdict = verdict;
    plan.accept_unverified = false;
    world->each_second = each_second;
    probed = verdict == VERDICT_SILENT;
    world_witness(world, true);
    return plan;
}

/* Carries REMEDY on until it gives out a request that removes; everything before is answered. */
static struct remedy_request until_removal(struct world *world, const struct remedy_plan *plan,
                                           struct remedy *remedy)
{
    struct remedy_request request;

    if (probed)
        remedy_evidence(remedy, world->now_us, world->now_us);
    for (;;) {
        while (remedy_next(remedy, REMEDY_ACT, world->now_us, &request)) {
            if (removes(request.kind))
                return request;
            world_serve(world, plan, remedy, &request);
        }
        world_wait(world, remedy);
    }
}

/* What happens while the request waits for a connection, and whether it still goes. */
enum happens {
    NOTHING,
    HALF_A_SECOND,
    A_SECOND_AND_A_HALF, /* the Node was read too long ago */
    FOUR_SECONDS_OF_SILENCE,
    SIX_SECONDS_OF_SILENCE,
    SIX_SECONDS_OF_NO_LEASE,
    ANSWERS,
    STOPPED,
    NO_LEADER,
    NO_LEAVE,
    EXPIRED,
    HAPPENINGS
};

static const struct {
    enum verdict verdict;
    uint64_t later_us;
    bool read_again; /* the Node, just before */
    bool leaves;
} waits[HAPPENINGS] = {
    [NOTHING] = { VERDICT_SILENT, 0, false, true },
    [HALF_A_SECOND] = { VERDICT_SILENT, 500 * US_PER_MS, false, true },
    [A_SECOND_AND_A_HALF] = { VERDICT_SILENT, 1500 * US_PER_MS, false, false },
    [FOUR_SECONDS_OF_SILENCE] = { VERDICT_SILENT, 4 * US_PER_SECOND, true, true },
    [SIX_SECONDS_OF_SILENCE] = { VERDICT_SILENT, 6 * US_PER_SECOND, true, false },
    [SIX_SECONDS_OF_NO_LEASE] = { VERDICT_UNPROBABLE, 6 * US_PER_SECOND, true, false },
    [ANSWERS] = { VERDICT_SILENT, 0, false, false },
    [STOPPED] = { VERDICT_SILENT, 0, false, false },
    [NO_LEADER] = { VERDICT_SILENT, 0, false, false },
    [NO_LEAVE] = { VERDICT_SILENT, 0, false, false },
    [EXPIRED] = { VERDICT_SILENT, 0, false, false },
};

/* An answer to a read of the Node, sent at SENT_US. */
static void answer_read(struct world *world, struct remedy *remedy,
                        const struct remedy_request *request, uint64_t sent_us)
{
    struct remedy_answer answer = {
        .status = 200, .message = "", .reason = "", .field = "", .sent_us = sent_us, .node = world_node(world)
    };
    remedy_answered(remedy, request, &answer, world->now_us);
}

static void let_happen(struct world *world, struct remedy *remedy, enum happens what)
{
    uint64_t now_us = world->now_us;

    if (what == ANSWERS)
        remedy_retract(remedy, RETRACT_ANSWERS, now_us);
    else if (what == STOPPED)
        remedy_stopped(remedy, now_us);
    else if (what == NO_LEADER)
        remedy_set_leave(remedy, REMEDY_LEAVE_GRANTED, false, now_us);
    else if (what == NO_LEAVE)
        remedy_set_leave(remedy, REMEDY_LEAVE_WAIT, true, now_us);
    else if (what == EXPIRED)
        remedy_merge(remedy, &silent_panic, 0, now_us);
}

START_TEST(a_request_that_waited_goes_only_if_it_still_may)
{
    struct world world = world_new(3);
    struct remedy_plan plan = plan_of(&world, waits[_i].verdict);
    struct remedy_request request, other;

    if (_i == EXPIRED)
        plan.expires_us = world.now_us + 30 * US_PER_SECOND;
    struct remedy *remedy = world_begin(&world, &plan);
    request = until_removal(&world, &plan, remedy);
    world.now_us = _i == EXPIRED ? plan.expires_us : world.now_us + waits[_i].later_us;
    if (waits[_i].read_again) {
        bool is_read = false;
        while (!is_read && remedy_next(remedy, REMEDY_ACT, world.now_us, &other)) {
            is_read = other.kind == REMEDY_READ_NODE;
            if (is_read)
                answer_read(&world, remedy, &other, world.now_us);
        }
        ck_assert_msg(is_read || !waits[_i].leaves, "it does not read the Node again");
    }
    let_happen(&world, remedy, _i);
    ck_assert_msg(remedy_may_leave(remedy, &request, world.now_us) == waits[_i].leaves, "row %d",
                  _i);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

/* When the read of the Node was sent and answered (ms), and until when it counts. */
static const struct {
    const char *name;
    unsigned answered_ms, stopped_ms, counts_ms;
} reads[] = {
    { "an answer at once", 1, 0, 1000 },
    { "an answer that takes its time", 700, 0, 1000 },
    { "an answer that takes longer than it counts", 1500, 0, 1700 },
    { "an answer that is hardly in time", 1900, 0, 2000 },
    { "an answer that came too late", 2500, 0, 0 },
    { "an answer that lay there while we were stopped", 500, 490, 0 },
};

START_TEST(a_read_counts_from_when_it_was_asked_for)
{
    struct world world = world_new(3);
    struct remedy_plan plan = plan_of(&world, VERDICT_SILENT);
    struct remedy *remedy = world_begin(&world, &plan);
    struct remedy_request request = until_removal(&world, &plan, remedy), read;

    /* What was read before is old; only a read lets the pods through. */
    world.now_us += 2 * US_PER_SECOND;
    remedy_evidence(remedy, world.now_us, world.now_us);
    while (remedy_next(remedy, REMEDY_ACT, world.now_us, &read) && read.kind != REMEDY_READ_NODE)
        ck_assert(!removes(read.kind));
    ck_assert_int_eq(read.kind, REMEDY_READ_NODE);
    uint64_t sent_us = world.now_us;
    if (reads[_i].stopped_ms > 0)
        remedy_stopped(remedy, sent_us + reads[_i].stopped_ms * US_PER_MS);
    world.now_us = sent_us + reads[_i].answered_ms * US_PER_MS;
    remedy_evidence(remedy, world.now_us, world.now_us);
    answer_read(&world, remedy, &read, sent_us);
    uint64_t until_us = sent_us + reads[_i].counts_ms * US_PER_MS;
    if (reads[_i].counts_ms > 0)
        ck_assert_msg(remedy_may_leave(remedy, &request, until_us), "%s", reads[_i].name);
    else
        ck_assert_msg(!remedy_may_leave(remedy, &request, world.now_us), "%s", reads[_i].name);
    if (until_us < world.now_us)
        until_us = world.now_us;
    ck_assert_msg(!remedy_may_leave(remedy, &request, until_us + 1), "%s", reads[_i].name);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

/* A DELETE fails for the moment, and before it is tried again the machine answers. */
START_TEST(what_is_tried_again_is_not_after_the_machine_answered)
{
    struct world world = world_new(3);
    struct remedy_plan plan = plan_of(&world, VERDICT_SILENT);
    struct remedy *remedy = world_begin(&world, &plan);
    struct remedy_request request = until_removal(&world, &plan, remedy);
    struct remedy_answer answer = { .status = 503, .message = "away", .reason = "", .field = "", .chance = 500 };
    char detail[512];

    remedy_set_leave(remedy, REMEDY_LEAVE_GRANTED, true, world.now_us);
    remedy_retract(remedy, RETRACT_ANSWERS, world.now_us);
    remedy_answered(remedy, &request, &answer, world.now_us);
    probed = false;
    ck_assert_outcome(world_carry(&world, &plan, remedy, detail), OUTCOME_RETRACTED, detail);
    ck_assert_uint_eq(world_left(&world), 3);
    ck_assert_uint_eq(world.asked[REMEDY_MARK_POD] + world.asked[REMEDY_DELETE_POD], 0);
    ck_assert(!world.cordoned);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

/* Somebody opts the Node out when the removal of its pods has begun. */
static const struct {
    const char *label, *value;
    enum outcome outcome;
    bool marked;
} opts[] = {
    { "annotate", "annotate", OUTCOME_OPTED_OUT, true },
    { "observe", "observe", OUTCOME_OPTED_OUT, false },
    { "pods", "pods", OUTCOME_PODS_DONE, true },
};

static unsigned opt_out_at_fifth(struct world *world, const struct remedy_request *request)
{
    if (request->kind == REMEDY_DELETE_POD && world->asked[REMEDY_DELETE_POD] == 5)
        world->opted = opts[world->at].value;
    return 0;
}

START_TEST(an_opt_out_stops_what_has_begun)
{
    struct world world = world_new(40);
    struct remedy_plan plan = plan_of(&world, VERDICT_SILENT);
    char detail[512];

    world.at = (size_t)_i;
    world.before = opt_out_at_fifth;
    world.slow_us = 150 * US_PER_MS;
    ck_assert_outcome(world_run(&world, &plan, detail), opts[_i].outcome, detail);
    ck_assert(!world.node_gone);
    ck_assert_int_eq(world.set != NULL, opts[_i].marked);
    if (opts[_i].outcome == OUTCOME_OPTED_OUT)
        ck_assert_uint_ge(world_left(&world), 20);
    else
        ck_assert_uint_eq(world_left(&world), 0);
    world_end(&world);
}
END_TEST

/* Another host has marked the Node; this one only observes. */
START_TEST(the_mode_observe_undoes_nothing)
{
    struct world world = world_new(3);
    struct remedy_plan plan = plan_of(&world, VERDICT_SILENT);
    char detail[512];

    plan.mode = MODE_OBSERVE;
    world.cordoned = true;
    world.set = "boot=" NODE_BOOT ",annotations,label,unschedulable";
    struct remedy *remedy = world_begin(&world, &plan);
    if (_i == 0)
        remedy_retract(remedy, RETRACT_ANSWERS, world.now_us);
    else
        world.labels = "\"remediation.medik8s.io/exclude-from-remediation\":\"true\"";
    enum outcome outcome = world_carry(&world, &plan, remedy, detail);
    ck_assert(outcome == OUTCOME_RETRACTED || outcome == OUTCOME_OBSERVED);
    ck_assert(world.cordoned && world.writes == 0);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

/* A verdict that gave less is followed by one that gives more; what the incident comes to. */
static const struct {
    enum verdict verdict;
    enum cause cause;
    bool evidence;
    enum outcome outcome;
} merges[] = {
    { VERDICT_UNPROBABLE, CAUSE_KERNEL_PANIC, true, OUTCOME_DELETED },
    { VERDICT_UNPROBABLE, CAUSE_KERNEL_PANIC, false, OUTCOME_EXPIRED }, /* it is `silent` now */
    { VERDICT_UNVERIFIED, CAUSE_KERNEL_PANIC, true, OUTCOME_DELETED },
    { VERDICT_SILENT, CAUSE_HALT, true, OUTCOME_DELETED },
};

START_TEST(better_evidence_takes_the_place_of_worse)
{
    struct world world = world_new(3);
    struct remedy_plan plan = plan_of(&world, merges[_i].verdict);
    struct remedy_request request;
    char detail[512];

    plan.cause = merges[_i].cause;
    probed = merges[_i].evidence;
    struct remedy *remedy = world_begin(&world, &plan);
    ck_assert(remedy_next(remedy, REMEDY_ACT, world.now_us, &request));
    ck_assert_int_eq(request.kind, REMEDY_READ_NODE);
    world_serve(&world, &plan, remedy, &request);
    remedy_merge(remedy, &silent_panic, plan.expires_us, world.now_us);
    enum outcome outcome = world_carry(&world, &plan, remedy, detail);
    ck_assert_outcome(outcome, merges[_i].outcome, detail);
    ck_assert_uint_ge(world.asked[REMEDY_READ_LEASE], 10);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

/* A forged panic began an incident; the real one comes just before that expires. */
START_TEST(a_later_panic_gives_the_incident_more_time)
{
    struct world world = world_new(3);
    struct remedy_plan plan = plan_of(&world, VERDICT_SILENT);
    uint64_t later_us = world.now_us + 60 * US_PER_SECOND;
    char detail[512];

    plan.expires_us = world.now_us + 10 * US_PER_SECOND;
    struct remedy *remedy = world_begin(&world, &plan);
    remedy_evidence(remedy, world.now_us, world.now_us);
    remedy_merge(remedy, &silent_panic, later_us, world.now_us);
    ck_assert_outcome(world_carry(&world, &plan, remedy, detail), OUTCOME_DELETED, detail);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

/* With very many incidents open the Lease is read every 20 s only. */
START_TEST(a_lease_that_is_read_rarely_is_read_when_it_is_needed)
{
    struct world world = world_new(3);
    struct remedy_plan plan = plan_of(&world, VERDICT_UNPROBABLE);
    uint64_t began_us = world.now_us;
    char detail[512];

    world.lease_every_us = 20 * US_PER_SECOND;
    struct remedy *remedy = world_begin(&world, &plan);
    remedy_set_leave(remedy, REMEDY_LEAVE_WAIT, true, world.now_us);
    while (world.now_us < began_us + 32 * US_PER_SECOND) {
        if (!world_round(&world, &plan, remedy))
            world_wait(&world, remedy);
    }
    ck_assert_uint_le(world.asked[REMEDY_READ_LEASE], 4);
    ck_assert_uint_eq(world.writes, 0);
    remedy_set_leave(remedy, REMEDY_LEAVE_GRANTED, true, world.now_us);
    ck_assert_outcome(world_carry(&world, &plan, remedy, detail), OUTCOME_DELETED, detail);
    ck_assert_uint_le(world.now_us, began_us + 38 * US_PER_SECOND);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

/* The Node's own Lease is due; what is missing is that others are renewed, and evidence comes when
 * they were, before its Lease is read again. */
START_TEST(that_it_lapsed_is_said_also_when_others_were_the_last_to_show_it)
{
    struct world world = world_new(3);
    struct remedy_plan plan = plan_of(&world, VERDICT_SILENT);
    uint64_t began_us = world.now_us;
    const char *said;

    world.each_second = NULL;
    struct remedy *remedy = world_begin(&world, &plan);
    remedy_evidence(remedy, world.now_us, world.now_us);
    while (world.now_us < began_us + 16 * US_PER_SECOND) {
        if (!world_round(&world, &plan, remedy))
            world_wait(&world, remedy);
    }
    remedy_said(remedy);
    for (uint64_t ms = 0; ms < 20000; ms += 1000) {
        world.now_us = began_us + ms * US_PER_MS;
        world_witness(&world, true);
    }
    remedy_evidence(remedy, world.now_us, world.now_us);
    said = remedy_said(remedy);
    ck_assert_ptr_nonnull(said);
    ck_assert_ptr_nonnull(strstr(said, "other Nodes were"));
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

/* Another host leads to the end, and the Node stays. */
START_TEST(what_runs_out_while_another_host_leads_is_its)
{
    struct world world = world_new(3);
    struct remedy_plan plan = plan_of(&world, _i == 0 ? VERDICT_SILENT : VERDICT_UNPROBABLE);
    char detail[512];

    plan.mode = _i == 2 ? MODE_ANNOTATE : MODE_PODS;
    world.renews = _i == 1;
    struct remedy *remedy = remedy_new(&plan);
    remedy_set_witnesses(remedy, &world.witnesses);
    remedy_set_leave(remedy, REMEDY_LEAVE_ELSEWHERE, false, world.now_us);
    enum outcome outcome = world_carry(&world, &plan, remedy, detail);
    ck_assert_outcome(outcome, OUTCOME_ELSEWHERE, detail);
    ck_assert_uint_eq(world.writes, 0);
    ck_assert_uint_ge(world.now_us, plan.expires_us);
    remedy_free(remedy);
    world_end(&world);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("gate");

    tcase_add_loop_test(tests, a_request_that_waited_goes_only_if_it_still_may, 0, HAPPENINGS);
    tcase_add_loop_test(tests, a_read_counts_from_when_it_was_asked_for, 0,
                        sizeof(reads) / sizeof(reads[0]));
    tcase_add_test(tests, what_is_tried_again_is_not_after_the_machine_answered);
    tcase_add_loop_test(tests, an_opt_out_stops_what_has_begun, 0, sizeof(opts) / sizeof(opts[0]));
    tcase_add_loop_test(tests, the_mode_observe_undoes_nothing, 0, 2);
    tcase_add_loop_test(tests, better_evidence_takes_the_place_of_worse, 0,
                        sizeof(merges) / sizeof(merges[0]));
    tcase_add_test(tests, a_later_panic_gives_the_incident_more_time);
    tcase_add_test(tests, a_lease_that_is_read_rarely_is_read_when_it_is_needed);
    tcase_add_test(tests, that_it_lapsed_is_said_also_when_others_were_the_last_to_show_it);
    tcase_add_loop_test(tests, what_runs_out_while_another_host_leads_is_its, 0, 3);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("actuator remedy gate", fill);
}
