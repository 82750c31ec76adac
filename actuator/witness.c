/*
 * How it works.  A group is a zone that somebody has joined: first its Nodes are listed, by label
 * and page by page until there are enough that may be witnesses, then the Leases of those are read
 * once a second.  Nothing depends on which Nodes they are, so mostly one page is enough; but the
 * first pages may hold nothing but suspects.  A zone with too few is filled up from all Nodes.  A
 * witness that has an incident itself is replaced at once; one whose Lease does not move within
 * half a minute too, for it may have died; when it is the API server that is sick, the new one
 * stands still as well.
 *
 * Each request carries the group's name and generation, not a pointer to it: it may be gone, or
 * have let go of one, when the answer comes.  A list that began before is given up, for its end
 * does not say that there are no others.
 */
#include "actuator/witness.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "actuator/answers.h"
#include "actuator/bodies.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

#define PAGE          20
#define ANSWER_MAX    (16 * 1024 * 1024) /* a Node may have 200 KiB */
#define STILL_US      (30 * US_PER_SECOND)
#define LIST_AGAIN_US (5 * US_PER_SECOND)

struct group {
    char *zone; /* "": of Nodes without one */
    size_t users;
    char *names[WITNESSES];
    uint64_t chosen_us[WITNESSES];
    bool asked[WITNESSES]; /* a request about it is under way */
    struct lease_witnesses leases;
    unsigned generation; /* of the choice; no other group ever has the same */
    bool listing;
    uint64_t listed_us; /* 0: never */
    struct group *next;
};

struct witness {
    struct witness_setup setup;
    struct group *groups;
    struct event *second;
    struct question *questions;
    unsigned generations;
};

/* A request that is under way. */
struct question {
    struct witness *witness;
    char *zone;
    bool of_zone; /* a list: with the label, or of all Nodes */
    unsigned generation;
    size_t index;
    uint64_t sent_us;
    struct question *next, **at;
};

static struct group *find(const struct witness *witness, const char *zone)
{
    struct group *group = witness->groups;
    while (group && strcmp(group->zone, zone) != 0)
        group = group->next;
    return group;
}

static void ask(struct witness *witness, const struct group *group, size_t index, bool of_zone,
                const struct bodies_call *call,
                void (*done)(void *arg, const struct kube_answer *answer))
{
    struct question *question = xcalloc(1, sizeof(*question));

    question->witness = witness;
    question->zone = xstrdup(group->zone);
    question->generation = group->generation;
    question->index = index;
    question->of_zone = of_zone;
    question->sent_us = clock_monotonic_us();
    question->next = witness->questions;
    question->at = &witness->questions;
    if (question->next)
        question->next->at = &question->next;
    witness->questions = question;
    kube_submit(witness->setup.client, &(struct kube_request){ .verb = call->verb,
                                                               .path = call->path,
                                                               .answer_max = ANSWER_MAX,
                                                               .done = done,
                                                               .arg = question });
}

static void question_free(struct question *question)
{
    *question->at = question->next;
    if (question->next)
        question->next->at = question->at;
    free(question->zone);
    free(question);
}

static void on_lease(void *arg, const struct kube_answer *answer)
{
    struct question *question = arg;
    struct group *group = find(question->witness, question->zone);
    struct lease_reading reading = { .sent_us = question->sent_us,
                                     .answered_us = clock_monotonic_us() };

    if (group && group->generation == question->generation) {
        group->asked[question->index] = false;
        if (answer->status == 200 && answer_lease_read(answer->body, answer->size, &reading))
            lease_take_witness(&group->leases, question->index, &reading);
    }
    question_free(question);
}

static bool has(const struct group *group, const char *name)
{
    for (size_t i = 0; i < group->leases.count; i++) {
        if (strcmp(group->names[i], name) == 0)
            return true;
    }
    return false;
}

static void choose(struct witness *witness, struct group *group, const struct answer_nodes *nodes)
{
    const struct witness_setup *setup = &witness->setup;

    for (size_t i = 0; i < nodes->count && group->leases.count < WITNESSES; i++) {
        const struct answer_node *node = nodes->nodes[i];
        if (node->ready == READY_TRUE && !has(group, node->name) &&
            !setup->is_suspect(setup->arg, node->name)) {
            group->leases.leases[group->leases.count] = (struct lease){ 0 };
            group->chosen_us[group->leases.count] = clock_monotonic_us();
            group->names[group->leases.count++] = xstrdup(node->name);
        }
    }
}

static void read_leases(struct witness *witness, struct group *group)
{
    struct bodies_call call;

    for (size_t i = 0; i < group->leases.count; i++) {
        if (group->asked[i])
            continue;
        group->asked[i] = true;
        bodies_build_lease(group->names[i], &call);
        ask(witness, group, i, false, &call, on_lease);
    }
}

static void list(struct witness *witness, struct group *group, bool of_zone, const char *token);

