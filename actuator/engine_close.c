/* How incidents leave the engine: ended in memory, on disk with the turn, told, and then freed. */
#include "actuator/engine_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "actuator/counts.h"
#include "common/clock.h"
#include "common/memory.h"

void engine_end(struct work *work, enum outcome outcome, const char *detail)
{
    unsigned panics = work->watch.was_on ? 0 : work->incident->panics; /* said before the watch */
    char *copy =
        panics > 1 ? xasprintf("%s; %u panics in 10 minutes", detail, panics) : xstrdup(detail);

    free(work->detail);
    work->detail = copy;
    work->outcome = outcome;
    work->ended = true;
    work->engine->setup.ended(work->engine->setup.arg);
}

void engine_note_end(struct work *work)
{
    enum outcome outcome;
    const char *detail;

    if (!work->ended && remedy_is_over(work->remedy, &outcome, &detail))
        engine_end(work, outcome, detail);
}

static void say_closed(const struct work *work)
{
    char words[64];

    log_notice_of(work->incident->id, "closed as %s: %s", outcome_names[work->outcome],
                  work->detail);
    snprintf(words, sizeof(words), "closed as %s", outcome_names[work->outcome]);
    people_write(work->engine->setup.people, work->incident->id, words);
}

/* WORK as the database is to have it: where it ended, or where it is watched on. */
static bool write_end(struct work *work, struct incidents *incidents)
{
    const struct answer_node *node = remedy_node(work->remedy);
    struct incident_end end = { .outcome = work->outcome,
                                .detail = work->detail,
                                .watching = !work->watch.was_on && engine_watches(work) };

    if (end.watching && node) {
        end.address = node->address;
        end.port = node->port;
        end.kept = bodies_kept(work->bodies, node);
    }
    return incidents_finish(incidents, work->incident->id, &end, clock_wall_us());
}

bool engine_record(struct engine *engine, struct incidents *incidents)
{
    bool whole = true;

    for (struct work *work = engine->first; work; work = work->next) {
        if (work->ended && !work->recorded)
            whole &= write_end(work, incidents);
    }
    return whole;
}

void engine_recorded(struct engine *engine,
                     void (*each)(void *arg, const char *id, enum outcome outcome,
                                  const char *detail),
                     void *arg)
{
    for (struct work *work = engine->first; work; work = work->next) {
        if (!work->ended || work->recorded)
            continue;
        work->recorded = true;
        if (!work->watch.was_on || work->outcome != OUTCOME_DELETED) {
            say_closed(work);
            engine->setup.counts[COUNT_INCIDENTS_CLOSED]++;
            engine->setup.counts[COUNT_CLOSED_AS + work->outcome]++;
            engine_note_step(work, STEP_CLOSED);
            each(arg, work->incident->id, work->outcome, work->detail);
        }
        if (!work->watch.was_on && engine_watches(work))
            engine_watch_begin(work, clock_wall_us());
    }
    engine_pump_soon(engine);
}
