#pragma once

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actuator/marks.h"
#include "actuator/remedy.h"
#include "common/clock.h"
#include "common/text.h"

/*
 * A small API server in memory: one Node and its pods, with the rules that a remedy relies on
 * (preconditions, finalizers, resourceVersions, pages).
 */
#define WORLD_PODS 64
#define NODE_UID   "node-uid"
#define NODE_BOOT  "boot-1"

struct world_pod {
    char name[32], uid[64];
    const char *phase, *owner_kind, *owner;
    bool mirror, keeps, marked, annotated, finalizer, going, ready, gone;
};

struct world {
    bool node_gone, cordoned, tainted, finalizers;
    const char *set;    /* what the Node's annotation lists as ours; NULL: there is none */
    const char *labels; /* of the Node, more JSON members; NULL: none */
    const char *opted;  /* its annotation lastgasp=; NULL: "node", which is no opt-out */
    uint64_t slow_us;   /* how long a request takes; 0: 1 ms */
    const char *ready;  /* the condition */
    bool renews;        /* the node's Lease, every 10 s */
    bool lease_gone;
    size_t cleared; /* how often marks were taken off */
    const char *uid, *boot;
    uint64_t version, node_version; /* of all pods, of the Node */
    size_t volumes;
    struct world_pod pods[WORLD_PODS];
    size_t pod_count, page;
    size_t events;

    /* Returns a status to answer with, 0 to go on.  WORLD_LOST: done, but the answer is lost. */
    unsigned (*before)(struct world *world, const struct remedy_request *request);
    const char *field;       /* of a 422 that `before` answers with */
    bool proxied;            /* a 404 is that of something in between */
    uint64_t retry_after_us; /* of a 429 */
    size_t at;               /* for `before` */
    enum remedy_kind kind;   /* for `before` */
    unsigned status;         /* for `before` */

    struct names *names;
    struct optouts optouts;
    struct lease_witnesses witnesses;
    uint64_t lease_every_us;
    uint64_t now_us;
    void (*each_second)(struct world *world, struct remedy *remedy); /* may be NULL */
    uint64_t second_us;                                              /* when it is due */
    size_t held_back; /* requests that were given out and then might not go */
    size_t served, writes, asked[REMEDY_EVENT + 1];
    size_t crash_after; /* requests; 0: never */
};

#define WORLD_LOST 1000

static struct world_pod *world_add(struct world *world, const char *name, const char *kind)
{
    struct world_pod *pod = &world->pods[world->pod_count++];

    ck_assert_uint_le(world->pod_count, WORLD_PODS);
    *pod = (struct world_pod){ .phase = "Running", .owner_kind = kind, .ready = true };
    snprintf(pod->name, sizeof(pod->name), "%s", name);
    snprintf(pod->uid, sizeof(pod->uid), "uid-%s-%llu", name, (unsigned long long)++world->version);
    pod->owner = kind ? kind : "";
    return pod;
}

/* A Node with COUNT pods of a Job. */
static struct world world_new(size_t count)
{
    struct world world = { .uid = NODE_UID,
                           .boot = NODE_BOOT,
                           .version = 100,
                           .node_version = 7,
                           .page = 500,
                           .ready = "True",
                           .lease_every_us = US_PER_SECOND,
                           .now_us = 1000 * US_PER_SECOND };
    char name[32];

    world.names = names_new("example.com");
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "pod-%zu", i);
        world_add(&world, name, "Job");
    }
    return world;
}

static void world_end(struct world *world)
{
    names_free(world->names);
}

static struct answer_node *world_node(const struct world *world)
{
    char text[1024];
    size_t used = 0;

    text_append(text, sizeof(text), &used,
                "{\"metadata\":{\"uid\":\"%s\",\"resourceVersion\":\"%llu\"%s,"
                "\"labels\":{%s},\"annotations\":{%s%s%s%s\"node.example.com/lastgasp\":\"%s\"}},"
                "\"spec\":{\"unschedulable\":%s%s},"
                "\"status\":{\"nodeInfo\":{\"bootID\":\"%s\"},\"conditions\":["
                "{\"type\":\"Ready\",\"status\":\"%s\"}],\"volumesAttached\":[",
                world->uid, (unsigned long long)world->node_version,
                world->finalizers ? ",\"finalizers\":[\"karpenter.sh/termination\"]" : "",
                world->labels ? world->labels : "",
                world->set ? "\"node.example.com/lastgasp-set\":\"" : "",
                world->set ? world->set : "", world->set ? "\"" : "", world->set ? "," : "",
                world->opted ? world->opted : "node", world->cordoned ? "true" : "false",
                world->tainted ? ",\"taints\":[{\"key\":\"node.kubernetes.io/out-of-service\","
                                 "\"effect\":\"NoExecute\"}]"
                               : "",
                world->boot, world->ready);
    for (size_t i = 0; i < world->volumes; i++)
        text_append(text, sizeof(text), &used, "%s{\"name\":\"v%zu\"}", i > 0 ? "," : "", i);
    text_append(text, sizeof(text), &used, "]}}");

    struct answer_node *node = answer_node_read(world->names, text, used);
    ck_assert_ptr_nonnull(node);
    return node;
}

static void world_print_pod(const struct world_pod *pod, char *text, size_t cap, size_t *used)
{
    text_append(text, cap, used,
                "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"%s\",\"uid\":\"%s\","
                "\"annotations\":{%s%s}",
                pod->name, pod->uid, pod->mirror ? "\"kubernetes.io/config.mirror\":\"x\"" : "",
                pod->keeps ? "\"pod.example.com/lastgasp\":\"annotate\"" : "");
    if (pod->owner_kind)
        text_append(text, cap, used,
                    ",\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"%s\",\"name\":\"%s\","
                    "\"uid\":\"owner-%s\",\"controller\":true}]",
                    pod->owner_kind, pod->owner, pod->owner);
    text_append(text, cap, used, "},\"status\":{\"phase\":\"%s\",\"conditions\":[%s]}}", pod->phase,
                pod->marked ? "{\"type\":\"example.com/KernelPanic\"}" : "");
}

