#include "actuator/remedy_state.h"

/* Owners are always told; of the pods so many, for an Event costs as much as a DELETE. */
#define POD_EVENTS_MOST 50

static void tell(struct remedy *remedy, const struct remedy_event *seen)
{
    struct event_of *event = arena_alloc(&remedy->arena, sizeof(*event));

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

void remedy_tell_pods(struct remedy *remedy)
{
    size_t told = 0;

    for (struct owner_of *owner = remedy->owners; owner; owner = owner->next) {
        if (owner->seen.pods > 0)
            tell(remedy, &(struct remedy_event){ .owner = &owner->seen });
    }
    for (struct pod *pod = remedy->pods; pod && told < POD_EVENTS_MOST; pod = pod->next) {
        if (pod->seen.done)
            continue;
        tell(remedy, &(struct remedy_event){ .pod = &pod->seen });
        told++;
    }
}
