#include "actuator/remedy_state.h"

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

struct remedy_task *remedy_pop(struct queue *queue)
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

void remedy_postpone(struct remedy *remedy, struct remedy_task *task, uint64_t delay_us)
{
    task->not_before_us = remedy->now_us + delay_us;
    remedy_push(&remedy->waiting, task);
}

/* Moves what has waited long enough to the head of its queue: it was there before the rest. */
void remedy_wake(struct remedy *remedy)
{
    struct queue still = { 0 };
    struct remedy_task *task;

    while ((task = remedy_pop(&remedy->waiting))) {
        if (task->not_before_us <= remedy->now_us)
            remedy_push_front(queue_of(remedy, task), task);
        else
            remedy_push(&still, task);
    }
    remedy->waiting = still;
}

void remedy_drop(struct remedy *remedy)
{
    struct queue *const queues[] = { &remedy->acts, &remedy->held, &remedy->waiting };
    struct queue events = { 0 };
    struct remedy_task *task;

    for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
        while ((task = remedy_pop(queues[i]))) {
            if (task->kind == REMEDY_EVENT)
                remedy_push(&events, task);
            else if (task == &remedy->node_task)
                remedy->node_busy = false;
        }
    }
    remedy->waiting = events;
}
