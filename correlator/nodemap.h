#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"

/*
 * Which Node has an address: pure, and small enough for 100,000 Nodes.
 *
 * Every address of a Node is a claim.  An InternalIP goes before an ExternalIP before the
 * annotation; an address that two Nodes claim with the same best rank is nobody's, and belongs to
 * the other again as soon as one of them gives it up.
 */
#define NODE_NAME_SIZE  254 /* a DNS subdomain has 253 characters at most */
#define NODE_ID_SIZE    64  /* uid and boot id: UUIDs in practice, which are kept in 16 bytes */
#define NODE_CLAIMS_MAX 32

enum node_rank { NODE_INTERNAL_IP, NODE_EXTERNAL_IP, NODE_ANNOTATION };
extern const char *const node_rank_names[]; /* "InternalIP", "ExternalIP", "annotation" */

struct node {
    char name[NODE_NAME_SIZE];
    char uid[NODE_ID_SIZE];
    char boot[NODE_ID_SIZE]; /* empty: its kubelet has not said yet */
};

struct node_claim {
    struct address address;
    uint8_t rank; /* enum node_rank */
};

/* What one Node object says; no address twice. */
struct node_facts {
    struct node node;
    uint16_t kubelet_port; /* status.daemonEndpoints.kubeletEndpoint.Port, 0: not said */
    uint32_t zone;         /* node_zone() of its label topology.kubernetes.io/zone */
    size_t claim_count;
    struct node_claim claims[NODE_CLAIMS_MAX];
};

/* Adds a claim, or betters the rank of one that is there; false when there is no room. */
bool node_facts_claim(struct node_facts *facts, const struct address *address, enum node_rank rank);

/* Zones are only compared, so a hash stands for each; 0 is that of "", no zone. */
uint32_t node_zone(const char *name);

bool node_facts_equal(const struct node_facts *a, const struct node_facts *b);

struct nodemap;

/* SEED keys the tables' hashes. */
struct nodemap *nodemap_new(uint64_t seed);
void nodemap_free(struct nodemap *map);

/* An address is claimed by a first Node, or no longer claimed by any.  Called while the map
 * changes: it must not look at it. */
typedef void nodemap_change(void *arg, const struct address *address, bool claimed);

/* Adds the Node, or replaces the one of that name.  CHANGE may be NULL. */
void nodemap_put(struct nodemap *map, const struct node_facts *facts, nodemap_change *change,
                 void *arg);
/* False when there is no Node of that name. */
bool nodemap_remove(struct nodemap *map, const char *name, nodemap_change *change, void *arg);

enum nodemap_answer {
    NODEMAP_NOBODY,
    NODEMAP_CONTESTED, /* two Nodes or more claim it alike */
    NODEMAP_FOUND,
};

/* Whose ADDRESS is; NODE and RANK are filled in when it is found. */
enum nodemap_answer nodemap_find(const struct nodemap *map, const struct address *address,
                                 struct node *node, enum node_rank *rank);

/* The Node of that name; false when there is none. */
bool nodemap_load(const struct nodemap *map, const char *name, struct node_facts *facts);

size_t nodemap_count(const struct nodemap *map);

/* Walks over the Nodes; *CURSOR starts at 0.  The map may change during the walk, even be another
 * one, which then shows what stays and may miss what comes.  False at the end. */
bool nodemap_next_node(const struct nodemap *map, uint32_t *cursor, struct node_facts *facts);

/*
 * Walks over every claimed address, one that several Nodes claim several times.  *CURSOR starts at
 * 0; the map may change during the walk, which then shows what stays and may miss what comes.
 * False at the end.
 */
bool nodemap_next_address(const struct nodemap *map, uint64_t *cursor, struct address *address);

/* What is known of a Node's voice, in seconds of the monotonic clock. */
struct nodemap_voice {
    uint32_t heard_s; /* 0: never */
    uint32_t every_s; /* so often its heartbeat is to come; 0: it has announced none */
};

/* The Node whose ADDRESS is was heard at NOW_S, with a heartbeat that announces EVERY_S, or (0) by
 * whatever else; nothing when it is nobody's.  It is remembered until its uid is another one. */
void nodemap_hear(struct nodemap *map, const struct address *address, uint32_t every_s,
                  uint32_t now_s);
/* Of the Node that CURSOR of nodemap_next_node() has just passed. */
struct nodemap_voice nodemap_voice(const struct nodemap *map, uint32_t cursor);
/* Whether it is mute: it was not heard for WINDOW_S, or three of its heartbeats did not come.  The
 * listener tells what it heard once a minute. */
bool nodemap_is_mute(const struct nodemap_voice *voice, uint32_t window_s, uint32_t now_s);
/* How many are not. */
size_t nodemap_count_heard(const struct nodemap *map, uint32_t window_s, uint32_t now_s);
/* MAP is to take the place of OLD: what was heard is still known. */
void nodemap_inherit(struct nodemap *map, const struct nodemap *old);

/* Bytes that the map has allocated. */
size_t nodemap_size(const struct nodemap *map);
