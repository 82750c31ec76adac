#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "correlator/nodemap.h"

/*
 * Every kubelet port that can be probed: one for each InternalIP of each Node, with its baseline,
 * which is when it last answered and how fast.  Pure and compact: 48 bytes a port, in one array
 * sorted by address, so that neighbours in the array are neighbours in the network.
 *
 * A baseline belongs to the Node (uid and boot) and address: an update of the Node, a new list of
 * all of them, or another port keep it, a reboot or another Node at that address does not.
 */
#define KUBELET_PORT 10250 /* of a Node that does not say */

struct kubelet {
    struct address address;
    uint64_t node;        /* node_number() of whose it is */
    uint64_t answered_us; /* monotonic; 0: never */
    uint32_t rtt_us;
    uint32_t zone;
    uint16_t port;
    bool tried;   /* by the sweep, since it is known */
    bool is_ours; /* of the machine that this runs on, which it reaches without any network */
};

struct kubelets {
    struct kubelet *all;
    size_t count, cap;
    size_t untried;
    char own_boot[NODE_ID_SIZE]; /* the boot id of this machine; "": not known */
};

/* The number that stands for one boot of one Node: the first 64 bits of its incident's id. */
uint64_t node_number(const struct node *node);
uint64_t incident_number(const char *id);

/* Zeroed ones are empty. */
void kubelets_free(struct kubelets *kubelets);

/* Adds a copy behind the others: the caller keeps the order. */
void kubelets_append(struct kubelets *kubelets, const struct kubelet *kubelet);

/* The whole MAP in place of what is known; baselines are kept. */
void kubelets_replace(struct kubelets *kubelets, const struct nodemap *map);

/* One Node changed, came (WAS is NULL) or went (IS is NULL). */
void kubelets_change(struct kubelets *kubelets, const struct node_facts *was,
                     const struct node_facts *is);

/* The index of the first one whose address is not before ADDRESS; may be the count. */
size_t kubelets_at(const struct kubelets *kubelets, const struct address *address);

/* NULL when that Node is not known to have it.  Valid until the next change. */
struct kubelet *kubelets_find(const struct kubelets *kubelets, const struct address *address,
                              uint64_t node);

/* Whether several Nodes claim its address: then an answer is nobody's. */
bool kubelets_is_shared(const struct kubelets *kubelets, size_t at);

void kubelets_mark_tried(struct kubelets *kubelets, size_t at);

/* Whether it answered within AGE_US before NOW_US. */
bool kubelet_is_good(const struct kubelet *kubelet, uint64_t now_us, uint64_t age_us);

/* When the Node of FACTS last answered, at whichever address; monotonic, 0: never. */
uint64_t kubelets_answered_us(const struct kubelets *kubelets, const struct node_facts *facts);

/* How many have a good baseline. */
size_t kubelets_good(const struct kubelets *kubelets, uint64_t now_us, uint64_t age_us);

/* The addresses at which the Node of FACTS is asked when a panic came from SOURCE: that one if it
 * is an InternalIP of it, else all its InternalIPs; none that another Node claims, too.  Returns
 * how many. */
size_t kubelets_choose(const struct kubelets *kubelets, const struct node_facts *facts,
                       const struct address *source, struct address chosen[NODE_CLAIMS_MAX]);
