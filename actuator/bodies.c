#include "actuator/bodies_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/kube/http.h"
#include "common/memory.h"
#include "common/text.h"

#define JSON_TYPE  "application/json"
#define PATCH_TYPE "application/strategic-merge-patch+json"
#define PAGE       "500"

struct bodies *bodies_new(const struct incident *incident, const struct names *names,
                          enum remedy_dry dry, const char *instance, struct json_writer *writer)
{
    struct bodies *bodies = xcalloc(1, sizeof(*bodies));
    bodies->incident = incident;
    bodies->names = names;
    bodies->dry = dry;
    bodies->instance = instance;
    bodies->writer = writer;

    char *text = xasprintf("%s %s node %s: %s", names_cause(incident->cause),
                           names_preposition(incident->cause), incident->node, incident->reason);
    text[0] = (char)toupper((unsigned char)text[0]);
    text_printable(bodies->text, sizeof(bodies->text), text, strlen(text), 0);
    free(text);

    clock_print(incident->received_us, bodies->micro_time);
    snprintf(bodies->time, sizeof(bodies->time), "%.19sZ", bodies->micro_time);
    return bodies;
}

void bodies_free(struct bodies *bodies)
{
    free(bodies);
}

const char *bodies_text(const struct bodies *bodies)
{
    return bodies->text;
}

/* For PATCH and POST; DELETE has it in its body, for options beside a body are ignored (seen). */
static const char *dry_run(const struct bodies *bodies)
{
    return bodies->dry == REMEDY_DRY_SERVER ? "&dryRun=All" : "";
}

static void written(struct bodies *bodies, struct bodies_call *call, const char *verb,
                    const char *type)
{
    call->verb = verb;
    call->content_type = type;
    call->writes = true;
    call->body = json_written(bodies->writer, &call->size);
}

static void build_node(struct bodies *bodies, const struct remedy_request *request,
                       struct bodies_call *call)
{
    char name[768];

    kube_escape(bodies->incident->node, name, sizeof(name));
    snprintf(call->resource, sizeof(call->resource), "nodes %s", bodies->incident->node);
    snprintf(call->path, sizeof(call->path), "/api/v1/nodes/%s", name);
    if (request->kind == REMEDY_READ_NODE) {
        call->verb = "GET";
    } else if (request->kind == REMEDY_DELETE_NODE) {
        bodies_write_node_delete(bodies, request->node);
        written(bodies, call, "DELETE", JSON_TYPE);
    } else {
        if (request->kind == REMEDY_MARK_NODE)
            bodies_write_node_mark(bodies, request->node);
        else if (request->kind == REMEDY_CLEAR_NODE)
            bodies_write_node_clear(bodies->writer, bodies->names, request->node);
        else
            bodies_write_node_taint(bodies, request->node);
        written(bodies, call, "PATCH", PATCH_TYPE);
        snprintf(call->path, sizeof(call->path), "/api/v1/nodes/%s?fieldManager=" NAMES_CALLER "%s",
                 name, dry_run(bodies));
    }
}

static void build_list(const struct bodies *bodies, const struct remedy_request *request,
                       struct bodies_call *call)
{
    char node[768], token[3072], from[3100];

    kube_escape(bodies->incident->node, node, sizeof(node));
    if (request->continue_token)
        snprintf(from, sizeof(from), "&continue=%s",
                 kube_escape(request->continue_token, token, sizeof(token)));
    else if (request->not_older_than > 0)
        snprintf(from, sizeof(from), "&resourceVersion=%llu&resourceVersionMatch=NotOlderThan",
                 (unsigned long long)request->not_older_than);
    else
        snprintf(from, sizeof(from), "&resourceVersion=0");
    call->verb = "GET";
    snprintf(call->resource, sizeof(call->resource), "pods of node %s", bodies->incident->node);
    snprintf(call->path, sizeof(call->path),
             "/api/v1/pods?fieldSelector=spec.nodeName%%3D%s&limit=" PAGE "%s", node, from);
}

static void build_pod(struct bodies *bodies, const struct remedy_request *request,
                      struct bodies_call *call)
{
    const struct remedy_pod *pod = request->pod;
    char namespace[256], name[768];

    kube_escape(pod->namespace, namespace, sizeof(namespace));
    kube_escape(pod->name, name, sizeof(name));
    snprintf(call->resource, sizeof(call->resource), "pods %s/%s", pod->namespace, pod->name);
    if (request->kind == REMEDY_DELETE_POD) {
        snprintf(call->path, sizeof(call->path), "/api/v1/namespaces/%s/pods/%s", namespace, name);
        bodies_write_pod_delete(bodies, pod->uid);
        written(bodies, call, "DELETE", JSON_TYPE);
    } else {
        snprintf(call->path, sizeof(call->path),
                 "/api/v1/namespaces/%s/pods/%s/status?fieldManager=" NAMES_CALLER "%s", namespace,
                 name, dry_run(bodies));
        bodies_write_pod(bodies, pod->mark, request->plain, pod->uid);
        written(bodies, call, "PATCH", PATCH_TYPE);
    }
}

