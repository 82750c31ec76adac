/*
 * How it works.  A remedy is a set of tasks, each one request: one about the Node at a time, one
 * list, the Lease, one a pod (its PATCH, then its DELETE) and one an Event.  A task is in the queue
 * `acts` or `tells` (to be sent), in `waiting` (later), in `held` (a pod's, that the gate let not
 * through), in flight, or idle.  remedy_next() takes tasks out of the queues, past the gate;
 * remedy_answered() sorts the answer into one of five classes, hands it to the step that asked, and
 * lets remedy_advance() queue what has become possible.  Pods do not wait for each other, and a
 * pod's DELETE goes to the head of the queue the moment its PATCH was answered.
 *
 *            right to tell     right to remove
 *   READ_NODE -|-> MARK_NODE -|-> each pod: MARK_POD, DELETE_POD --> LIST_PODS + READ_NODE
 *   LIST_PODS -|              |      ^                                 | pods are left
 *   READ_LEASE, again and again      +---------------------------------+
 *                                                                      | none is left
 *                                DELETE_NODE <-- TAINT_NODE while volumes are attached
 *
 * The first list is asked for together with the Node, since reading harms nobody; no pod is touched
 * before the Node's own patch was taken, and a list that began after it has to show that no pod is
 * left.  The Node is read beside that list, so that its DELETE goes out under a resourceVersion
 * that has seen what the control plane did after the cordon.
 *
 * Every step may be made again: a remedy that starts over after a crash comes to the same end.
 */
#include "actuator/remedy_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An Event is worth a few attempts, but no incident stays open for one. */
#define EVENT_TRIES 5

void remedy_ask_node(struct remedy *remedy, enum remedy_kind kind, uint64_t delay_us)
{
    remedy->node_task.kind = kind;
    remedy->node_busy = true;
    if (delay_us > 0)
        remedy_postpone(remedy, &remedy->node_task, delay_us);
    else
        remedy_push(&remedy->acts, &remedy->node_task);
}

void remedy_say(struct remedy *remedy, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(remedy->words, sizeof(remedy->words), format, arguments);
    va_end(arguments);
}

void remedy_settle(struct remedy *remedy, enum outcome outcome, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(remedy->detail, sizeof(remedy->detail), format, arguments);
    va_end(arguments);
    remedy->outcome = outcome;
    remedy->over = true;
    remedy_drop(remedy);
}

struct remedy *remedy_new(const struct remedy_plan *plan)
{
    static const struct lease_witnesses nobody;
    struct remedy *remedy = xcalloc(1, sizeof(*remedy));

    remedy->plan = *plan;
    remedy_set_level(remedy);
    remedy->witnesses = &nobody;
    remedy->held_said_us = UINT64_MAX;
    remedy->list_task.kind = REMEDY_LIST_PODS;
    remedy->lease_task.kind = REMEDY_READ_LEASE;
    remedy->lease.lost_before = plan->lost_before;
    remedy->looked = plan->looked;
    if (plan->deleted) {
        remedy_settle(remedy, OUTCOME_DELETED, "deleted before a restart");
        return remedy;
    }

    switch (plan->verdict) {
    case VERDICT_EXPIRED:
        remedy_settle(remedy, OUTCOME_EXPIRED, "held past its time; nothing was done");
        break;
    case VERDICT_MISMATCH:
        remedy_settle(remedy, OUTCOME_MISMATCH,
                      "what the datagram says of its node disagrees with the Node");
        break;
    case VERDICT_REBOOTED:
        remedy_tell_node(remedy, "the node has rebooted since");
        remedy_settle(remedy, OUTCOME_REBOOTED, "the node has rebooted since; nothing was done");
        break;
    case VERDICT_RECREATED:
        remedy_tell_node(remedy, "the Node was created anew since");
        remedy_settle(remedy, OUTCOME_RECREATED, "the Node was created anew; nothing was done");
        break;
    case VERDICT_DRILL:
    case VERDICT_LATE:
        remedy_tell_begin(remedy);
        break;
    case VERDICT_UNVERIFIED:
    case VERDICT_SILENT:
    case VERDICT_UNPROBABLE:
    case VERDICT_REPORTED:
        remedy_ask_node(remedy, REMEDY_READ_NODE, 0);
        remedy_list(remedy);
    }
    return remedy;
}

/* A machine that was halted panics, say: the Node and the owners are told once more, and pods that
 * were only annotated may have to be removed. */
static void begin_anew(struct remedy *remedy)
{
    remedy->marked = false;
    remedy->mark_is_old = true;
    remedy->anew = remedy->released && remedy->released_level < MODE_PODS;
    if (!remedy->anew)
        remedy->events_queued = false;
}