/* NULL, with a word in the log, when ANSWER is no page of Nodes. */
static struct answer_nodes *read_page(const struct witness *witness,
                                      const struct kube_answer *answer)
{
    char message[KUBE_ERROR_SIZE];
    struct answer_nodes *nodes =
        answer->status == 200 ? answer_nodes_read(witness->setup.names, answer->body, answer->size)
                              : NULL;

    if (!nodes) {
        kube_describe("GET", "nodes, to choose witnesses", answer, message, sizeof(message));
        log_warning("%s", message);
    }
    return nodes;
}

static void on_list(void *arg, const struct kube_answer *answer)
{
    struct question *question = arg;
    struct witness *witness = question->witness;
    struct group *group = find(witness, question->zone);
    bool is_current = group && group->generation == question->generation;
    bool of_zone = question->of_zone;

    question_free(question);
    if (!is_current)
        return;
    group->listing = false;
    struct answer_nodes *nodes = read_page(witness, answer);
    if (!nodes)
        return;
    choose(witness, group, nodes);
    if (group->leases.count < WITNESSES && (nodes->token || of_zone))
        list(witness, group, of_zone && nodes->token, nodes->token);
    else
        group->leases.all = !of_zone && !nodes->token;
    answer_nodes_free(nodes);
    read_leases(witness, group);
}

static void list(struct witness *witness, struct group *group, bool of_zone, const char *token)
{
    struct bodies_call call;

    group->listing = true;
    group->listed_us = clock_monotonic_us();
    bodies_build_nodes(of_zone ? NAMES_ZONE : NULL, group->zone, PAGE, token, &call);
    ask(witness, group, 0, of_zone, &call, on_list);
}

static bool stands_still(const struct group *group, size_t index, uint64_t now_us)
{
    uint64_t moved_us = group->leases.leases[index].moved_us;
    uint64_t from_us = moved_us > group->chosen_us[index] ? moved_us : group->chosen_us[index];

    return now_us >= from_us + STILL_US;
}

/* Lets go of those that are no witnesses any more; the choice is open then. */
static void weed(struct witness *witness, struct group *group, uint64_t now_us)
{
    size_t kept = 0;

    for (size_t i = 0; i < group->leases.count; i++) {
        bool still = stands_still(group, i, now_us);
        if (still)
            group->leases.late_us = now_us;
        if (still || witness->setup.is_suspect(witness->setup.arg, group->names[i])) {
            free(group->names[i]);
            continue;
        }
        group->names[kept] = group->names[i];
        group->chosen_us[kept] = group->chosen_us[i];
        group->leases.leases[kept++] = group->leases.leases[i];
    }
    if (kept == group->leases.count)
        return;
    for (size_t i = 0; i < WITNESSES; i++)
        group->asked[i] = false;
    group->leases.count = kept;
    group->leases.all = false;
    group->listing = false;
    group->generation = ++witness->generations;
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct witness *witness = arg;
    uint64_t now_us = clock_monotonic_us();

    for (struct group *group = witness->groups; group; group = group->next) {
        weed(witness, group, now_us);
        bool too_few = group->leases.count < WITNESSES;
        uint64_t wait_us = group->leases.all ? STILL_US : LIST_AGAIN_US;
        if (too_few && !group->listing && now_us >= group->listed_us + wait_us)
            list(witness, group, *group->zone != '\0', NULL);
        read_leases(witness, group);
    }
}

struct witness *witness_new(const struct witness_setup *setup)
{
    static const struct timeval second = { .tv_sec = 1 };
    struct witness *witness = xcalloc(1, sizeof(*witness));

    witness->setup = *setup;
    witness->second = event_new(setup->base, -1, EV_PERSIST, on_second, witness);
    event_add(witness->second, &second);
    return witness;
}

static void group_free(struct group *group)
{
    for (size_t i = 0; i < group->leases.count; i++)
        free(group->names[i]);
    free(group->zone);
    free(group);
}

void witness_free(struct witness *witness)
{
    if (!witness)
        return;
    while (witness->questions)
        question_free(witness->questions);
    while (witness->groups) {
        struct group *next = witness->groups->next;
        group_free(witness->groups);
        witness->groups = next;
    }
    event_free(witness->second);
    free(witness);
}

const struct lease_witnesses *witness_join(struct witness *witness, const char *zone)
{
    struct group *group = find(witness, zone ? zone : "");

    if (!group) {
        group = xcalloc(1, sizeof(*group));
        group->zone = xstrdup(zone ? zone : "");
        group->generation = ++witness->generations;
        group->next = witness->groups;
        witness->groups = group;
        list(witness, group, *group->zone != '\0', NULL);
    }
    group->users++;
    return &group->leases;
}

void witness_leave(struct witness *witness, const struct lease_witnesses *leases)
{
    for (struct group **at = &witness->groups; *at; at = &(*at)->next) {
        struct group *group = *at;
        if (&group->leases != leases)
            continue;
        if (--group->users == 0) {
            *at = group->next;
            group_free(group);
        }
        return;
    }
}
