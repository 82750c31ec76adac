#include "actuator/remedy_state.h"

#include <string.h>

/* Owners are always told; of the pods so many, for an Event costs as much as a DELETE. */
#define POD_EVENTS_MOST 50

static void tell(struct remedy *remedy, const struct remedy_event *seen)
{
    struct event_of *event = arena_alloc(&remedy->arena, sizeof(*event));

    remedy->events_open++;
    event->seen = *seen;
    event->task.kind = REMEDY_EVENT;
    event->task.event = event;
    remedy_push(&remedy->tells, &event->task);
}

void remedy_tell_node(struct remedy *remedy, const char *more)
{
    if (remedy->level > MODE_OBSERVE)
        tell(remedy, &(struct remedy_event){ .more = more });
}

void remedy_tell_removal(struct remedy *remedy)
{
    const char *lapse = remedy_lease_words(remedy);

    if (remedy->level >= MODE_PODS && lapse)
        remedy_tell_node(remedy, lapse);
}

void remedy_tell_owners(struct remedy *remedy)
{
    for (struct owner_of *owner = remedy->owners; owner; owner = owner->next) {
        if (owner->seen.pods > 0)
            tell(remedy, &(struct remedy_event){ .owner = &owner->seen });
    }
}

void remedy_tell_pods(struct remedy *remedy)
{
    size_t told = 0;

    remedy_tell_owners(remedy);
    for (struct pod *pod = remedy->pods; pod && told < POD_EVENTS_MOST; pod = pod->next) {
        if (pod->seen.done)
            continue;
        tell(remedy, &(struct remedy_event){ .pod = &pod->seen });
        told++;
    }
}

void remedy_event_lost(struct remedy *remedy, const struct remedy_answer *answer)
{
    remedy->events_open--;
    remedy->events_lost++;
    /* Else it is what is to be done to pods and the Node that the outcome speaks of. */
    if (!remedy->refusal && rights_only_tell(remedy->plan.verdict))
        remedy->refusal = arena_copy(&remedy->arena, answer->message, strlen(answer->message));
}

/* Events block nothing, but that they are refused has to be said; once, for all fail alike. */
void remedy_event_answered(struct remedy *remedy, enum answer_class class,
                           const struct remedy_answer *answer)
{
    if (class != ANSWER_NEVER) {
        remedy->events_open--;
        return;
    }
    remedy_event_lost(remedy, answer);
    if (remedy->event_refused)
        return;
    remedy->event_refused = true;
    remedy_say(remedy, "an Event was refused: %s", answer->message);
}
