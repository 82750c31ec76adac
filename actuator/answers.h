#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actuator/lease.h"
#include "actuator/names.h"
#include "common/memory.h"

/*
 * What the API server's objects say, as far as the remedy needs it.  Pure: bytes in, structs out.
 * Whatever is not named here is skipped as it streams by.
 */

struct answer_taint {
    const char *key, *value, *effect, *time_added; /* NULL: not there */
};

struct answer_pair {
    const char *key, *value;
};
struct answer_pairs {
    size_t count;
    struct answer_pair *pairs;
};
/* The value of KEY; NULL: it is not among them. */
const char *answer_pairs_find(const struct answer_pairs *pairs, const char *key);

enum answer_ready { READY_UNKNOWN, READY_FALSE, READY_TRUE };

struct answer_node {
    const char *name, *uid, *boot;
    const char *resource_version;
    bool unschedulable;
    bool finalizers;         /* has at least one */
    enum answer_ready ready; /* the condition; READY_UNKNOWN also when there is none */
    const char *address; /* where its kubelet listens: its first InternalIP; NULL: it has none */
    uint64_t port;       /* the kubelet's; 0: not said */
    size_t volumes;      /* in status.volumesAttached */
    const char *set;     /* the annotation that lists what we set, or NULL */
    size_t taint_count;
    struct answer_taint *taints;
    struct answer_pairs labels, annotations;
    struct arena arena; /* all texts */
};

/* Whether TAINT is the one that says that the machine is out of service (KEP-2268). */
bool answer_taint_is_out_of_service(const struct answer_taint *taint);

/* NULL when BYTES are not a Node: no JSON, or one without uid, bootID or resourceVersion. */
struct answer_node *answer_node_read(const struct names *names, const char *bytes, size_t size);
void answer_node_free(struct answer_node *node);

/* A page of a list of Nodes; those without uid, bootID or resourceVersion are left out. */
struct answer_nodes {
    size_t count;
    struct answer_node **nodes;
    char *token; /* metadata.continue; NULL: the last page */
};

/* NULL when BYTES are not a list. */
struct answer_nodes *answer_nodes_read(const struct names *names, const char *bytes, size_t size);
void answer_nodes_free(struct answer_nodes *nodes);

/* Fills what READING takes from a Lease; false when BYTES are none that was ever renewed. */
bool answer_lease_read(const char *bytes, size_t size, struct lease_reading *reading);

struct answer_pod {
    const char *namespace, *name, *uid;
    bool finished;       /* phase Succeeded or Failed */
    bool ours;           /* carries our condition: it was lastgasp that made it Failed */
    bool mirror;         /* of a static pod: the kubelet's, not the API's */
    bool keeps;          /* annotated pod.DOMAIN/lastgasp=annotate: not to be removed */
    const char *started; /* status.startTime, as it is written; NULL: its kubelet has not seen it */
    /* the controller among its owners; NULL: none */
    const char *owner_kind, *owner_name, *owner_uid, *owner_api;
};

/* One page of a list of pods, read as it comes. */
struct answer_pods;

struct answer_pods *answer_pods_new(const struct names *names);
void answer_pods_free(struct answer_pods *pods);
/* False once it cannot be a list of pods. */
bool answer_pods_feed(struct answer_pods *pods, const char *bytes, size_t size);
/* False when the list was cut short or is not one; before that nothing below may be called. */
bool answer_pods_end(struct answer_pods *pods);

size_t answer_pods_count(const struct answer_pods *pods);
const struct answer_pod *answer_pods_at(const struct answer_pods *pods, size_t index);
const char *answer_pods_continue(const struct answer_pods *pods); /* NULL: the last page */
/* The list's resourceVersion: a decimal number that only grows (KEP-5504). */
uint64_t answer_pods_version(const struct answer_pods *pods);

/* metadata.resourceVersion of any object, 0 when it has none (a Status, say). */
uint64_t answer_version(const char *bytes, size_t size);
