#include "actuator/answers.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"

enum node_row {
    NODE_NAME,
    NODE_UID,
    NODE_VERSION,
    NODE_FINALIZER,
    NODE_LABEL,
    NODE_ANNOTATION,
    NODE_UNSCHEDULABLE,
    NODE_TAINT,
    NODE_TAINT_KEY,
    NODE_TAINT_VALUE,
    NODE_TAINT_EFFECT,
    NODE_TAINT_TIME,
    NODE_BOOT,
    NODE_PORT,
    NODE_ADDRESS,
    NODE_ADDRESS_TYPE,
    NODE_ADDRESS_TEXT,
    NODE_CONDITION,
    NODE_CONDITION_TYPE,
    NODE_CONDITION_STATUS,
    NODE_VOLUME,
    NODE_ITSELF, /* of a list: */
    LIST_CONTINUE,
};

#define NODE_ROWS(at)                                                                              \
    [NODE_NAME] = { at "metadata.name" }, [NODE_UID] = { at "metadata.uid" },                      \
    [NODE_VERSION] = { at "metadata.resourceVersion" },                                            \
    [NODE_FINALIZER] = { at "metadata.finalizers[]" }, [NODE_LABEL] = { at "metadata.labels{}" },  \
    [NODE_ANNOTATION] = { at "metadata.annotations{}" },                                           \
    [NODE_UNSCHEDULABLE] = { at "spec.unschedulable" }, [NODE_TAINT] = { at "spec.taints[]" },     \
    [NODE_TAINT_KEY] = { at "spec.taints[].key" },                                                 \
    [NODE_TAINT_VALUE] = { at "spec.taints[].value" },                                             \
    [NODE_TAINT_EFFECT] = { at "spec.taints[].effect" },                                           \
    [NODE_TAINT_TIME] = { at "spec.taints[].timeAdded" },                                          \
    [NODE_BOOT] = { at "status.nodeInfo.bootID" },                                                 \
    [NODE_PORT] = { at "status.daemonEndpoints.kubeletEndpoint.Port" },                            \
    [NODE_ADDRESS] = { at "status.addresses[]" },                                                  \
    [NODE_ADDRESS_TYPE] = { at "status.addresses[].type" },                                        \
    [NODE_ADDRESS_TEXT] = { at "status.addresses[].address" },                                     \
    [NODE_CONDITION] = { at "status.conditions[]" },                                               \
    [NODE_CONDITION_TYPE] = { at "status.conditions[].type" },                                     \
    [NODE_CONDITION_STATUS] = { at "status.conditions[].status" },                                 \
    [NODE_VOLUME] = { at "status.volumesAttached[].name" }

static const struct json_pick_row node_rows[] = { NODE_ROWS(""), { NULL } };
static const struct json_pick_row list_rows[] = { NODE_ROWS("items[]."),
                                                  [NODE_ITSELF] = { "items[]" },
                                                  [LIST_CONTINUE] = { "metadata.continue" },
                                                  { NULL } };

struct reading {
    const struct names *names;
    struct answer_node *node;
    struct answer_nodes *list;
    const char *type, *text; /* of the address or condition that is being read */
};

const char *answer_pairs_find(const struct answer_pairs *pairs, const char *key)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->pairs[i].key, key) == 0)
            return pairs->pairs[i].value;
    }
    return NULL;
}

bool answer_taint_is_out_of_service(const struct answer_taint *taint)
{
    return taint->key && strcmp(taint->key, NAMES_OUT_OF_SERVICE) == 0 && taint->effect &&
           strcmp(taint->effect, "NoExecute") == 0;
}

static void keep(struct answer_node *node, const char **text, enum json_event event,
                 const char *from, size_t size)
{
    if (event == JSON_STRING)
        *text = arena_copy(&node->arena, from, size);
}

