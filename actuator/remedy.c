/*
 * How it works.  A remedy is a set of tasks, each one request: one about the Node at a time, one
 * list, one a pod (its PATCH, then its DELETE) and one an Event.  A task is in the queue `acts` or
 * `tells` (may be sent), in `waiting` (later), in flight, or idle.  remedy_next() takes tasks out
 * of the queues; remedy_answered() sorts the answer into one of five classes, hands it to the step
 * that asked, and lets remedy_advance() queue what has become possible.  Pods do not wait for each
 * other, and a pod's DELETE goes to the head of the queue the moment its PATCH was answered.
 *
 *   READ_NODE --> MARK_NODE --> each pod: MARK_POD, DELETE_POD --> LIST_PODS + READ_NODE
 *   LIST_PODS ----------------^    ^                                 | pods are left
 *                                  +---------------------------------+
 *                                                                    | none is left
 *                              DELETE_NODE <-- TAINT_NODE while volumes are attached
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

/* An Event is worth a few attempts, but no incident stays open for one. */
#define EVENT_TRIES 5

void remedy_push(struct queue *queue, struct remedy_task *task)
{
    task->next = NULL;
    if (queue->last)
        queue->last->next = task;
    else
        queue->first = task;
    queue->last = task;
}

void remedy_push_front(struct queue *queue, struct remedy_task *task)
{
    task->next = queue->first;
    queue->first = task;
    if (!queue->last)
        queue->last = task;
}

static struct remedy_task *pop(struct queue *queue)
{
    struct remedy_task *task = queue->first;

    if (!task)
        return NULL;
    queue->first = task->next;
    if (!queue->first)
        queue->last = NULL;
    return task;
}

static struct queue *queue_of(struct remedy *remedy, const struct remedy_task *task)
{
    return task->kind == REMEDY_EVENT ? &remedy->tells : &remedy->acts;
}

static void postpone(struct remedy *remedy, struct remedy_task *task, uint64_t delay_us)
{
    task->not_before_us = remedy->now_us + delay_us;
    remedy_push(&remedy->waiting, task);
}

/* Moves what has waited long enough to the head of its queue: it was there before the rest. */
static void wake(struct remedy *remedy)
{
    struct queue still = { 0 };
    struct remedy_task *task;

    while ((task = pop(&remedy->waiting))) {
        if (task->not_before_us <= remedy->now_us)
            remedy_push_front(queue_of(remedy, task), task);
        else
            remedy_push(&still, task);
    }
    remedy->waiting = still;
}

void remedy_ask_node(struct remedy *remedy, enum remedy_kind kind, uint64_t delay_us)
{
    remedy->node_task.kind = kind;
    remedy->node_busy = true;
    if (delay_us > 0)
        postpone(remedy, &remedy->node_task, delay_us);
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
    struct queue events = { 0 };
    struct remedy_task *task;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(remedy->detail, sizeof(remedy->detail), format, arguments);
    va_end(arguments);
    remedy->outcome = outcome;
    remedy->over = true;
    remedy->acts = (struct queue){ 0 };
    while ((task = pop(&remedy->waiting))) {
        if (task->kind == REMEDY_EVENT)
            remedy_push(&events, task);
    }
    remedy->waiting = events;
}

static enum mode level_of(const struct remedy_plan *plan)
{
    static const enum mode most[] = {
        [RIGHT_HISTORY] = MODE_OBSERVE,
        [RIGHT_TELL] = MODE_ANNOTATE,
        [RIGHT_REMOVE] = MODE_NODE,
    };
    return plan->mode < most[plan->right] ? plan->mode : most[plan->right];
}

struct remedy *remedy_new(const struct remedy_plan *plan)
{
    struct remedy *remedy = xcalloc(1, sizeof(*remedy));
    remedy->plan = *plan;
    remedy->level = level_of(plan);
    remedy->list_task.kind = REMEDY_LIST_PODS;

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
    case VERDICT_UNVERIFIED:
    case VERDICT_SILENT:
    case VERDICT_UNPROBABLE:
        remedy_ask_node(remedy, REMEDY_READ_NODE, 0);
        remedy_list(remedy);
    }
    return remedy;
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

