#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/kube/http.h"
#include "correlator/suspect.h"

struct event_base;

/*
 * The clockwork of probing: the sweep of all kubelet ports, which keeps the baselines, and the
 * suspects, each looked after 20 times a second.
 */
struct probing_handler {
    /* It is time to judge: its state changed, or a second went by.  It may take its gasps. */
    void (*judge)(void *arg, struct suspect *suspect);
    void (*answered)(void *arg, struct suspect *suspect);
    /* Its incident is open, it is silent, and the last evidence is old enough.  False when that
     * cannot be told now. */
    bool (*evidence)(void *arg, struct suspect *suspect);
};

struct probing;

/* KUBE is a KUBE_REQUESTS client. */
struct probing *probing_new(struct event_base *base, struct kube_client *kube,
                            const struct settle_times *times, const struct probing_handler *handler,
                            void *arg);
/* Their gasps and retracts are the caller's. */
void probing_free(struct probing *probing);

/* From the map of Nodes. */
void probing_replace(struct probing *probing, const struct nodemap *map);
void probing_change(struct probing *probing, const struct node_facts *was,
                    const struct node_facts *is);

/* NULL when it is none. */
struct suspect *probing_find(const struct probing *probing, uint64_t node);

/* A new suspect, for the Node of FACTS whose panic came from SOURCE: asked at that address if it is
 * an InternalIP of the Node, else at all its InternalIPs. */
struct suspect *probing_suspect(struct probing *probing, const struct node_facts *facts,
                                const struct address *source);
/* One that the actuator knows of, at the address that it names. */
struct suspect *probing_suspect_at(struct probing *probing, const struct node *node,
                                   const struct address *address, uint16_t port);

size_t probing_suspects(const struct probing *probing);
size_t probing_judged(const struct probing *probing); /* of these, those whose panics wait */
const struct means *probing_means(const struct probing *probing);

/* How many kubelet ports there are, how many of them have a good baseline, and how many the sweep
 * has not come to yet. */
struct probing_ports {
    size_t known, good, untried;
};
struct probing_ports probing_coverage(const struct probing *probing);

#define PROBING_TABLES 3
void probing_counters(const struct probing *probing, const struct counters *tables[PROBING_TABLES]);
void probing_log_counts(const struct probing *probing);