static void add_pair(struct answer_node *node, struct answer_pairs *pairs, const char *key,
                     const char *value, size_t size)
{
    pairs->pairs = xrealloc(pairs->pairs, (pairs->count + 1) * sizeof(*pairs->pairs));
    pairs->pairs[pairs->count++] = (struct answer_pair){
        .key = arena_copy(&node->arena, key, strlen(key)),
        .value = arena_copy(&node->arena, value, size),
    };
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

/* An element of a list of {type, text}: what it means is known when it ends. */
static void take_element(struct reading *reading, enum node_row row, enum json_event event)
{
    struct answer_node *node = reading->node;

    if (event == JSON_OBJECT) {
        reading->type = reading->text = NULL;
        return;
    }
    if (event != JSON_OBJECT_END || !reading->type || !reading->text)
        return;
    if (row == NODE_ADDRESS && !node->address && strcmp(reading->type, "InternalIP") == 0)
        node->address = reading->text;
    if (row == NODE_CONDITION && strcmp(reading->type, "Ready") == 0 &&
        strcmp(reading->text, "Unknown") != 0)
        node->ready = strcmp(reading->text, "True") == 0 ? READY_TRUE : READY_FALSE;
}

static void take_metadata(struct reading *reading, enum node_row row, enum json_event event,
                          const char *key, const char *text, size_t size)
{
    struct answer_node *node = reading->node;

    if (row == NODE_FINALIZER) {
        node->finalizers = true;
    } else if (event == JSON_STRING) {
        struct answer_pairs *pairs = row == NODE_LABEL ? &node->labels : &node->annotations;
        add_pair(node, pairs, key, text, size);
        if (row == NODE_ANNOTATION && strcmp(key, reading->names->node_set) == 0)
            node->set = pairs->pairs[pairs->count - 1].value;
    }
}

static void take_node(void *arg, unsigned row, enum json_event event, const char *key,
                      const char *text, size_t size)
{
    struct reading *reading = arg;
    struct answer_node *node = reading->node;
    const char **const texts[] = {
        [NODE_NAME] = &node->name,
        [NODE_UID] = &node->uid,
        [NODE_VERSION] = &node->resource_version,
        [NODE_BOOT] = &node->boot,
        [NODE_ADDRESS_TYPE] = &reading->type,
        [NODE_ADDRESS_TEXT] = &reading->text,
        [NODE_CONDITION_TYPE] = &reading->type,
        [NODE_CONDITION_STATUS] = &reading->text,
    };

    switch ((enum node_row)row) {
    case NODE_FINALIZER:
    case NODE_LABEL:
    case NODE_ANNOTATION:
        take_metadata(reading, row, event, key, text, size);
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
    case NODE_PORT:
        if (event != JSON_NUMBER || !json_count(text, size, UINT16_MAX, &node->port))
            node->port = 0;
        break;
    case NODE_ADDRESS:
    case NODE_CONDITION:
        take_element(reading, row, event);
        break;
    case NODE_VOLUME:
        node->volumes++;
        break;
    default:
        keep(node, texts[row], event, text, size);
    }
}

static bool is_whole(const struct answer_node *node)
{
    return node->uid && node->boot && node->resource_version;
}

struct answer_node *answer_node_read(const struct names *names, const char *bytes, size_t size)
{
    struct answer_node *node = xcalloc(1, sizeof(*node));
    struct reading reading = { .names = names, .node = node };

    if (json_pick_document(node_rows, take_node, &reading, bytes, size) && is_whole(node))
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
    free(node->labels.pairs);
    free(node->annotations.pairs);
    free(node);
}

static void take_item(struct reading *reading, enum json_event event)
{
    struct answer_nodes *list = reading->list;

    if (event == JSON_OBJECT) {
        reading->node = xcalloc(1, sizeof(*reading->node));
        return;
    }
    if (reading->node && is_whole(reading->node) && reading->node->name) {
        list->nodes = xrealloc(list->nodes, (list->count + 1) * sizeof(*list->nodes));
        list->nodes[list->count++] = reading->node;
    } else {
        answer_node_free(reading->node);
    }
    reading->node = NULL;
}

static void take_token(struct answer_nodes *list, enum json_event event, const char *text,
                       size_t size)
{
    if (event != JSON_STRING || size == 0)
        return;
    free(list->token); /* of a list that says it twice the last counts */
    list->token = xstrndup(text, size);
}

static void take_list(void *arg, unsigned row, enum json_event event, const char *key,
                      const char *text, size_t size)
{
    struct reading *reading = arg;

    if (row == NODE_ITSELF)
        take_item(reading, event);
    else if (row == LIST_CONTINUE)
        take_token(reading->list, event, text, size);
    else if (reading->node)
        take_node(reading, row, event, key, text, size);
}

struct answer_nodes *answer_nodes_read(const struct names *names, const char *bytes, size_t size)
{
    struct answer_nodes *nodes = xcalloc(1, sizeof(*nodes));
    struct reading reading = { .names = names, .list = nodes };

    if (json_pick_document(list_rows, take_list, &reading, bytes, size))
        return nodes;
    answer_node_free(reading.node);
    answer_nodes_free(nodes);
    return NULL;
}

void answer_nodes_free(struct answer_nodes *nodes)
{
    if (!nodes)
        return;
    for (size_t i = 0; i < nodes->count; i++)
        answer_node_free(nodes->nodes[i]);
    free(nodes->nodes);
    free(nodes->token);
    free(nodes);
}
