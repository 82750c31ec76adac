#include "actuator/undo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actuator/bodies.h"
#include "actuator/counts.h"
#include "actuator/ledger.h"
#include "actuator/request.h"
#include "actuator/undo_judge.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

/* A Node that changes under us is read again, but not for ever: people can ask again. */
#define TRIES 5

/* That wait at a time, whoever asked for them and left again included. */
#define ASKED_MAX 64

/* One that was asked for and is not done. */
struct asked {
    struct undo_desk *desk;
    uint64_t ticket;
    char *incident, *by;
    struct incident *closed; /* as it was closed; NULL: the engine ends it */
    unsigned tries;
    struct kube_call *call;
    const char *verb; /* of the call */
    struct asked *next, **at;
};

struct undo_desk {
    struct undo_setup setup;
    struct json_writer *writer;
    struct asked *first;
    size_t count;
};

static void asked_free(struct asked *asked)
{
    asked->desk->count--;
    *asked->at = asked->next;
    if (asked->next)
        asked->next->at = asked->at;
    if (asked->call)
        kube_cancel(asked->call);
    incident_free(asked->closed);
    free(asked->incident);
    free(asked->by);
    free(asked);
}

static struct asked *asked_new(struct undo_desk *desk, uint64_t ticket, const struct undo *undo)
{
    struct asked *asked = xcalloc(1, sizeof(*asked));

    asked->desk = desk;
    desk->count++;
    asked->ticket = ticket;
    asked->incident = xstrdup(undo->incident);
    asked->by = xstrdup(undo->by ? undo->by : "somebody");
    asked->next = desk->first;
    asked->at = &desk->first;
    if (asked->next)
        asked->next->at = &asked->next;
    desk->first = asked;
    return asked;
}

/* ASKED is answered, and gone. */
static void answer(struct asked *asked, const char *why)
{
    const struct undo_setup *setup = &asked->desk->setup;
    uint64_t ticket = asked->ticket;

    if (why)
        log_notice_of(asked->incident, "not undone: %s", why);
    asked_free(asked);
    setup->answer(setup->arg, ticket, why);
}

static void answer_failed(struct asked *asked, const struct kube_answer *answered)
{
    char message[KUBE_ERROR_SIZE], resource[384];

    snprintf(resource, sizeof(resource), "nodes %s", asked->closed->node);
    kube_describe(asked->verb, resource, answered, message, sizeof(message));
    answer(asked, message);
}

/* It is off the Node: the history says so, too. */
static void write_down(struct asked *asked)
{
    const struct undo_setup *setup = &asked->desk->setup;
    const struct incident *closed = asked->closed;
    char *words = xasprintf("%s asked to undo it; what was set on the Node is undone", asked->by);
    char *detail = xasprintf("%s; before, %s: %s", words, outcome_names[closed->outcome],
                             closed->detail ? closed->detail : "");
    const struct incident_end end = { .outcome = undo_outcome(closed->outcome), .detail = detail };

    people_step(setup->people, closed->id, words);
    bool written = incidents_finish(setup->incidents, closed->id, &end, clock_wall_us()) &&
                   incidents_commit(setup->incidents);
    free(words);
    free(detail);
    answer(asked, written ? NULL
                          : "undone on the Node, but the incident database takes nothing, so the "
                            "history does not say so");
}

static void read_node(struct asked *asked);

static void on_cleared(void *arg, const struct kube_answer *answered)
{
    struct asked *asked = arg;

    asked->call = NULL;
    asked->desk->setup.counts[COUNT_REQUESTS]++;
    if (answered->status == 200) {
        asked->desk->setup.counts[COUNT_NODES_CLEARED]++;
        write_down(asked);
    } else if (answered->status == 409 && ++asked->tries < TRIES) {
        read_node(asked);
    } else {
        answer_failed(asked, answered);
    }
}

static bool may_leave(void *arg)
{
    const struct asked *asked = arg;
    return ledger_leads(asked->desk->setup.ledger);
}

static void clear(struct asked *asked, const struct answer_node *node)
{
    struct undo_desk *desk = asked->desk;
    struct bodies_call call;

    bodies_build_clear(desk->writer, desk->setup.names, node, &call);
    asked->verb = call.verb;
    asked->call = kube_submit(desk->setup.client, &(struct kube_request){
                                                      .verb = call.verb,
                                                      .path = call.path,
                                                      .content_type = call.content_type,
                                                      .body = call.body,
                                                      .body_size = call.size,
                                                      .may_leave = may_leave,
                                                      .done = on_cleared,
                                                      .arg = asked,
                                                  });
}

