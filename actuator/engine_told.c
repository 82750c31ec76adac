#include "actuator/engine_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"

/* What was paid for is paid again well before it runs out. */
#define ASK_EVERY_US (5 * US_PER_SECOND)

/* Evidence comes every 2 s; after so long whoever probes has forgotten, or never knew. */
#define SILENCE_US (10 * US_PER_SECOND)

/* We run in turns of milliseconds; longer than this between two of them, and we were stopped. */
#define PAUSE_US (1 * US_PER_SECOND)

static void ask_ledger(struct work *work, uint64_t now_us)
{
    static const enum remedy_leave leaves[] = {
        [LEDGER_GRANTED] = REMEDY_LEAVE_GRANTED,
        [LEDGER_WAIT] = REMEDY_LEAVE_WAIT,
        [LEDGER_ELSEWHERE] = REMEDY_LEAVE_ELSEWHERE,
    };
    const struct answer_node *node = remedy_node(work->remedy);
    const char *zone = node ? answer_pairs_find(&node->labels, NAMES_ZONE) : NULL;

    work->asked_us = now_us;
    work->leave =
        leaves[ledger_ask(work->engine->setup.ledger, work->incident->node, zone ? zone : "")];
    if (work->leave == REMEDY_LEAVE_GRANTED)
        work->granted_us = now_us;
}

/* What a person takes back is not kept up by a pause, which is for what would be done. */
static bool may_write(const struct work *work)
{
    const struct ledger *ledger = work->engine->setup.ledger;
    return work->undone ? ledger_leads(ledger) : ledger_may_write(ledger);
}

void engine_give_leave(struct work *work, uint64_t now_us)
{
    struct ledger *ledger = work->engine->setup.ledger;

    if (!ledger) {
        remedy_set_leave(work->remedy, REMEDY_LEAVE_GRANTED, true, now_us);
        return;
    }
    bool may = may_write(work);
    bool due = work->asked_us == 0 ||
               (work->leave == REMEDY_LEAVE_GRANTED && now_us >= work->asked_us + ASK_EVERY_US);
    if (may && work->leave == REMEDY_LEAVE_ELSEWHERE)
        work->leave = REMEDY_LEAVE_UNKNOWN; /* we took over since */
    /* While we may not write, asking pays for nothing, and shows whether another host leads. */
    if (due && (!may || remedy_wants_leave(work->remedy, now_us)))
        ask_ledger(work, now_us);
    remedy_set_leave(work->remedy, work->leave, may, now_us);
}

bool engine_may_leave(struct work *work, const struct remedy_request *request)
{
    const struct ledger *ledger = work->engine->setup.ledger;
    uint64_t now_us = clock_monotonic_us();

    if (ledger && !may_write(work))
        return false;
    if (ledger && remedy_needs_leave(request) && now_us > work->granted_us + ASK_EVERY_US)
        return false;
    return remedy_may_leave(work->remedy, request, now_us);
}

void engine_leave_changed(struct engine *engine)
{
    for (struct work *work = engine->first; work; work = work->next)
        work->asked_us = 0;
    engine_pump_soon(engine);
}

static bool is_probed(const struct work *work)
{
    enum verdict verdict = work->incident->verdict;
    return verdict == VERDICT_SILENT || verdict == VERDICT_UNPROBABLE ||
           verdict == VERDICT_REPORTED;
}

/* Where the machine answers, or did: of the Node as read, or as it was when it was deleted. */
static void tell_open(struct work *work)
{
    const struct engine_setup *setup = &work->engine->setup;
    const struct incident *incident = work->incident;
    const struct answer_node *node = remedy_node(work->remedy);
    const char *address = node ? node->address : incident->address;
    uint64_t port = node ? node->port : incident->port;
    bool needed = work->watch.on || !work->ended;

    if (!needed || !is_probed(work) || !address || port == 0)
        return;
    work->heard_us = clock_monotonic_us();
    setup->probe(setup->arg,
                 &(struct open_incident){
                     .id = incident->id,
                     .node = incident->node,
                     .uid = incident->uid,
                     .boot = incident->boot,
                     .address = address,
                     .port = port,
                     .last_answer_us = incident->last_answer_us,
                     .rtt_us = incident->rtt_us,
                     .until_us = work->watch.on ? work->watch.until_wall_us : incident->expires_us,
                 });
}

void engine_tell_open(struct engine *engine)
{
    for (struct work *work = engine->first; work; work = work->next)
        tell_open(work);
}

void engine_remind(struct engine *engine)
{
    uint64_t now_us = clock_monotonic_us();

    for (struct work *work = engine->first; work; work = work->next) {
        if (work->heard_us > 0 && now_us >= work->heard_us + SILENCE_US)
            tell_open(work);
    }
}

static void join_witnesses(struct work *work)
{
    if (!remedy_needs_lease(work->remedy))
        return;
    work->witnesses = witness_join(
        work->engine->witness, answer_pairs_find(&remedy_node(work->remedy)->labels, NAMES_ZONE));
    remedy_set_witnesses(work->remedy, work->witnesses);
}

void engine_take_stock(struct work *work)
{
    static const enum incident_state states[] = { [REMEDY_OPEN] = INCIDENT_OPEN,
                                                  [REMEDY_HELD] = INCIDENT_HELD,
                                                  [REMEDY_ACTING] = INCIDENT_ACTING };
    struct people *people = work->engine->setup.people;
    const char *id = work->incident->id, *words = remedy_said(work->remedy);
    enum remedy_stand stand = remedy_stand(work->remedy);
    bool lost_before;

    if (words)
        people_step(people, id, words);
    if (stand != work->stand && !work->ended)
        people_stand(people, id, states[stand]);
    work->stand = stand;
    if (!remedy_node(work->remedy))
        return;
    if (!work->look_saved && remedy_looked(work->remedy, &lost_before)) {
        work->look_saved = true;
        people_look(people, id, lost_before ? INCIDENT_LOST_BEFORE : INCIDENT_WAS_READY);
    }
    if (!work->witnesses)
        join_witnesses(work);
    if (work->heard_us == 0)
        tell_open(work);
}

