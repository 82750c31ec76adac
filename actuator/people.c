#include "actuator/people.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

struct people {
    struct incidents *incidents;
    struct event *flush;
};

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    const struct people *people = arg;
    incidents_flush(people->incidents);
}

struct people *people_new(struct event_base *base, struct incidents *incidents)
{
    struct people *people = xcalloc(1, sizeof(*people));
    people->incidents = incidents;
    people->flush = evtimer_new(base, on_flush, people);
    return people;
}

void people_free(struct people *people)
{
    if (!people)
        return;
    incidents_flush(people->incidents);
    event_free(people->flush);
    free(people);
}

static void flush_soon(struct people *people)
{
    static const struct timeval soon = { .tv_usec = 200 * US_PER_MS };

    if (!evtimer_pending(people->flush, NULL))
        evtimer_add(people->flush, &soon);
}

void people_write(struct people *people, const char *id, const char *words)
{
    incidents_step(people->incidents, id, clock_wall_us(), words);
    flush_soon(people);
}

void people_step(struct people *people, const char *id, const char *words)
{
    log_info_of(id, "%s", words);
    people_write(people, id, words);
}

void people_stand(struct people *people, const char *id, enum incident_state state)
{
    incidents_stand(people->incidents, id, state);
    flush_soon(people);
}

void people_look(struct people *people, const char *id, enum incident_look look)
{
    incidents_look(people->incidents, id, look);
    flush_soon(people);
}

void people_silent(struct people *people, const char *id, const char *words)
{
    incidents_silent(people->incidents, id, words);
    flush_soon(people);
}

void people_pod(struct people *people, const char *id, const struct remedy_pod *pod)
{
    const struct incident_pod row = {
        .namespace = pod->namespace,
        .name = pod->name,
        .uid = pod->uid,
        .owner_kind = pod->owner ? pod->owner->kind : NULL,
        .owner_name = pod->owner ? pod->owner->name : NULL,
        .done = pod->done,
    };

    log_debug_of(id, "pod %s/%s: %s", pod->namespace, pod->name, pod->done);
    incidents_pod(people->incidents, id, clock_wall_us(), &row);
    flush_soon(people);
}

void people_trace(struct people *people, const struct trace *trace)
{
    incidents_trace(people->incidents, trace);
    flush_soon(people);
}
