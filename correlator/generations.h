#pragma once

#include "common/log.h"
#include "correlator/nodemap.h"
#include "correlator/nodeparse.h"

/*
 * The map of Nodes in two generations: the one that serves, and the one that a list is gathered
 * into beside it, until that is whole and takes its place.
 */
struct generations_handler {
    /* There is a whole map, the first one or one in the place of another, which is freed when the
     * call returns. */
    void (*replaced)(void *arg, const struct nodemap *map);
    /* Changes of the map that serves: of its addresses, and of a Node, one of WAS and IS being NULL
     * when it came or went. */
    nodemap_change *changed;
    void (*node)(void *arg, const struct node_facts *was, const struct node_facts *is);
};

struct generations {
    const struct generations_handler *handler;
    void *arg;
    uint64_t seed;
    struct nodemap *map;  /* NULL until the first list is whole */
    struct nodemap *next; /* NULL when no list is gathered */
    uint64_t lists;       /* that became whole */
    uint64_t odd;         /* Nodes of which something was left out */
    uint64_t unusable;    /* Nodes without a name or uid, or events of no known type */
    struct log_sample sample;
};

void generations_init(struct generations *generations, uint64_t seed,
                      const struct generations_handler *handler, void *arg);
void generations_clear(struct generations *generations);

/* A list is gathered from now on; one that was begun already goes on.  True when it is a new one.
 */
bool generations_begin(struct generations *generations);
void generations_abandon(struct generations *generations);
/* What was gathered is whole. */
void generations_serve(struct generations *generations);

/* Takes in a Node, into the list that is gathered, else into the map. */
void generations_take(struct generations *generations, const struct nodeparse_event *event);
