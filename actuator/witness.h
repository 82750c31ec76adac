#pragma once

#include <stdbool.h>

#include "actuator/lease.h"
#include "actuator/names.h"
#include "common/kube/http.h"

struct event_base;

/*
 * The witnesses: Nodes of the same zone whose Leases are read while a zone has a Lease in question,
 * to tell a dead kubelet from an API server that takes no renewals.  All incidents of a zone share
 * them.  They are the first Nodes of the zone, then of all, that are Ready and have no incident of
 * their own, and are chosen anew when they stand still for long.
 */
struct witness;

struct witness_setup {
    struct event_base *base;
    struct kube_client *client;
    const struct names *names;
    /* Whether NODE has an incident of its own. */
    bool (*is_suspect)(void *arg, const char *node);
    void *arg;
};

/* SETUP is copied; what it points to outlives the witness. */
struct witness *witness_new(const struct witness_setup *setup);
void witness_free(struct witness *witness);

/* The Leases of ZONE's witnesses (NULL: a Node without a zone), kept up to date until as many
 * witness_leave() as witness_join(). */
const struct lease_witnesses *witness_join(struct witness *witness, const char *zone);
void witness_leave(struct witness *witness, const struct lease_witnesses *leases);