/* One page; its continue token is the index of the pod that comes next. */
static struct answer_pods *world_list(const struct world *world, const char *token)
{
    static char text[WORLD_PODS * 512];
    size_t used = 0, in_page = 0, index = token ? (size_t)atoi(token) : 0;
    bool first = true;

    text_append(text, sizeof(text), &used, "{\"items\":[");
    for (; index < world->pod_count && in_page < world->page; index++) {
        if (world->pods[index].gone)
            continue;
        text_append(text, sizeof(text), &used, "%s", first ? "" : ",");
        world_print_pod(&world->pods[index], text, sizeof(text), &used);
        first = false;
        in_page++;
    }
    text_append(text, sizeof(text), &used, "],\"metadata\":{\"resourceVersion\":\"%llu\"",
                (unsigned long long)world->version);
    if (index < world->pod_count)
        text_append(text, sizeof(text), &used, ",\"continue\":\"%zu\"", index);
    text_append(text, sizeof(text), &used, "}}");

    struct answer_pods *pods = answer_pods_new(world->names);
    ck_assert(answer_pods_feed(pods, text, used));
    ck_assert(answer_pods_end(pods));
    return pods;
}

static struct world_pod *world_find(struct world *world, const char *name)
{
    for (size_t i = world->pod_count; i > 0; i--) {
        if (!world->pods[i - 1].gone && strcmp(world->pods[i - 1].name, name) == 0)
            return &world->pods[i - 1];
    }
    return NULL;
}

static unsigned world_write_pod(struct world *world, const struct remedy_request *request,
                                struct remedy_answer *answer)
{
    struct world_pod *pod = world_find(world, request->pod->name);

    if (!pod)
        return 404;
    if (strcmp(pod->uid, request->pod->uid) != 0) {
        answer->field = "metadata.uid";
        return request->kind == REMEDY_DELETE_POD ? 409 : 422;
    }
    answer->version = ++world->version;
    if (request->kind == REMEDY_DELETE_POD) {
        ck_assert_msg(pod->marked, "%s was deleted before it was marked", pod->name);
        pod->gone = !pod->finalizer;
        pod->going = true;
        return 200;
    }
    ck_assert_msg(world->cordoned, "%s was touched before the Node", pod->name);
    pod->annotated |= !request->plain;
    if (request->pod->mark == REMEDY_MARK_REMOVE) {
        pod->marked = true;
        pod->phase = "Failed";
    } else if (request->pod->mark == REMEDY_MARK_DAEMON) {
        pod->ready = false;
    }
    return 200;
}

static unsigned world_write_node(struct world *world, const struct remedy_request *request)
{
    if (strtoull(request->node->resource_version, NULL, 10) != world->node_version)
        return 409;
    if (request->kind == REMEDY_MARK_NODE) {
        world->cordoned = true;
        world->set = "boot=" NODE_BOOT ",annotations,label,unschedulable";
    } else if (request->kind == REMEDY_CLEAR_NODE) {
        world->cordoned = false;
        world->set = NULL;
        world->cleared++;
    }
    if (request->kind == REMEDY_TAINT_NODE)
        world->tainted = true;
    if (request->kind == REMEDY_DELETE_NODE)
        world->node_gone = true;
    world->node_version++;
    return 200;
}

/* A renewTime that is another one every 10 s, or stands still; of a Lease of 40 s.  PHASE_US: by
 * so much earlier than at whole ten seconds. */
static void world_renewed(const struct world *world, bool renews, uint64_t phase_us,
                          struct lease_reading *reading)
{
    unsigned long long renewal = renews ? (world->now_us + phase_us) / (10 * US_PER_SECOND) : 0;

    *reading = (struct lease_reading){ .found = true,
                                       .duration_us = 40 * US_PER_SECOND,
                                       .sent_us = world->now_us,
                                       .answered_us = world->now_us };
    snprintf(reading->renewed, sizeof(reading->renewed), "renewal %llu", renewal);
}

static const struct lease_reading *world_lease(const struct world *world)
{
    static struct lease_reading reading;
    world_renewed(world, world->renews, 0, &reading);
    return &reading;
}

/* A reading of each witness, which renew one after the other, or not at all. */
static inline void world_witness(struct world *world, bool renew)
{
    struct lease_reading reading;

    world->witnesses.count = WITNESSES;
    for (size_t i = 0; i < WITNESSES; i++) {
        world_renewed(world, renew, i * US_PER_SECOND, &reading);
        lease_take(&world->witnesses.leases[i], &reading);
    }
}

static unsigned world_do(struct world *world, const struct remedy_request *request,
                         struct remedy_answer *answer)
{
    unsigned status = 200;

    switch (request->kind) {
    case REMEDY_LIST_PODS:
        answer->pods = world_list(world, request->continue_token);
        return 200;
    case REMEDY_MARK_POD:
    case REMEDY_DELETE_POD:
        return world_write_pod(world, request, answer);
    case REMEDY_READ_LEASE:
        if (world->lease_gone)
            return 404;
        answer->lease = world_lease(world);
        return 200;
    case REMEDY_EVENT:
        world->events++;
        return 201;
    case REMEDY_READ_NODE:
        status = world->node_gone ? 404 : 200;
        break;
    default:
        status = world->node_gone ? 404 : world_write_node(world, request);
    }
    if (status == 200 && request->kind != REMEDY_DELETE_NODE)
        answer->node = world_node(world);
    return status;
}
