#include "correlator/nodeparse.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A stream is a sequence of {"type": ..., "object": Node or Status}, a list one object with Nodes
 * as items.  Both name the same fields of a Node, so the first rows of both tables are the same
 * with another prefix.  A Node is gathered field by field and handed on when its object closes;
 * what does not fit or is not what it should be is left out and makes the Node `odd`, never the
 * stream an error: one strange Node must not blind us to all others.
 */
enum row {
    ROW_NODE,
    ROW_NAME,
    ROW_UID,
    ROW_VERSION,
    ROW_ANNOTATION,
    ROW_LABEL,
    ROW_PORT,
    ROW_BOOT,
    ROW_ADDRESS,
    ROW_ADDRESS_TYPE,
    ROW_ADDRESS_TEXT,
    ROW_OWN, /* here the two tables part */
    ROW_TYPE = ROW_OWN,
    ROW_CODE,
    ROW_MESSAGE,
    ROW_RETRY,
    ROW_LIST_VERSION = ROW_OWN,
    ROW_LIST_CONTINUE,
};

#define NODE_ROWS(node)                                                                            \
    [ROW_NODE] = { node }, [ROW_NAME] = { node ".metadata.name" },                                 \
    [ROW_UID] = { node ".metadata.uid" }, [ROW_VERSION] = { node ".metadata.resourceVersion" },    \
    [ROW_ANNOTATION] = { node ".metadata.annotations{}" },                                         \
    [ROW_LABEL] = { node ".metadata.labels{}" },                                                   \
    [ROW_PORT] = { node ".status.daemonEndpoints.kubeletEndpoint.Port" },                          \
    [ROW_BOOT] = { node ".status.nodeInfo.bootID" },                                               \
    [ROW_ADDRESS] = { node ".status.addresses[]" },                                                \
    [ROW_ADDRESS_TYPE] = { node ".status.addresses[].type" },                                      \
    [ROW_ADDRESS_TEXT] = { node ".status.addresses[].address" }

static const struct json_pick_row stream_rows[] = {
    NODE_ROWS("object"),
    [ROW_TYPE] = { "type" },
    [ROW_CODE] = { "object.code" },
    [ROW_MESSAGE] = { "object.message" },
    [ROW_RETRY] = { "object.details.retryAfterSeconds" },
    { NULL },
};

static const struct json_pick_row list_rows[] = {
    NODE_ROWS("items[]"),
    [ROW_LIST_VERSION] = { "metadata.resourceVersion" },
    [ROW_LIST_CONTINUE] = { "metadata.continue" },
    { NULL },
};

#define INITIAL_END     "k8s.io/initial-events-end"
#define ZONE            "topology.kubernetes.io/zone"
#define TYPE_SIZE       16
#define RETRY_AFTER_MAX 3600 /* seconds */

struct nodeparse {
    struct json_pick *pick;
    enum nodeparse_form form;
    const char *annotation;
    nodeparse_handler *handler;
    void *arg;
    /* of the object that is open */
    char type[TYPE_SIZE];
    struct node_facts facts;
    char version[NODEPARSE_VERSION_SIZE];
    char address_type[TYPE_SIZE], address[ADDRESS_TEXT_SIZE];
    bool odd, initial_end;
    uint64_t code, retry_after;
    char message[NODEPARSE_MESSAGE_SIZE];
    /* of the list */
    char list_version[NODEPARSE_VERSION_SIZE];
    char list_continue[NODEPARSE_CONTINUE_SIZE];
};

/* False, and OUT empty, when it is no string or does not fit. */
static bool take_text(char *out, size_t cap, enum json_event event, const char *text, size_t size)
{
    bool fits = event == JSON_STRING && size < cap;
    memcpy(out, fits ? text : "", fits ? size + 1 : 1);
    return fits;
}

static void clear_object(struct nodeparse *parse)
{
    struct node *node = &parse->facts.node;
    node->name[0] = node->uid[0] = node->boot[0] = '\0';
    parse->facts.claim_count = 0;
    parse->facts.kubelet_port = 0;
    parse->facts.zone = 0;
    parse->version[0] = '\0';
    parse->odd = parse->initial_end = false;
    parse->code = parse->retry_after = 0;
    parse->message[0] = '\0';
}

static enum nodeparse_kind kind_of(const struct nodeparse *parse)
{
    const char *type = parse->form == NODEPARSE_LIST ? "ADDED" : parse->type;
    const struct node *node = &parse->facts.node;
    if (strcmp(type, "BOOKMARK") == 0)
        return NODEPARSE_BOOKMARK;
    if (strcmp(type, "ERROR") == 0)
        return NODEPARSE_ERROR;
    if (strcmp(type, "DELETED") == 0 && node->name[0] != '\0')
        return NODEPARSE_GONE;
    bool put = strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0;
    return put && node->name[0] != '\0' && node->uid[0] != '\0' ? NODEPARSE_PUT
                                                                : NODEPARSE_UNUSABLE;
}

static void hand_on(struct nodeparse *parse)
{
    struct nodeparse_event event = {
        .kind = kind_of(parse),
        .node = &parse->facts,
        .version = parse->version,
        .odd = parse->odd,
        .initial_end = parse->initial_end,
        .code = (unsigned)parse->code,
        .message = parse->message,
        .retry_after_us = parse->retry_after * US_PER_SECOND,
    };
    parse->type[0] = '\0';
    parse->handler(parse->arg, &event);
}

