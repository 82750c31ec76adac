#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "correlator/nodemap.h"

/*
 * Reads Node objects out of a watch stream or a page of a list as the bytes come, and keeps of
 * them only what the map needs.
 */
#define NODEPARSE_VERSION_SIZE  64
#define NODEPARSE_CONTINUE_SIZE 2048
#define NODEPARSE_MESSAGE_SIZE  256

enum nodeparse_kind {
    NODEPARSE_PUT,  /* an item of a list, ADDED or MODIFIED */
    NODEPARSE_GONE, /* DELETED; only the name counts */
    NODEPARSE_BOOKMARK,
    NODEPARSE_ERROR,    /* the server ends the stream, CODE and MESSAGE say why */
    NODEPARSE_UNUSABLE, /* an event of another type, or of a Node without a name or uid */
};

struct nodeparse_event {
    enum nodeparse_kind kind;
    const struct node_facts *node;
    const char *version; /* metadata.resourceVersion, "" when it has none */
    bool odd;            /* PUT: something in it was malformed, and left out */
    bool initial_end;    /* BOOKMARK: annotated k8s.io/initial-events-end (KEP-3157) */
    unsigned code;       /* ERROR: of its Status */
    const char *message;
    uint64_t retry_after_us; /* 0: not said */
};

/* EVENT is valid during the call.  Must not free the parser. */
typedef void nodeparse_handler(void *arg, const struct nodeparse_event *event);

enum nodeparse_form { NODEPARSE_STREAM, NODEPARSE_LIST };

struct nodeparse;

/* ANNOTATION is the key of the annotation that names a netconsole source; it outlives the parser.
 */
struct nodeparse *nodeparse_new(enum nodeparse_form form, const char *annotation,
                                nodeparse_handler *handler, void *arg);
void nodeparse_free(struct nodeparse *parse);
/* False once the input is not JSON; nodeparse_error() says what is wrong. */
bool nodeparse_feed(struct nodeparse *parse, const char *bytes, size_t size);
/* False also when the input ends inside a value. */
bool nodeparse_end(struct nodeparse *parse);
const char *nodeparse_error(const struct nodeparse *parse);

/* Of a list: its resourceVersion, and where the next page starts ("" after the last). */
const char *nodeparse_list_version(const struct nodeparse *parse);
const char *nodeparse_list_continue(const struct nodeparse *parse);