static void build_event(struct bodies *bodies, const struct remedy_request *request,
                        struct bodies_call *call)
{
    char namespace[256];
    const char *of = bodies_event_namespace(request->event);

    snprintf(call->resource, sizeof(call->resource), "events %s", of);
    snprintf(call->path, sizeof(call->path),
             "/apis/events.k8s.io/v1/namespaces/%s/events?fieldManager=" NAMES_CALLER "%s",
             kube_escape(of, namespace, sizeof(namespace)), dry_run(bodies));
    bodies_write_event(bodies, request->event);
    written(bodies, call, "POST", JSON_TYPE);
}

void bodies_build(struct bodies *bodies, const struct remedy_request *request,
                  struct bodies_call *call)
{
    call->content_type = call->body = NULL;
    call->size = 0;
    call->writes = false;
    switch (request->kind) {
    case REMEDY_READ_NODE:
    case REMEDY_MARK_NODE:
    case REMEDY_CLEAR_NODE:
    case REMEDY_TAINT_NODE:
    case REMEDY_DELETE_NODE:
        build_node(bodies, request, call);
        break;
    case REMEDY_READ_LEASE:
        bodies_build_lease(bodies->incident->node, call);
        break;
    case REMEDY_LIST_PODS:
        build_list(bodies, request, call);
        break;
    case REMEDY_MARK_POD:
    case REMEDY_DELETE_POD:
        build_pod(bodies, request, call);
        break;
    case REMEDY_EVENT:
        build_event(bodies, request, call);
        break;
    }
}

static void build_read(struct bodies_call *call, const char *resource, const char *path)
{
    call->verb = "GET";
    call->content_type = call->body = NULL;
    call->size = 0;
    call->writes = false;
    snprintf(call->resource, sizeof(call->resource), "%s", resource);
    snprintf(call->path, sizeof(call->path), "%s", path);
}

void bodies_build_version(struct bodies_call *call)
{
    build_read(call, "version", "/version");
}

void bodies_build_check(struct bodies_call *call)
{
    build_read(call, "nodes", "/api/v1/nodes?limit=1");
}

void bodies_build_lease(const char *node, struct bodies_call *call)
{
    char name[768], resource[sizeof(call->resource)], path[sizeof(call->path)];

    kube_escape(node, name, sizeof(name));
    snprintf(resource, sizeof(resource), "leases kube-node-lease/%s", node);
    snprintf(path, sizeof(path),
             "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/%s", name);
    build_read(call, resource, path);
}

void bodies_build_node(const char *node, struct bodies_call *call)
{
    char name[768], resource[sizeof(call->resource)], path[sizeof(call->path)];

    kube_escape(node, name, sizeof(name));
    snprintf(resource, sizeof(resource), "nodes %s", node);
    snprintf(path, sizeof(path), "/api/v1/nodes/%s", name);
    build_read(call, resource, path);
}

void bodies_build_nodes(const char *key, const char *value, unsigned limit, const char *token,
                        struct bodies_call *call)
{
    char path[sizeof(call->path)], selector[1024], escaped[sizeof(path)];
    size_t used = 0;

    if (limit > 0)
        text_append(path, sizeof(path), &used, "/api/v1/nodes?limit=%u", limit);
    else
        text_append(path, sizeof(path), &used, "/api/v1/nodes?resourceVersion=0");
    if (key) {
        snprintf(selector, sizeof(selector), "%s=%s", key, value);
        text_append(path, sizeof(path), &used, "&labelSelector=%s",
                    kube_escape(selector, escaped, sizeof(escaped)));
    }
    if (token)
        text_append(path, sizeof(path), &used, "&continue=%s",
                    kube_escape(token, escaped, sizeof(escaped)));
    build_read(call, "nodes", path);
}

void bodies_build_clear(struct json_writer *writer, const struct names *names,
                        const struct answer_node *node, struct bodies_call *call)
{
    char name[768];

    bodies_write_node_clear(writer, names, node);
    kube_escape(node->name, name, sizeof(name));
    *call = (struct bodies_call){ .verb = "PATCH", .content_type = PATCH_TYPE, .writes = true };
    snprintf(call->resource, sizeof(call->resource), "nodes %s", node->name);
    snprintf(call->path, sizeof(call->path), "/api/v1/nodes/%s?fieldManager=" NAMES_CALLER, name);
    call->body = json_written(writer, &call->size);
}