static bool claim(struct nodeparse *parse, const char *text, enum node_rank rank)
{
    struct address address;
    return address_parse(text, &address) && node_facts_claim(&parse->facts, &address, rank);
}

/* Other types (Hostname, InternalDNS) name no source of a datagram. */
static void end_address(struct nodeparse *parse)
{
    enum node_rank rank = NODE_INTERNAL_IP;
    while (rank < NODE_ANNOTATION && strcmp(parse->address_type, node_rank_names[rank]) != 0)
        rank++;
    if (rank < NODE_ANNOTATION && !claim(parse, parse->address, rank))
        parse->odd = true;
}

static void on_annotation(struct nodeparse *parse, enum json_event event, const char *key,
                          const char *text, size_t size)
{
    if (strcmp(key, INITIAL_END) == 0) {
        parse->initial_end = event == JSON_STRING && strcmp(text, "true") == 0;
    } else if (strcmp(key, parse->annotation) == 0) {
        bool fits = event == JSON_STRING && size < ADDRESS_TEXT_SIZE;
        if (!fits || !claim(parse, text, NODE_ANNOTATION))
            parse->odd = true;
    }
}

static void on_port(struct nodeparse *parse, enum json_event event, const char *text, size_t size)
{
    uint64_t port = 0;
    if (event != JSON_NUMBER || !json_count(text, size, UINT16_MAX, &port))
        parse->odd = true;
    parse->facts.kubelet_port = (uint16_t)port;
}

static void on_own_row(struct nodeparse *parse, unsigned row, enum json_event event,
                       const char *text, size_t size)
{
    if (parse->form == NODEPARSE_LIST) {
        if (row == ROW_LIST_VERSION)
            take_text(parse->list_version, sizeof(parse->list_version), event, text, size);
        else
            take_text(parse->list_continue, sizeof(parse->list_continue), event, text, size);
        return;
    }
    if (row == ROW_TYPE)
        take_text(parse->type, sizeof(parse->type), event, text, size);
    else if (row == ROW_MESSAGE)
        snprintf(parse->message, sizeof(parse->message), "%s", event == JSON_STRING ? text : "");
    else if (event == JSON_NUMBER && row == ROW_CODE)
        json_count(text, size, 999, &parse->code);
    else if (event == JSON_NUMBER && row == ROW_RETRY)
        json_count(text, size, RETRY_AFTER_MAX, &parse->retry_after);
}

static void on_row(void *arg, unsigned row, enum json_event event, const char *key,
                   const char *text, size_t size)
{
    struct nodeparse *parse = arg;
    struct node *node = &parse->facts.node;
    bool fits = true;
    switch (row) {
    case ROW_NODE:
        if (event == JSON_OBJECT)
            clear_object(parse);
        else if (event == JSON_OBJECT_END)
            hand_on(parse);
        break;
    case ROW_NAME:
        fits = take_text(node->name, sizeof(node->name), event, text, size);
        break;
    case ROW_UID:
        fits = take_text(node->uid, sizeof(node->uid), event, text, size);
        break;
    case ROW_BOOT:
        fits = take_text(node->boot, sizeof(node->boot), event, text, size);
        break;
    case ROW_VERSION:
        fits = take_text(parse->version, sizeof(parse->version), event, text, size);
        break;
    case ROW_ANNOTATION:
        on_annotation(parse, event, key, text, size);
        break;
    case ROW_LABEL:
        if (event == JSON_STRING && strcmp(key, ZONE) == 0)
            parse->facts.zone = node_zone(text);
        break;
    case ROW_PORT:
        on_port(parse, event, text, size);
        break;
    case ROW_ADDRESS:
        if (event == JSON_OBJECT)
            parse->address_type[0] = parse->address[0] = '\0';
        else if (event == JSON_OBJECT_END)
            end_address(parse);
        break;
    case ROW_ADDRESS_TYPE:
        take_text(parse->address_type, sizeof(parse->address_type), event, text, size);
        break;
    case ROW_ADDRESS_TEXT:
        take_text(parse->address, sizeof(parse->address), event, text, size);
        break;
    default:
        on_own_row(parse, row, event, text, size);
    }
    if (!fits)
        parse->odd = true;
}

struct nodeparse *nodeparse_new(enum nodeparse_form form, const char *annotation,
                                nodeparse_handler *handler, void *arg)
{
    struct nodeparse *parse = xcalloc(1, sizeof(*parse));
    parse->form = form;
    parse->annotation = annotation;
    parse->handler = handler;
    parse->arg = arg;
    parse->pick = json_pick_new(form == NODEPARSE_LIST ? list_rows : stream_rows, on_row, parse);
    json_pick_skim(parse->pick);
    return parse;
}

void nodeparse_free(struct nodeparse *parse)
{
    if (parse == NULL)
        return;
    json_pick_free(parse->pick);
    free(parse);
}

bool nodeparse_feed(struct nodeparse *parse, const char *bytes, size_t size)
{
    return json_pick_feed(parse->pick, bytes, size);
}

bool nodeparse_end(struct nodeparse *parse)
{
    return json_pick_end(parse->pick);
}

const char *nodeparse_error(const struct nodeparse *parse)
{
    return json_pick_error(parse->pick);
}

const char *nodeparse_list_version(const struct nodeparse *parse)
{
    return parse->list_version;
}

const char *nodeparse_list_continue(const struct nodeparse *parse)
{
    return parse->list_continue;
}
