#pragma once

#include "tests/unit/actuator_world_api.h"

/*
 * A loop that carries a remedy's requests to the API server in memory and the answers back, with a
 * clock of its own.  The world's `before` may change it or answer instead of it.
 */
static bool world_is_write(enum remedy_kind kind)
{
    return kind != REMEDY_READ_NODE && kind != REMEDY_READ_LEASE && kind != REMEDY_LIST_PODS;
}

static void world_serve(struct world *world, const struct remedy_plan *plan, struct remedy *remedy,
                        const struct remedy_request *request)
{
    struct remedy_answer answer = { .message = "nobody knows why",
                                    .reason = "",
                                    .field = "",
                                    .sent_us = world->now_us,
                                    .chance = 500 };
    if (world_is_write(request->kind) && !remedy_may_leave(remedy, request, world->now_us)) {
        world->held_back++;
        remedy_answered(remedy, request, &answer, world->now_us);
        return;
    }
    unsigned instead = world->before ? world->before(world, request) : 0;

    world->served++;
    world->asked[request->kind]++;
    if (plan->dry != REMEDY_REAL && world_is_write(request->kind)) {
        answer.status = 200;
    } else if (instead == 0 || instead == WORLD_LOST) {
        world->writes += world_is_write(request->kind);
        answer.status = world_do(world, request, &answer);
    } else {
        answer.status = instead;
        answer.field = instead == 422 && world->field ? world->field : "";
        answer.retry_after_us = instead == 429 ? world->retry_after_us : 0;
    }
    if (answer.status == 404)
        answer.reason = world->proxied ? "" : "NotFound";
    if (instead == WORLD_LOST) {
        answer.status = 0;
        answer_node_free(answer.node);
        answer.node = NULL;
    }
    struct answer_pods *pods = (struct answer_pods *)answer.pods;
    remedy_answered(remedy, request, &answer, world->now_us);
    answer_pods_free(pods);
}

#define IN_FLIGHT 16

/* Sends what there is to send, then answers it in the order sent; false when there is nothing. */
static bool world_round(struct world *world, const struct remedy_plan *plan, struct remedy *remedy)
{
    struct remedy_request requests[IN_FLIGHT];
    size_t count = 0;

    while (count < IN_FLIGHT && remedy_next(remedy, REMEDY_ACT, world->now_us, &requests[count]))
        count++;
    while (count < IN_FLIGHT && remedy_next(remedy, REMEDY_TELL, world->now_us, &requests[count]))
        count++;
    for (size_t i = 0; i < count; i++) {
        if (world->crash_after > 0 && world->served >= world->crash_after)
            return false;
        world_serve(world, plan, remedy, &requests[i]);
        world->now_us += world->slow_us > 0 ? world->slow_us : US_PER_MS;
    }
    return count > 0;
}

/* Of a world that stays where it is: the plan points into it. */
static struct remedy_plan world_plan(struct world *world, enum mode mode)
{
    world->optouts.names = world->names;
    world->optouts.own_boot = "";
    return (struct remedy_plan){ .uid = NODE_UID,
                                 .boot = NODE_BOOT,
                                 .verdict = VERDICT_UNVERIFIED,
                                 .mode = mode,
                                 .accept_unverified = true,
                                 .optouts = &world->optouts,
                                 .lease_every_us = &world->lease_every_us,
                                 .expires_us = world->now_us + 15 * US_PER_MINUTE };
}

#define REQUESTS_MOST 20000

/* A remedy that may write, in this world. */
static struct remedy *world_begin(struct world *world, const struct remedy_plan *plan)
{
    struct remedy *remedy = remedy_new(plan);

    remedy_set_witnesses(remedy, &world->witnesses);
    remedy_set_leave(remedy, REMEDY_LEAVE_GRANTED, true, world->now_us);
    return remedy;
}

/* Lets time go by until something can be sent again, or `each_second` is due. */
static void world_wait(struct world *world, struct remedy *remedy)
{
    uint64_t wake_us = remedy_wake_us(remedy);

    ck_assert_msg(wake_us != UINT64_MAX || world->each_second, "it waits for nothing");
    ck_assert_msg(wake_us > world->now_us, "it is ready and sends nothing");
    if (!world->each_second || wake_us < world->second_us) {
        world->now_us = wake_us;
        return;
    }
    if (world->second_us > world->now_us)
        world->now_us = world->second_us;
    world->second_us = world->now_us + US_PER_SECOND;
    world->each_second(world, remedy);
}

/* Carries REMEDY to its end (or to the crash); returns its outcome, with the detail in DETAIL. */
static enum outcome world_carry(struct world *world, const struct remedy_plan *plan,
                                struct remedy *remedy, char detail[512])
{
    enum outcome outcome;
    const char *words;

    while (!remedy_is_idle(remedy)) {
        if (world_round(world, plan, remedy))
            continue;
        if (world->crash_after > 0 && world->served >= world->crash_after)
            break;
        if (remedy_is_idle(remedy))
            break;
        ck_assert_uint_lt(world->served, REQUESTS_MOST);
        world_wait(world, remedy);
    }
    remedy_is_over(remedy, &outcome, &words);
    snprintf(detail, 512, "%s", words);
    return outcome;
}

static enum outcome world_run(struct world *world, const struct remedy_plan *plan, char detail[512])
{
    struct remedy *remedy = world_begin(world, plan);
    enum outcome outcome = world_carry(world, plan, remedy, detail);

    remedy_free(remedy);
    return outcome;
}

static size_t world_left(const struct world *world)
{
    size_t left = 0;

    for (size_t i = 0; i < world->pod_count; i++)
        left += !world->pods[i].gone;
    return left;
}

#define ck_assert_outcome(is, should, detail)                                                      \
    do {                                                                                           \
        enum outcome is_ = (is), should_ = (should);                                               \
        ck_assert_msg(is_ == should_, "%s (%s) instead of %s", outcome_names[is_], detail,         \
                      outcome_names[should_]);                                                     \
    } while (0)
