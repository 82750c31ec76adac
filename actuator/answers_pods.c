#include "actuator/answers.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"

enum pod_row {
    LIST_VERSION,
    LIST_CONTINUE,
    POD,
    POD_NAMESPACE,
    POD_NAME,
    POD_UID,
    POD_ANNOTATION,
    POD_OWNER,
    POD_OWNER_API,
    POD_OWNER_KIND,
    POD_OWNER_NAME,
    POD_OWNER_UID,
    POD_OWNER_CONTROLLER,
    POD_PHASE,
    POD_STARTED,
    POD_CONDITION,
};

static const struct json_pick_row pod_rows[] = {
    [LIST_VERSION] = { "metadata.resourceVersion" },
    [LIST_CONTINUE] = { "metadata.continue" },
    [POD] = { "items[]" },
    [POD_NAMESPACE] = { "items[].metadata.namespace" },
    [POD_NAME] = { "items[].metadata.name" },
    [POD_UID] = { "items[].metadata.uid" },
    [POD_ANNOTATION] = { "items[].metadata.annotations{}" },
    [POD_OWNER] = { "items[].metadata.ownerReferences[]" },
    [POD_OWNER_API] = { "items[].metadata.ownerReferences[].apiVersion" },
    [POD_OWNER_KIND] = { "items[].metadata.ownerReferences[].kind" },
    [POD_OWNER_NAME] = { "items[].metadata.ownerReferences[].name" },
    [POD_OWNER_UID] = { "items[].metadata.ownerReferences[].uid" },
    [POD_OWNER_CONTROLLER] = { "items[].metadata.ownerReferences[].controller" },
    [POD_PHASE] = { "items[].status.phase" },
    [POD_STARTED] = { "items[].status.startTime" },
    [POD_CONDITION] = { "items[].status.conditions[].type" },
    { NULL },
};

struct owner {
    const char *api, *kind, *name, *uid;
    bool controller;
};

struct answer_pods {
    const struct names *names;
    struct json_pick *pick;
    struct arena arena;
    size_t count, cap;
    struct answer_pod *pods;
    const char *token;
    uint64_t version;
    struct answer_pod pod; /* the one being read */
    struct owner owner;    /* the owner being read */
    bool flawed;           /* a pod without namespace, name or uid */
};

static void keep(struct answer_pods *pods, const char **text, enum json_event event,
                 const char *from, size_t size)
{
    if (event == JSON_STRING)
        *text = arena_copy(&pods->arena, from, size);
}

static void take_pod(struct answer_pods *pods, enum json_event event)
{
    if (event == JSON_OBJECT) {
        pods->pod = (struct answer_pod){ 0 };
        return;
    }
    if (!pods->pod.namespace || !pods->pod.name || !pods->pod.uid) {
        pods->flawed = true;
        return;
    }
    if (pods->count == pods->cap) {
        pods->cap = pods->cap ? 2 * pods->cap : 32;
        pods->pods = xrealloc(pods->pods, pods->cap * sizeof(*pods->pods));
    }
    pods->pods[pods->count++] = pods->pod;
}

static void take_owner(struct answer_pods *pods, enum json_event event)
{
    const struct owner *owner = &pods->owner;

    if (event == JSON_OBJECT) {
        pods->owner = (struct owner){ 0 };
    } else if (owner->controller && owner->api && owner->kind && owner->name && owner->uid) {
        pods->pod.owner_api = owner->api;
        pods->pod.owner_kind = owner->kind;
        pods->pod.owner_name = owner->name;
        pods->pod.owner_uid = owner->uid;
    }
}

static bool is_our_condition(const struct names *names, const char *type)
{
    for (unsigned cause = 0; cause < NAMES_CAUSES; cause++) {
        if (strcmp(type, names->condition[cause]) == 0)
            return true;
    }
    return false;
}

static void take_state(struct answer_pods *pods, enum pod_row row, const char *key,
                       const char *text)
{
    struct answer_pod *pod = &pods->pod;

    if (row == POD_ANNOTATION) {
        pod->mirror |= strcmp(key, NAMES_MIRROR) == 0;
        pod->keeps |= strcmp(key, pods->names->pod_lastgasp) == 0;
    } else if (row == POD_PHASE) {
        pod->finished = strcmp(text, "Succeeded") == 0 || strcmp(text, "Failed") == 0;
    } else {
        pod->ours |= is_our_condition(pods->names, text);
    }
}

static void take(void *arg, unsigned row, enum json_event event, const char *key, const char *text,
                 size_t size)
{
    struct answer_pods *pods = arg;
    const char **const texts[] = {
        [LIST_CONTINUE] = &pods->token,       [POD_NAMESPACE] = &pods->pod.namespace,
        [POD_NAME] = &pods->pod.name,         [POD_UID] = &pods->pod.uid,
        [POD_OWNER_API] = &pods->owner.api,   [POD_OWNER_KIND] = &pods->owner.kind,
        [POD_OWNER_NAME] = &pods->owner.name, [POD_OWNER_UID] = &pods->owner.uid,
        [POD_STARTED] = &pods->pod.started,
    };

    switch ((enum pod_row)row) {
    case LIST_VERSION:
        if (event == JSON_STRING && !json_count(text, size, UINT64_MAX, &pods->version))
            pods->version = 0;
        break;
    case POD:
        take_pod(pods, event);
        break;
    case POD_OWNER:
        take_owner(pods, event);
        break;
    case POD_OWNER_CONTROLLER:
        pods->owner.controller = event == JSON_TRUE;
        break;
    case POD_ANNOTATION:
    case POD_PHASE:
    case POD_CONDITION:
        if (event == JSON_STRING)
            take_state(pods, row, key, text);
        break;
    default:
        keep(pods, texts[row], event, text, size);
    }
}

struct answer_pods *answer_pods_new(const struct names *names)
{
    struct answer_pods *pods = xcalloc(1, sizeof(*pods));
    pods->names = names;
    pods->pick = json_pick_new(pod_rows, take, pods);
    return pods;
}

void answer_pods_free(struct answer_pods *pods)
{
    if (!pods)
        return;
    json_pick_free(pods->pick);
    arena_free(&pods->arena);
    free(pods->pods);
    free(pods);
}

bool answer_pods_feed(struct answer_pods *pods, const char *bytes, size_t size)
{
    return json_pick_feed(pods->pick, bytes, size);
}

bool answer_pods_end(struct answer_pods *pods)
{
    /* A list always has a resourceVersion; a Status or an empty answer has none. */
    return json_pick_end(pods->pick) && pods->version > 0 && !pods->flawed;
}

size_t answer_pods_count(const struct answer_pods *pods)
{
    return pods->count;
}

const struct answer_pod *answer_pods_at(const struct answer_pods *pods, size_t index)
{
    return &pods->pods[index];
}

const char *answer_pods_continue(const struct answer_pods *pods)
{
    return pods->token && *pods->token ? pods->token : NULL;
}

uint64_t answer_pods_version(const struct answer_pods *pods)
{
    return pods->version;
}
