#include "actuator/turn.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actuator/counts.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

/* Nobody waits for an incident to be closed on disk, but everything waits while the disk syncs: in
 * a storm, and on a slow disk, the closings of many incidents share a commit. */
#define CLOSING_EVERY_US (100 * US_PER_MS)
#define CLOSING_SHARE    4

/* A disk that takes longer is worth a line: every incident waits for it once before it is
 * acknowledged. */
#define SLOW_SYNC_US (100 * US_PER_MS)

/* An intent, a report or a retract that is not acknowledged yet. */
struct item {
    enum record_kind kind;
    struct arena arena;
    struct intent intent;
    struct retract retract;
    uint64_t ticket; /* of a report */
    bool done;       /* it is in the transaction, or the engine knows; else it waits on */
    enum incident_taken taken;
    struct incident *opened;
    struct item *next;
};

struct turn {
    struct turn_setup setup;
    struct item *first, **last;
    struct event *end, *retry, *close;
    bool failing;
    uint64_t committed_us, sync_us; /* when the last commit ended, and how long it took */
    struct log_sample slow_sample;
};

static void turn_is_due(struct turn *turn)
{
    if (!turn->failing)
        event_active(turn->end, EV_TIMEOUT, 0);
}

static const char *copy(struct arena *arena, const char *text)
{
    return text ? arena_copy(arena, text, strlen(text)) : NULL;
}

static struct item *add(struct turn *turn, enum record_kind kind)
{
    struct item *item = xcalloc(1, sizeof(*item));

    item->kind = kind;
    *turn->last = item;
    turn->last = &item->next;
    turn_is_due(turn);
    return item;
}

static struct item *add_intent(struct turn *turn, enum record_kind kind,
                               const struct intent *intent)
{
    struct item *item = add(turn, kind);
    struct arena *arena = &item->arena;
    size_t count = intent->panics.count;
    const char **panics = arena_alloc(arena, count * sizeof(*panics));

    for (size_t i = 0; i < count; i++)
        panics[i] = copy(arena, intent->panics.line[i]);
    item->intent = *intent;
    item->intent.id = copy(arena, intent->id);
    item->intent.node = copy(arena, intent->node);
    item->intent.uid = copy(arena, intent->uid);
    item->intent.boot = copy(arena, intent->boot);
    item->intent.reason = copy(arena, intent->reason);
    item->intent.words = copy(arena, intent->words);
    item->intent.panics.line = panics;
    return item;
}

void turn_add_intent(struct turn *turn, const struct intent *intent)
{
    add_intent(turn, RECORD_INTENT, intent);
}

void turn_add_report(struct turn *turn, const struct intent *intent, uint64_t ticket)
{
    add_intent(turn, RECORD_REPORT, intent)->ticket = ticket;
}

void turn_add_retract(struct turn *turn, const struct retract *retract)
{
    struct item *item = add(turn, RECORD_RETRACT);

    item->retract = *retract;
    item->retract.id = copy(&item->arena, retract->id);
}

static void item_free(struct item *item)
{
    incident_free(item->opened);
    arena_free(&item->arena);
    free(item);
}

/* A retract that came in one turn with its intent has to wait until that is the engine's. */
static bool waits_for_its_intent(const struct turn *turn, const struct item *retract)
{
    for (const struct item *item = turn->first; item != retract; item = item->next) {
        if (item->kind != RECORD_RETRACT && strcmp(item->intent.id, retract->retract.id) == 0)
            return true;
    }
    return false;
}

static void take_retracts(struct turn *turn)
{
    for (struct item *item = turn->first; item; item = item->next) {
        if (item->kind != RECORD_RETRACT || waits_for_its_intent(turn, item))
            continue;
        engine_retract(turn->setup.engine, item->retract.id, item->retract.why);
        item->done = true;
    }
}

static bool take_intents(struct turn *turn)
{
    bool whole = true;

    for (struct item *item = turn->first; item; item = item->next) {
        if (item->kind == RECORD_RETRACT)
            continue;
        item->taken = incidents_take(turn->setup.incidents, &item->intent, clock_wall_us(),
                                     &item->opened);
        item->done = item->taken != INCIDENT_FAILED;
        whole &= item->done;
    }
    return whole;
}

static void roll_back(struct turn *turn)
{
    for (struct item *item = turn->first; item; item = item->next) {
        incident_free(item->opened);
        item->opened = NULL;
        item->done = false;
    }
}

static void hand_out(struct turn *turn, struct item *item)
{
    static const enum count_of counts[] = {
        [INCIDENT_NEW] = COUNT_INCIDENTS_OPENED,
        [INCIDENT_REOPENED] = COUNT_INCIDENTS_REOPENED,
        [INCIDENT_MERGED] = COUNT_INCIDENTS_MERGED,
    };

    if (item->kind == RECORD_RETRACT) {
        channel_server_acknowledge(turn->setup.server, RECORD_RETRACT, item->retract.id);
        return;
    }
    if (item->kind == RECORD_INTENT)
        channel_server_acknowledge(turn->setup.server, RECORD_INTENT, item->intent.id);
    turn->setup.counts[counts[item->taken]]++;
    if (item->taken == INCIDENT_NEW && !rights_only_tell(item->intent.verdict))
        steps_note(turn->setup.steps, STEP_RECORDED, item->intent.received_us, clock_wall_us());
    if (item->opened)
        engine_adopt(turn->setup.engine, item->opened);
    else
        engine_merge(turn->setup.engine, &item->intent);
    item->opened = NULL;
    if (item->kind == RECORD_REPORT)
        turn->setup.reported(turn->setup.arg, item->ticket, item->intent.id);
}