/* What was only reported is so, by what was seen after the report: from here on it is an incident
 * as any other. */
static void bear_out(struct work *work, const char *words, uint64_t now_us)
{
    struct incident *incident = work->incident;

    incident->verdict = VERDICT_SILENT;
    free(incident->words);
    incident->words = xstrdup(words);
    people_silent(work->engine->setup.people, incident->id, words);
    people_step(work->engine->setup.people, incident->id,
                "the prober finds the machine silent, as was reported");
    remedy_merge(work->remedy,
                 &(struct intent){ .verdict = incident->verdict,
                                   .cause = incident->cause,
                                   .reason_code = incident->reason_code },
                 engine_expiry(incident), now_us);
}

/*
 * Evidence is as old as it says by the wall clock, which is its sender's too (the same host), and
 * in no case younger than its arrival by the clock that nobody sets: so neither a queue that it
 * stood in nor a clock that was set makes it fresher than it is.
 */
void engine_evidence(struct engine *engine, const char *id, uint64_t silent_until_us,
                     const char *words)
{
    struct work *work = engine_find(engine, id);
    uint64_t now_us = clock_monotonic_us(), wall_us = clock_wall_us();
    uint64_t age_us = wall_us > silent_until_us ? wall_us - silent_until_us : 0;

    if (!work)
        return;
    work->heard_us = now_us;
    if (work->incident->verdict == VERDICT_REPORTED &&
        silent_until_us >= work->incident->received_us)
        bear_out(work, words, now_us);
    if (work->watch.on)
        work->watch.answered_us = 0;
    else if (age_us < now_us)
        remedy_evidence(work->remedy, now_us - age_us, now_us);
    engine_pump_soon(engine);
}

/* Better evidence, another cause, more time: what people and the prober are told follows. */
static void say_more(struct work *work, const struct intent *intent)
{
    struct incident *incident = work->incident;
    const struct engine_setup *setup = &work->engine->setup;

    free(incident->reason);
    free(incident->words);
    incident->reason = xstrdup(intent->reason);
    incident->words = xstrdup(intent->words);
    incident->verdict = intent->verdict;
    incident->cause = intent->cause;
    incident->reason_code = intent->reason_code;
    bodies_free(work->bodies);
    work->bodies =
        bodies_new(incident, setup->names, setup->dry, setup->instance, work->engine->writer);
    log_notice_of(incident->id, "now %s (%s)", bodies_text(work->bodies),
                  verdict_names[incident->verdict]);
}

void engine_merge(struct engine *engine, const struct intent *intent)
{
    struct work *work = engine_find(engine, intent->id);

    if (!work || rights_only_tell(intent->verdict)) /* words prolong nothing */
        return;
    struct incident *incident = work->incident;
    if (intent->expires_us > incident->expires_us)
        incident->expires_us = intent->expires_us;
    if (incident->last_answer_us == RECORD_ABSENT) {
        incident->last_answer_us = intent->last_answer_us;
        incident->rtt_us = intent->rtt_us;
    }
    if (rights_say_more(intent->verdict, intent->cause, incident->verdict, incident->cause))
        say_more(work, intent);
    remedy_merge(work->remedy, intent, engine_expiry(incident), clock_monotonic_us());
    tell_open(work);
    if (intent->silent_until_us != RECORD_ABSENT)
        engine_evidence(engine, intent->id, intent->silent_until_us, intent->words);
    engine_pump_soon(engine);
}

bool engine_is_ending(const struct engine *engine, const char *id)
{
    const struct work *work = engine_find(engine, id);
    return work && remedy_is_ending(work->remedy);
}

bool engine_has(const struct engine *engine, const char *id)
{
    const struct work *work = engine_find(engine, id);
    return work && !work->watch.on;
}

enum engine_undo engine_undo(struct engine *engine, const char *id, const char *by)
{
    struct work *work = engine_find(engine, id);

    if (!work)
        return ENGINE_UNDO_UNKNOWN;
    if (work->watch.on)
        return ENGINE_UNDO_LATE;
    work->undone = true;
    remedy_give_up(work->remedy, by, clock_monotonic_us());
    engine_pump_soon(engine);
    return ENGINE_UNDO_BEGUN;
}

void engine_retract(struct engine *engine, const char *id, enum retract_why why)
{
    struct work *work = engine_find(engine, id);

    if (!work)
        return;
    work->heard_us = clock_monotonic_us();
    if (work->watch.on)
        engine_watch_retract(work, why);
    else
        remedy_retract(work->remedy, why, clock_monotonic_us());
    engine_pump_soon(engine);
}

bool engine_is_suspect(const struct engine *engine, const char *node)
{
    for (const struct work *work = engine->first; work; work = work->next) {
        if (!work->ended && strcmp(work->incident->node, node) == 0)
            return true;
    }
    return false;
}

void engine_note_pause(struct engine *engine)
{
    uint64_t now_us = clock_monotonic_us();

    if (engine->stopping) /* nothing is sent any more, and nothing ticks */
        return;
    if (now_us > engine->ticked_us + PAUSE_US) {
        log_notice("did not run for %.1f s: everything is looked at again",
                   (double)(now_us - engine->ticked_us) / US_PER_SECOND);
        for (struct work *work = engine->first; work; work = work->next)
            remedy_stopped(work->remedy, now_us);
    }
    engine->ticked_us = now_us;
}
