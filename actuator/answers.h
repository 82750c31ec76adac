#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actuator/names.h"
#include "common/memory.h"

/*
 * What the API server's objects say, as far as the remedy needs it.  Pure: bytes in, structs out.
 * Whatever is not named here is skipped as it streams by.
 */

struct answer_taint {
    const char *key, *value, *effect, *time_added; /* NULL: not there */
};

struct answer_node {
    const char *uid, *boot;
    const char *resource_version;
    bool unschedulable;
    bool finalizers; /* has at least one */
    size_t volumes;  /* in status.volumesAttached */
    const char *set; /* the annotation that lists what we set, or NULL */
    size_t taint_count;
    struct answer_taint *taints;
    struct arena arena; /* all texts */
};

/* NULL when BYTES are not a Node: no JSON, or one without uid, bootID or resourceVersion. */
struct answer_node *answer_node_read(const struct names *names, const char *bytes, size_t size);
void answer_node_free(struct answer_node *node);

struct answer_pod {
    const char *namespace, *name, *uid;
    bool finished; /* phase Succeeded or Failed */
    bool ours;     /* carries our condition: it was lastgasp that made it Failed */
    bool mirror;   /* of a static pod: the kubelet's, not the API's */
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