static void judge(struct asked *asked, const struct answer_node *node)
{
    const struct ledger *ledger = asked->desk->setup.ledger;
    const char *why = undo_judge(node, asked->closed->uid, asked->closed->boot);

    if (!why && !ledger)
        why = "this actuator writes nothing (mode observe, or a dry run)";
    if (!why && !ledger_leads(ledger))
        why = "this host does not hold the ledger at this moment; ask again";
    if (why)
        answer(asked, why);
    else
        clear(asked, node);
}

static void on_node(void *arg, const struct kube_answer *answered)
{
    struct asked *asked = arg;
    struct answer_node *node = NULL;

    asked->call = NULL;
    asked->desk->setup.counts[COUNT_REQUESTS]++;
    if (answered->status == 200)
        node = answer_node_read(asked->desk->setup.names, answered->body, answered->size);
    if (node)
        judge(asked, node);
    else if (answered->status == 404 && strcmp(answered->reason, "NotFound") == 0)
        answer(asked, "its Node is gone, and what was set on it went with it");
    else if (answered->status == 200)
        answer(asked, "its Node names no boot id: it was created anew, and no kubelet has "
                      "registered there yet");
    else
        answer_failed(asked, answered);
    answer_node_free(node);
}

static void read_node(struct asked *asked)
{
    struct bodies_call call;

    bodies_build_node(asked->closed->node, &call);
    asked->verb = call.verb;
    asked->call =
        kube_submit(asked->desk->setup.client,
                    &(struct kube_request){
                        .verb = call.verb, .path = call.path, .done = on_node, .arg = asked });
}

/* One that is not open: what is on disk says what can be done. */
static void undo_closed_one(struct asked *asked)
{
    struct incident *closed = incidents_load(asked->desk->setup.incidents, asked->incident);
    const char *why = NULL;

    asked->closed = closed;
    if (!closed)
        why = "there is no incident with this id in the history of this host";
    else if (closed->state != INCIDENT_CLOSED)
        why = "it is being closed at this moment; ask again";
    else if (closed->cause == CAUSE_DRILL)
        why = "it was a drill, for which nothing is set";
    else
        why = undo_is_late(closed->outcome);
    if (why)
        answer(asked, why);
    else
        read_node(asked);
}

void undo_ask(struct undo_desk *desk, uint64_t ticket, const struct undo *undo)
{
    struct asked *asked = asked_new(desk, ticket, undo);
    const char *holder = desk->setup.ledger ? ledger_elsewhere(desk->setup.ledger) : NULL;
    char why[RECORD_WHY_SIZE];

    if (!request_check_undo(undo, why)) {
        answer(asked, why);
        return;
    }
    if (desk->count > ASKED_MAX) {
        answer(asked, "too many wait to be undone");
        return;
    }
    if (holder) {
        snprintf(why, sizeof(why), "%s acts, and this host stands by: ask there", holder);
        answer(asked, why);
        return;
    }
    switch (engine_undo(desk->setup.engine, asked->incident, asked->by)) {
    case ENGINE_UNDO_BEGUN:
        break; /* see undo_closed() */
    case ENGINE_UNDO_LATE:
        answer(asked, undo_is_late(OUTCOME_DELETED));
        break;
    case ENGINE_UNDO_UNKNOWN:
        undo_closed_one(asked);
        break;
    }
}

void undo_closed(struct undo_desk *desk, const char *id, enum outcome outcome, const char *detail)
{
    bool done = outcome == OUTCOME_RETRACTED || outcome == OUTCOME_PARTIAL;
    char why[RECORD_WHY_SIZE];
    struct asked *next;

    snprintf(why, sizeof(why), "closed as %s: %s", outcome_names[outcome], detail);
    for (struct asked *asked = desk->first; asked; asked = next) {
        next = asked->next;
        if (!asked->closed && strcmp(asked->incident, id) == 0)
            answer(asked, done ? NULL : why);
    }
}

struct undo_desk *undo_new(const struct undo_setup *setup)
{
    struct undo_desk *desk = xcalloc(1, sizeof(*desk));

    desk->setup = *setup;
    desk->writer = json_writer_new();
    return desk;
}

void undo_free(struct undo_desk *desk)
{
    if (!desk)
        return;
    while (desk->first)
        asked_free(desk->first);
    json_writer_free(desk->writer);
    free(desk);
}
