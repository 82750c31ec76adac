#include "actuator/answers.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"

enum node_row {
    NODE_UID,
    NODE_VERSION,
    NODE_FINALIZER,
    NODE_ANNOTATION,
    NODE_UNSCHEDULABLE,
    NODE_TAINT,
    NODE_TAINT_KEY,
    NODE_TAINT_VALUE,
    NODE_TAINT_EFFECT,
    NODE_TAINT_TIME,
    NODE_BOOT,
    NODE_VOLUME,
};

static const struct json_pick_row node_rows[] = {
    [NODE_UID] = { "metadata.uid" },
    [NODE_VERSION] = { "metadata.resourceVersion" },
    [NODE_FINALIZER] = { "metadata.finalizers[]" },
    [NODE_ANNOTATION] = { "metadata.annotations{}" },
    [NODE_UNSCHEDULABLE] = { "spec.unschedulable" },
    [NODE_TAINT] = { "spec.taints[]" },
    [NODE_TAINT_KEY] = { "spec.taints[].key" },
    [NODE_TAINT_VALUE] = { "spec.taints[].value" },
    [NODE_TAINT_EFFECT] = { "spec.taints[].effect" },
    [NODE_TAINT_TIME] = { "spec.taints[].timeAdded" },
    [NODE_BOOT] = { "status.nodeInfo.bootID" },
    [NODE_VOLUME] = { "status.volumesAttached[].name" },
    { NULL },
};

struct reading {
    const struct names *names;
    struct answer_node *node;
};

static void keep(struct answer_node *node, const char **text, enum json_event event,
                 const char *from, size_t size)
{
    if (event == JSON_STRING)
        *text = arena_copy(&node->arena, from, size);
}

static void take_taint(struct answer_node *node, enum node_row row, enum json_event event,
                       const char *text, size_t size)
{
    if (row == NODE_TAINT) {
        if (event != JSON_OBJECT)
            return;
        node->taints = xrealloc(node->taints, (node->taint_count + 1) * sizeof(*node->taints));
        node->taints[node->taint_count++] = (struct answer_taint){ 0 };
        return;
    }
    struct answer_taint *taint = &node->taints[node->taint_count - 1];
    const char **const texts[] = { &taint->key, &taint->value, &taint->effect, &taint->time_added };
    keep(node, texts[row - NODE_TAINT_KEY], event, text, size);
}

static void take_node(void *arg, unsigned row, enum json_event event, const char *key,
                      const char *text, size_t size)
{
    const struct reading *reading = arg;
    struct answer_node *node = reading->node;

    switch ((enum node_row)row) {
    case NODE_UID:
        keep(node, &node->uid, event, text, size);
        break;
    case NODE_VERSION:
        keep(node, &node->resource_version, event, text, size);
        break;
    case NODE_FINALIZER:
        node->finalizers = true;
        break;
    case NODE_ANNOTATION:
        if (strcmp(key, reading->names->node_set) == 0)
            keep(node, &node->set, event, text, size);
        break;
    case NODE_UNSCHEDULABLE:
        node->unschedulable = event == JSON_TRUE;
        break;
    case NODE_TAINT:
    case NODE_TAINT_KEY:
    case NODE_TAINT_VALUE:
    case NODE_TAINT_EFFECT:
    case NODE_TAINT_TIME:
        take_taint(node, row, event, text, size);
        break;
    case NODE_BOOT:
        keep(node, &node->boot, event, text, size);
        break;
    case NODE_VOLUME:
        node->volumes++;
        break;
    }
}

struct answer_node *answer_node_read(const struct names *names, const char *bytes, size_t size)
{
    struct answer_node *node = xcalloc(1, sizeof(*node));
    struct reading reading = { names, node };

    if (json_pick_document(node_rows, take_node, &reading, bytes, size) && node->uid &&
        node->boot && node->resource_version)
        return node;
    answer_node_free(node);
    return NULL;
}

void answer_node_free(struct answer_node *node)
{
    if (!node)
        return;
    arena_free(&node->arena);
    free(node->taints);
    free(node);
}

static const struct json_pick_row version_rows[] = {
    { "metadata.resourceVersion" },
    { NULL },
};

static void take_version(void *arg, unsigned row, enum json_event event, const char *key,
                         const char *text, size_t size)
{
    (void)row, (void)key;
    uint64_t *version = arg;
    if (event != JSON_STRING || !json_count(text, size, UINT64_MAX, version))
        *version = 0;
}

uint64_t answer_version(const char *bytes, size_t size)
{
    uint64_t version = 0;
    return json_pick_document(version_rows, take_version, &version, bytes, size) ? version : 0;
}