void remedy_merge(struct remedy *remedy, const struct intent *intent, uint64_t expires_us,
                  uint64_t now_us)
{
    struct remedy_plan *plan = &remedy->plan;

    if (remedy->over || remedy->ending.begun)
        return;
    remedy->now_us = now_us;
    if (expires_us > plan->expires_us)
        plan->expires_us = expires_us;
    if (!rights_say_more(intent->verdict, intent->cause, plan->verdict, plan->cause))
        return;
    if (intent->cause != plan->cause)
        begin_anew(remedy);
    plan->verdict = intent->verdict;
    plan->cause = intent->cause;
    plan->reason_code = intent->reason_code;
    remedy_set_level(remedy);
    if (remedy->node)
        remedy_lease_begin(remedy);
    remedy_advance(remedy);
}

bool remedy_is_ending(const struct remedy *remedy)
{
    return remedy->ending.begun && !remedy->over;
}

void remedy_free(struct remedy *remedy)
{
    if (!remedy)
        return;
    answer_node_free(remedy->node);
    free(remedy->continue_token);
    arena_free(&remedy->arena);
    free(remedy);
}

/* Whether its time is over, so that nothing more is sent but what undoes. */
static bool has_expired(struct remedy *remedy)
{
    if (remedy->now_us < remedy->plan.expires_us || remedy->ending.begun)
        return false;
    if (!remedy->over && remedy->in_flight == 0)
        remedy_expire(remedy);
    return !remedy->ending.begun;
}

static struct remedy_request request_of(const struct remedy *remedy, struct remedy_task *task)
{
    struct remedy_request request = { .kind = task->kind, .task = task };

    if (task->pod) {
        request.pod = &task->pod->seen;
        request.plain = task->plain;
    } else if (task->event) {
        request.event = &task->event->seen;
    } else if (task->kind == REMEDY_LIST_PODS) {
        request.not_older_than = remedy->version;
        request.continue_token = remedy->continue_token;
    } else {
        request.node = remedy->node;
    }
    return request;
}

/* The next task of QUEUE that may be sent at this moment. */
static struct remedy_task *pick(struct remedy *remedy, struct queue *queue)
{
    struct remedy_task *task;

    while ((task = remedy_pop(queue))) {
        const char *why = remedy_barred(remedy, task->kind);
        if (!why && remedy_is_identified(remedy, task->kind))
            return task;
        if (task->kind == REMEDY_EVENT) {
            if (!remedy->over)
                remedy_push_front(queue, task);
            else /* whoever leads tells them */
                remedy->tells = (struct queue){ 0 };
            return NULL;
        }
        if (task == &remedy->node_task) {
            /* What is read shows whether it still has to be written. */
            task->kind = REMEDY_READ_NODE;
            return task;
        }
        remedy_push(&remedy->held, task);
        remedy_hold(remedy, why);
        if (!why)
            remedy_let_through(remedy);
    }
    return NULL;
}

static void note_sent(struct remedy *remedy, const struct remedy_task *task)
{
    if (task->kind == REMEDY_EVENT)
        remedy->events_in_flight++;
    else
        remedy->in_flight++;
    if (task->kind == REMEDY_MARK_NODE)
        remedy->mark_is_old = false;
}

bool remedy_next(struct remedy *remedy, enum remedy_urgency urgency, uint64_t now_us,
                 struct remedy_request *request)
{
    remedy->now_us = now_us;
    if (has_expired(remedy)) {
        remedy->tells = remedy->waiting = (struct queue){ 0 };
        return false;
    }
    remedy_wake(remedy);
    remedy_say_held(remedy);
    struct remedy_task *task = pick(remedy, urgency == REMEDY_ACT ? &remedy->acts : &remedy->tells);
    if (!task)
        return false;
    note_sent(remedy, task);
    *request = request_of(remedy, task);
    return true;
}

uint64_t remedy_wake_us(const struct remedy *remedy)
{
    bool expires = !remedy->over && !remedy->ending.begun &&
                   (remedy->in_flight == 0 || remedy->now_us < remedy->plan.expires_us);
    uint64_t wake_us = expires ? remedy->plan.expires_us : UINT64_MAX;

    if (!remedy->over && remedy->held_said_us < wake_us)
        wake_us = remedy->held_said_us;
    for (const struct remedy_task *task = remedy->waiting.first; task; task = task->next) {
        if (task->not_before_us < wake_us)
            wake_us = task->not_before_us;
    }
    return wake_us;
}

