#include "actuator/reports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actuator/bodies.h"
#include "actuator/counts.h"
#include "actuator/ledger.h"
#include "actuator/request.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/log.h"
#include "common/memory.h"

/* As long as a panic's, unless the correlator is told otherwise (--expire). */
#define LIFE_US (15 * US_PER_MINUTE)

/* That wait at a time, whoever made them and left again included. */
#define REPORTED_MAX 64

/* One that is not on disk. */
struct reported {
    struct reports *reports;
    uint64_t ticket;
    char *node, *reason, *by, *command; /* the last: its id */
    enum cause cause;
    uint64_t received_us;
    struct kube_call *call;
    struct reported *next, **at;
};

struct reports {
    struct reports_setup setup;
    struct reported *first;
    size_t count;
};

static void reported_free(struct reported *reported)
{
    reported->reports->count--;
    *reported->at = reported->next;
    if (reported->next)
        reported->next->at = reported->at;
    if (reported->call)
        kube_cancel(reported->call);
    free(reported->node);
    free(reported->reason);
    free(reported->by);
    free(reported->command);
    free(reported);
}

static struct reported *reported_new(struct reports *reports, uint64_t ticket,
                                     const struct report *report)
{
    struct reported *reported = xcalloc(1, sizeof(*reported));

    reported->reports = reports;
    reports->count++;
    reported->ticket = ticket;
    reported->node = xstrdup(report->node);
    reported->reason = xstrdup(report->reason);
    reported->by = xstrdup(report->by ? report->by : "somebody");
    reported->command = xstrdup(report->id);
    reported->cause = report->cause;
    reported->received_us = clock_wall_us();
    reported->next = reports->first;
    reported->at = &reports->first;
    if (reported->next)
        reported->next->at = &reported->next;
    reports->first = reported;
    return reported;
}

/* REPORTED is answered, and gone. */
static void answer(struct reported *reported, const char *why)
{
    const struct reports_setup *setup = &reported->reports->setup;
    uint64_t ticket = reported->ticket;

    if (why)
        log_notice("the report of node %s is refused: %s", reported->node, why);
    reported_free(reported);
    setup->answer(setup->arg, ticket, why);
}

/* The report's own id, in the place of a panic's: what is sent twice is one. */
static void print_id(const struct reported *reported, const char *incident,
                     char id[DIGEST_TEXT_SIZE])
{
    const struct digest_part parts[] = { { incident, strlen(incident) },
                                         { reported->command, strlen(reported->command) },
                                         { reported->reason, strlen(reported->reason) } };
    digest_print(parts, sizeof(parts) / sizeof(parts[0]), id);
}

static void take(struct reported *reported, const struct answer_node *node)
{
    const struct reports_setup *setup = &reported->reports->setup;
    char id[DIGEST_TEXT_SIZE], own[DIGEST_TEXT_SIZE], words[128];
    const char *const panic = own;

    digest_incident(node->uid, node->boot, id);
    print_id(reported, id, own);
    snprintf(words, sizeof(words), "reported by %s; nobody has asked the machine yet",
             reported->by);
    if (!engine_has_room_for(setup->engine, id)) {
        answer(reported, "too many incidents are open; report it again later");
    } else if (engine_is_ending(setup->engine, id)) {
        answer(reported, "what was set for it is being undone; report it again");
    } else {
        turn_add_report(
            setup->turn,
            &(struct intent){
                .id = id,
                .node = reported->node,
                .uid = node->uid,
                .boot = node->boot,
                .cause = reported->cause,
                .reason_code = reported->cause == CAUSE_HARDWARE ? REASON_HARDWARE : REASON_UNKNOWN,
                .reason = reported->reason,
                .verdict = VERDICT_REPORTED,
                .words = words,
                .silent_until_us = RECORD_ABSENT,
                .last_answer_us = RECORD_ABSENT,
                .rtt_us = RECORD_ABSENT,
                .received_us = reported->received_us,
                .expires_us = reported->received_us + LIFE_US,
                .panics = { 1, &panic },
                .booted_us = RECORD_ABSENT,
            },
            reported->ticket);
    }
}

static void on_node(void *arg, const struct kube_answer *answered)
{
    struct reported *reported = arg;
    const struct reports_setup *setup = &reported->reports->setup;
    char why[KUBE_ERROR_SIZE], resource[384];
    struct answer_node *node = NULL;

    reported->call = NULL;
    setup->counts[COUNT_REQUESTS]++;
    if (answered->status == 200)
        node = answer_node_read(setup->names, answered->body, answered->size);
    if (node && *node->uid && *node->boot) {
        take(reported, node);
    } else if (answered->status == 200) {
        answer(reported, "its Node names no boot id: no kubelet has registered there yet");
    } else if (answered->status == 404 && strcmp(answered->reason, "NotFound") == 0) {
        snprintf(why, sizeof(why), "there is no Node %s", reported->node);
        answer(reported, why);
    } else {
        snprintf(resource, sizeof(resource), "nodes %s", reported->node);
        kube_describe("GET", resource, answered, why, sizeof(why));
        answer(reported, why);
    }
    answer_node_free(node);
}

void reports_ask(struct reports *reports, uint64_t ticket, const struct report *report)
{
    const struct reports_setup *setup = &reports->setup;
    struct reported *reported = reported_new(reports, ticket, report);
    const char *holder = setup->ledger ? ledger_elsewhere(setup->ledger) : NULL;
    char why[RECORD_WHY_SIZE];
    struct bodies_call call;

    if (!request_check_report(report, why)) {
        answer(reported, why);
        return;
    }
    if (reports->count > REPORTED_MAX) {
        answer(reported, "too many reports wait to be taken; report it again later");
        return;
    }
    if (holder) {
        snprintf(why, sizeof(why), "%s acts, and this host stands by: report it there", holder);
        answer(reported, why);
        return;
    }
    bodies_build_node(reported->node, &call);
    reported->call =
        kube_submit(setup->client,
                    &(struct kube_request){
                        .verb = call.verb, .path = call.path, .done = on_node, .arg = reported });
}

/* What the report has come to: an incident that is open, or one that is closed and stays it. */
static void conclude(struct reported *reported, const char *id)
{
    const struct reports_setup *setup = &reported->reports->setup;
    char *words = xasprintf("%s reports %s: %s", reported->by, cause_names[reported->cause],
                            reported->reason);
    struct incident *known = NULL;
    char *why = NULL;

    people_step(setup->people, id, words);
    free(words);
    if (!engine_has(setup->engine, id) && (known = incidents_load(setup->incidents, id)))
        why = xasprintf("this boot of the node has an incident, %s, which is %s as %s: %s", id,
                        incident_state_names[known->state], outcome_names[known->outcome],
                        known->detail ? known->detail : "");
    incident_free(known);
    answer(reported, why);
    free(why);
}

void reports_taken(struct reports *reports, uint64_t ticket, const char *id)
{
    for (struct reported *reported = reports->first; reported; reported = reported->next) {
        if (reported->ticket == ticket) {
            conclude(reported, id);
            return;
        }
    }
}

struct reports *reports_new(const struct reports_setup *setup)
{
    struct reports *reports = xcalloc(1, sizeof(*reports));

    reports->setup = *setup;
    return reports;
}

void reports_free(struct reports *reports)
{
    if (!reports)
        return;
    while (reports->first)
        reported_free(reports->first);
    free(reports);
}
