#include "actuator/engine_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "actuator/counts.h"
#include "common/clock.h"
#include "common/memory.h"

static bool writes_node(enum remedy_kind kind)
{
    return kind == REMEDY_MARK_NODE || kind == REMEDY_CLEAR_NODE || kind == REMEDY_TAINT_NODE;
}

static bool writes_pod(enum remedy_kind kind)
{
    return kind == REMEDY_MARK_POD || kind == REMEDY_DELETE_POD;
}

/* Said when it changes, and not more often than a connection that comes and goes deserves. */
static void note_reachability(struct engine *engine, const struct kube_answer *answer)
{
    uint64_t skipped;

    if (answer->status != 0) {
        if (engine->unreachable)
            log_notice("the API server answers again");
        engine->unreachable = false;
    } else if (!engine->unreachable &&
               log_sample_due(&engine->unanswered, clock_monotonic_us(), &skipped)) {
        log_warning("the API server does not answer: %s (%llu more since the last such line)",
                    answer->message, (unsigned long long)skipped);
        engine->unreachable = true;
    }
}

static void note_step(struct work *work, enum remedy_kind kind)
{
    if (kind == REMEDY_MARK_NODE)
        engine_note_step(work, STEP_TOLD);
    else if (kind == REMEDY_DELETE_POD)
        engine_note_step(work, STEP_POD_GONE);
    else if (kind == REMEDY_DELETE_NODE)
        engine_note_step(work, STEP_NODE_DELETED);
}

static void count(struct work *work, enum remedy_kind kind, unsigned status)
{
    static const enum count_of done[] = {
        [REMEDY_MARK_NODE] = COUNT_NODES_MARKED,    [REMEDY_MARK_POD] = COUNT_PODS_MARKED,
        [REMEDY_DELETE_POD] = COUNT_PODS_DELETED,   [REMEDY_TAINT_NODE] = COUNT_NODES_TAINTED,
        [REMEDY_DELETE_NODE] = COUNT_NODES_DELETED, [REMEDY_EVENT] = COUNT_EVENTS_SENT,
        [REMEDY_CLEAR_NODE] = COUNT_NODES_CLEARED,
    };
    uint64_t *counts = work->engine->setup.counts;

    counts[COUNT_REQUESTS]++;
    if (status == 429)
        counts[COUNT_REQUESTS_THROTTLED]++;
    else if (status == 0 || status >= 500)
        counts[COUNT_REQUESTS_FAILED]++;
    else if (status >= 400)
        counts[COUNT_REQUESTS_REFUSED]++;
    else if (kind != REMEDY_READ_NODE && kind != REMEDY_READ_LEASE && kind != REMEDY_LIST_PODS) {
        counts[done[kind]]++;
        note_step(work, kind);
    }
}

static unsigned chance(void)
{
    unsigned number = 0;

    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
        return 0;
    return number % 1000;
}

/* An answer that cannot be read counts as none: asked again, it may be whole. */
static void unreadable(struct remedy_answer *answer, const struct flight *flight, char *message,
                       size_t cap)
{
    snprintf(message, cap, "%s %s: the answer cannot be read", flight->verb, flight->resource);
    answer->status = 0;
    answer->message = message;
}

static void read_answer(const struct flight *flight, const struct kube_answer *from,
                        struct remedy_answer *answer, struct lease_reading *lease, char *message,
                        size_t cap)
{
    const struct names *names = flight->work->engine->setup.names;
    enum remedy_kind kind = flight->request.kind;

    if (from->status < 200 || from->status > 299) {
        kube_describe(flight->verb, flight->resource, from, message, cap);
        return;
    }
    if (kind == REMEDY_READ_NODE || writes_node(kind)) {
        answer->node = answer_node_read(names, from->body, from->size);
        if (!answer->node)
            unreadable(answer, flight, message, cap);
    } else if (kind == REMEDY_READ_LEASE) {
        answer_lease_read(from->body, from->size, lease);
        answer->lease = lease;
    } else if (kind == REMEDY_LIST_PODS) {
        answer->pods = flight->pods;
        if (!answer_pods_end(flight->pods))
            unreadable(answer, flight, message, cap);
    } else if (writes_pod(kind)) {
        answer->version = answer_version(from->body, from->size);
    }
}