static const char *const kind_words[] = {
    [REMEDY_READ_NODE] = "reading the Node",
    [REMEDY_READ_LEASE] = "reading the Node's Lease",
    [REMEDY_MARK_NODE] = "annotating and cordoning the Node",
    [REMEDY_CLEAR_NODE] = "undoing what was set on the Node",
    [REMEDY_LIST_PODS] = "listing the pods",
    [REMEDY_MARK_POD] = "marking a pod",
    [REMEDY_DELETE_POD] = "deleting a pod",
    [REMEDY_TAINT_NODE] = "tainting the Node",
    [REMEDY_DELETE_NODE] = "deleting the Node",
    [REMEDY_EVENT] = "sending an Event",
};

static void try_later(struct remedy *remedy, struct remedy_task *task,
                      const struct remedy_answer *answer)
{
    task->tries++;
    if (task->kind == REMEDY_EVENT && task->tries == EVENT_TRIES) {
        remedy_event_lost(remedy, answer);
        return;
    }
    if (task->kind != REMEDY_EVENT && remedy->over)
        return;
    if (answer->status == 410) {
        /* The continue token is too old: from the first page again. */
        free(remedy->continue_token);
        remedy->continue_token = NULL;
    }
    uint64_t delay_us = answer->retry_after_us;
    if (delay_us == 0)
        delay_us = remedy_backoff(task->tries, answer->chance);
    remedy_postpone(remedy, task, delay_us);
    if (task->tries == 1 && task->kind != REMEDY_EVENT && !task->pod)
        remedy_say(remedy, "%s has to be tried again: %s", kind_words[task->kind], answer->message);
}

static void dispatch(struct remedy *remedy, struct remedy_task *task, enum answer_class class,
                     struct remedy_answer *answer)
{
    switch (task->kind) {
    case REMEDY_READ_NODE:
    case REMEDY_MARK_NODE:
    case REMEDY_CLEAR_NODE:
    case REMEDY_TAINT_NODE:
    case REMEDY_DELETE_NODE:
        remedy->node_busy = false;
        remedy_node_answered(remedy, task->kind, class, answer);
        break;
    case REMEDY_READ_LEASE:
        remedy_lease_answered(remedy, class, answer);
        break;
    case REMEDY_LIST_PODS:
        remedy_listed(remedy, class, answer);
        break;
    case REMEDY_MARK_POD:
    case REMEDY_DELETE_POD:
        remedy_pod_answered(remedy, task, class, answer);
        break;
    case REMEDY_EVENT: /* see remedy_event_answered() */
        break;
    }
}

void remedy_answered(struct remedy *remedy, const struct remedy_request *request,
                     struct remedy_answer *answer, uint64_t now_us)
{
    struct remedy_task *task = request->task;
    enum answer_class class = remedy_class(task->kind, task->tries, answer);

    remedy->now_us = now_us;
    if (task->kind == REMEDY_EVENT)
        remedy->events_in_flight--;
    else
        remedy->in_flight--;
    if (class == ANSWER_LATER) {
        try_later(remedy, task, answer);
    } else if (task->kind == REMEDY_EVENT) {
        remedy_event_answered(remedy, class, answer);
    } else if (!remedy->over) {
        /* A read before each attempt to write the Node makes those no fewer. */
        if (task->kind != REMEDY_READ_NODE)
            task->tries = 0;
        dispatch(remedy, task, class, answer);
        remedy_advance(remedy);
    }
    if (task->kind == REMEDY_EVENT && rights_only_tell(remedy->plan.verdict))
        remedy_advance(remedy);
    answer_node_free(answer->node);
    answer->node = NULL;
}

const char *remedy_said(struct remedy *remedy)
{
    if (remedy->words[0] == '\0')
        return NULL;
    memcpy(remedy->said, remedy->words, sizeof(remedy->said));
    remedy->words[0] = '\0';
    return remedy->said;
}

const struct answer_node *remedy_node(const struct remedy *remedy)
{
    return remedy->node;
}

bool remedy_looked(const struct remedy *remedy, bool *lost_before)
{
    *lost_before = remedy->lease.lost_before;
    return remedy->looked;
}

bool remedy_is_over(const struct remedy *remedy, enum outcome *outcome, const char **detail)
{
    *outcome = remedy->outcome;
    *detail = remedy->detail;
    return remedy->over;
}

bool remedy_is_idle(const struct remedy *remedy)
{
    return remedy->over && remedy->in_flight == 0 && remedy->events_in_flight == 0 &&
           !remedy->tells.first && !remedy->waiting.first;
}