static bool has_expired(struct remedy *remedy)
{
    if (remedy->now_us < remedy->plan.expires_us)
        return false;
    if (!remedy->over && remedy->in_flight == 0) {
        char count[256];
        remedy_count(remedy, count, sizeof(count));
        remedy_settle(remedy, OUTCOME_EXPIRED, "its time ran out before all was done: %s", count);
    }
    remedy->tells = remedy->waiting = (struct queue){ 0 };
    return true;
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

bool remedy_next(struct remedy *remedy, enum remedy_urgency urgency, uint64_t now_us,
                 struct remedy_request *request)
{
    remedy->now_us = now_us;
    if (has_expired(remedy))
        return false;
    wake(remedy);
    struct remedy_task *task = pop(urgency == REMEDY_ACT ? &remedy->acts : &remedy->tells);
    if (!task)
        return false;

    if (task->kind == REMEDY_EVENT)
        remedy->events_in_flight++;
    else
        remedy->in_flight++;
    remedy->delete_sent |= task->kind == REMEDY_DELETE_NODE || task->kind == REMEDY_DELETE_POD;
    remedy->node_delete_sent |= task->kind == REMEDY_DELETE_NODE;
    *request = request_of(remedy, task);
    return true;
}

uint64_t remedy_wake_us(const struct remedy *remedy)
{
    uint64_t wake_us = remedy->over ? UINT64_MAX : remedy->plan.expires_us;

    for (const struct remedy_task *task = remedy->waiting.first; task; task = task->next) {
        if (task->not_before_us < wake_us)
            wake_us = task->not_before_us;
    }
    return wake_us;
}

static const char *const kind_words[] = {
    [REMEDY_READ_NODE] = "reading the Node",
    [REMEDY_MARK_NODE] = "annotating and cordoning the Node",
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
    if (task->kind == REMEDY_EVENT ? task->tries == EVENT_TRIES : remedy->over)
        return;
    if (answer->status == 410) {
        /* The continue token is too old: from the first page again. */
        free(remedy->continue_token);
        remedy->continue_token = NULL;
    }
    uint64_t delay_us = answer->retry_after_us;
    if (delay_us == 0)
        delay_us = remedy_backoff(task->tries, answer->chance);
    postpone(remedy, task, delay_us);
    if (task->tries == 1 && task->kind != REMEDY_EVENT && !task->pod)
        remedy_say(remedy, "%s has to be tried again: %s", kind_words[task->kind], answer->message);
}

/* Events block nothing, but that they are refused has to be said; once, for all fail alike. */
static void event_answered(struct remedy *remedy, enum answer_class class,
                           const struct remedy_answer *answer)
{
    if (class != ANSWER_NEVER || remedy->event_refused)
        return;
    remedy->event_refused = true;
    remedy_say(remedy, "an Event was refused: %s", answer->message);
}

static void dispatch(struct remedy *remedy, struct remedy_task *task, enum answer_class class,
                     struct remedy_answer *answer)
{
    switch (task->kind) {
    case REMEDY_READ_NODE:
    case REMEDY_MARK_NODE:
    case REMEDY_TAINT_NODE:
    case REMEDY_DELETE_NODE:
        remedy->node_busy = false;
        remedy_node_answered(remedy, task->kind, class, answer);
        break;
    case REMEDY_LIST_PODS:
        remedy_listed(remedy, class, answer);
        break;
    case REMEDY_MARK_POD:
    case REMEDY_DELETE_POD:
        remedy_pod_answered(remedy, task, class, answer);
        break;
    case REMEDY_EVENT: /* see event_answered() */
        break;
    }
}

const char *remedy_answered(struct remedy *remedy, const struct remedy_request *request,
                            struct remedy_answer *answer, uint64_t now_us)
{
    struct remedy_task *task = request->task;
    enum answer_class class = remedy_class(task->kind, task->tries, answer);

    remedy->now_us = now_us;
    remedy->words[0] = '\0';
    if (task->kind == REMEDY_EVENT)
        remedy->events_in_flight--;
    else
        remedy->in_flight--;
    if (class == ANSWER_LATER) {
        try_later(remedy, task, answer);
    } else if (task->kind == REMEDY_EVENT) {
        event_answered(remedy, class, answer);
    } else if (!remedy->over) {
        task->tries = 0;
        dispatch(remedy, task, class, answer);
        remedy_advance(remedy);
    }
    answer_node_free(answer->node);
    answer->node = NULL;
    return remedy->words[0] ? remedy->words : NULL;
}

/* What observing shows in the end: what would have been done with the greatest mode. */
static void settle_observed(struct remedy *remedy)
{
    size_t pods = remedy->open - remedy->daemons;

    if (remedy->plan.right == RIGHT_HISTORY)
        remedy_settle(remedy, OUTCOME_OBSERVED,
                      "the verdict %s gives no right to touch anything; %zu pods are on the Node",
                      verdict_names[remedy->plan.verdict], remedy->open);
    else if (remedy->plan.right == RIGHT_TELL)
        remedy_settle(remedy, OUTCOME_OBSERVED, "would have annotated the Node and %zu pods",
                      remedy->open);
    else
        remedy_settle(remedy, OUTCOME_OBSERVED,
                      "would have deleted %zu pods and the Node, and annotated %zu pods of "
                      "DaemonSets",
                      pods, remedy->daemons);
}

void remedy_advance(struct remedy *remedy)
{
    bool dry = remedy->plan.dry != REMEDY_REAL;

    if (remedy->over || !remedy->list_whole)
        return;
    if (remedy->level == MODE_OBSERVE) {
        if (remedy->node)
            settle_observed(remedy);
        return;
    }
    if (!remedy->marked)
        return;
    if (!remedy->events_queued) {
        remedy->events_queued = true;
        remedy_tell_pods(remedy);
    }
    if (remedy->open > 0)
        return;
    if (!dry && (!remedy->list_settled || remedy->list_found)) {
        remedy_list(remedy);
        if (remedy->level == MODE_NODE && !remedy->node_busy)
            remedy_ask_node(remedy, REMEDY_READ_NODE, 0);
        return;
    }
    if (!remedy->node_busy)
        remedy_finish_node(remedy);
}

void remedy_retract(struct remedy *remedy, const char *why)
{
    if (!remedy->over && !remedy->delete_sent)
        remedy_settle(remedy, OUTCOME_RETRACTED, "%s", why);
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