/* Called by libcurl, when the request has a connection. */
static bool may_leave(void *arg)
{
    struct flight *flight = arg;

    if (!engine_may_leave(flight->work, &flight->request))
        flight->held_back = true;
    return !flight->held_back;
}

/* What the server said, or did not say; a request that never went out is counted apart. */
static void note_answer(const struct flight *flight, const struct kube_answer *from,
                        unsigned status)
{
    struct engine *engine = flight->work->engine;

    if (flight->held_back) {
        engine->setup.counts[COUNT_REQUESTS_HELD_BACK]++;
        return;
    }
    note_reachability(engine, from);
    count(flight->work, flight->request.kind, status);
    window_answered(&engine->window, &(struct window_answer){ .status = status,
                                                              .wrote = flight->writes,
                                                              .sent_us = flight->sent_us,
                                                              .answered_us = clock_monotonic_us(),
                                                              .in_flight = engine->in_flight });
}

static void on_done(void *arg, const struct kube_answer *from)
{
    struct flight *flight = arg;
    struct work *work = flight->work;
    struct engine *engine = work->engine;
    char message[KUBE_ERROR_SIZE];
    struct lease_reading lease = { .sent_us = flight->sent_us,
                                   .answered_us = clock_monotonic_us() };
    struct remedy_answer answer = {
        .status = from->status,
        .message = message,
        .reason = from->reason,
        .field = from->field,
        .sent_us = flight->sent_us,
        .retry_after_us = from->retry_after_us,
        .chance = chance(),
    };

    engine_note_pause(engine);
    read_answer(flight, from, &answer, &lease, message, sizeof(message));
    note_answer(flight, from, answer.status);
    engine_answered(work, &flight->request, &answer);
    flight_free(flight);
    engine_pump_soon(engine);
}

static bool on_bytes(void *arg, const char *bytes, size_t size)
{
    struct flight *flight = arg;
    return answer_pods_feed(flight->pods, bytes, size);
}

static void pretend(struct work *work, const struct remedy_request *request,
                    const struct bodies_call *call)
{
    struct remedy_answer answer = { .status = 200, .message = "", .reason = "", .field = "" };

    log_notice_of(work->incident->id, "would %s %s: %.*s", call->verb, call->resource,
                  (int)call->size, call->body);
    engine_answered(work, request, &answer);
}

void flight_start(struct work *work, const struct remedy_request *request)
{
    struct engine *engine = work->engine;
    struct bodies_call call;

    bodies_build(work->bodies, request, &call);
    if (call.writes && engine->setup.dry == REMEDY_DRY_LOCAL) {
        pretend(work, request, &call);
        return;
    }
    struct flight *flight = xcalloc(1, sizeof(*flight));
    flight->work = work;
    flight->request = *request;
    flight->verb = call.verb;
    flight->writes = call.writes;
    snprintf(flight->resource, sizeof(flight->resource), "%s", call.resource);
    flight->sent_us = engine->sent_us = clock_monotonic_us();
    if (request->kind == REMEDY_LIST_PODS)
        flight->pods = answer_pods_new(engine->setup.names);
    flight->next = engine->flights;
    flight->at = &engine->flights;
    if (flight->next)
        flight->next->at = &flight->next;
    engine->flights = flight;
    engine->in_flight++;

    kube_submit(engine->setup.client, &(struct kube_request){
                                          .verb = call.verb,
                                          .path = call.path,
                                          .content_type = call.content_type,
                                          .body = call.body,
                                          .body_size = call.size,
                                          .bytes = flight->pods ? on_bytes : NULL,
                                          .may_leave = call.writes ? may_leave : NULL,
                                          .done = on_done,
                                          .arg = flight,
                                      });
}

void flight_free(struct flight *flight)
{
    *flight->at = flight->next;
    if (flight->next)
        flight->next->at = flight->at;
    flight->work->engine->in_flight--;
    answer_pods_free(flight->pods);
    free(flight);
}

static void on_warm(void *arg, const struct kube_answer *answer)
{
    note_reachability(arg, answer);
}

void flight_warm(struct engine *engine)
{
    struct bodies_call call;

    engine->sent_us = clock_monotonic_us();
    bodies_build_version(&call);
    kube_submit(engine->setup.client,
                &(struct kube_request){
                    .verb = call.verb, .path = call.path, .done = on_warm, .arg = engine });
}