static void tell_closed(void *arg, const char *id, enum outcome outcome, const char *detail)
{
    const struct turn *turn = arg;
    struct record record = { .kind = RECORD_RESULT,
                             .result = { .id = id, .outcome = outcome, .detail = detail } };
    channel_server_broadcast(turn->setup.server, &record);
    turn->setup.closed(turn->setup.arg, id, outcome, detail);
}

/* All of it is on disk. */
static void written(struct turn *turn)
{
    struct item **at = &turn->first;

    engine_recorded(turn->setup.engine, tell_closed, turn);
    while (*at) {
        struct item *item = *at;
        if (!item->done) {
            at = &item->next;
            continue;
        }
        *at = item->next;
        hand_out(turn, item);
        item_free(item);
    }
    turn->last = at;
}

static void fail(struct turn *turn)
{
    static const struct timeval second = { .tv_sec = 1 };

    turn->setup.counts[COUNT_DATABASE_FAILURES]++;
    if (!turn->failing)
        log_alert("the incident database takes nothing: intents are not acknowledged, and reading "
                  "stops, until it does");
    turn->failing = true;
    channel_server_hold(turn->setup.server, true);
    evtimer_add(turn->retry, &second);
}

static void recover(struct turn *turn)
{
    if (!turn->failing)
        return;
    turn->failing = false;
    log_notice("the incident database is written again");
    channel_server_hold(turn->setup.server, false);
}

static void note_slow(struct turn *turn)
{
    uint64_t skipped;

    if (turn->sync_us < SLOW_SYNC_US)
        return;
    turn->setup.counts[COUNT_DATABASE_SLOW_COMMITS]++;
    if (log_sample_due(&turn->slow_sample, turn->committed_us, &skipped))
        log_warning("the disk is slow: a commit of the incident database took %.2f s, and intents "
                    "are acknowledged no sooner (and %llu like it)",
                    (double)turn->sync_us / US_PER_SECOND, (unsigned long long)skipped);
}

static bool commit(struct turn *turn)
{
    uint64_t began_us = clock_monotonic_us();
    bool committed = incidents_commit(turn->setup.incidents);

    turn->committed_us = clock_monotonic_us();
    turn->sync_us = turn->committed_us - began_us;
    note_slow(turn);
    turn->setup.counts[COUNT_COMMITS]++;
    turn->setup.counts[COUNT_COMMITS_US] += turn->sync_us;
    return committed;
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct turn *turn = arg;

    evtimer_del(turn->close);
    /* Retracts first: what one of them ends has to be on disk before it is acknowledged.  Then what
     * has ended: an intent that comes now finds it closed, and may open it again. */
    take_retracts(turn);
    bool recorded = engine_record(turn->setup.engine, turn->setup.incidents);
    bool taken = take_intents(turn);
    if (!recorded || !commit(turn)) {
        roll_back(turn);
        fail(turn);
        return;
    }
    written(turn);
    if (!taken)
        fail(turn);
    else
        recover(turn);
    if (taken && turn->first)
        turn_is_due(turn); /* retracts whose intents the engine has now */
}

struct turn *turn_new(const struct turn_setup *setup)
{
    struct turn *turn = xcalloc(1, sizeof(*turn));

    turn->setup = *setup;
    turn->last = &turn->first;
    turn->end = event_new(setup->base, -1, 0, on_end, turn);
    turn->retry = evtimer_new(setup->base, on_end, turn);
    turn->close = evtimer_new(setup->base, on_end, turn);
    return turn;
}

void turn_free(struct turn *turn)
{
    if (!turn)
        return;
    while (turn->first) {
        struct item *next = turn->first->next;
        item_free(turn->first);
        turn->first = next;
    }
    event_free(turn->end);
    event_free(turn->retry);
    event_free(turn->close);
    free(turn);
}

void turn_closes(struct turn *turn)
{
    uint64_t apart_us = CLOSING_SHARE * turn->sync_us, now_us = clock_monotonic_us();
    uint64_t due_us =
        turn->committed_us + (apart_us > CLOSING_EVERY_US ? apart_us : CLOSING_EVERY_US);

    if (turn->failing || evtimer_pending(turn->close, NULL))
        return;
    if (now_us >= due_us) {
        turn_is_due(turn);
        return;
    }
    uint64_t wait_us = due_us - now_us;
    struct timeval wait = { (time_t)(wait_us / US_PER_SECOND),
                            (suseconds_t)(wait_us % US_PER_SECOND) };
    evtimer_add(turn->close, &wait);
}

void turn_finish(struct turn *turn)
{
    on_end(-1, 0, turn);
}
