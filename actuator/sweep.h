#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actuator/names.h"
#include "common/kube/http.h"

struct event_base;

/*
 * Takes off what lastgasp set, its own host or another, from Nodes whose machine has come back: a
 * new boot, and Ready.  The host that leads looks for them at its start and every 20 s.
 *
 * What that costs with 20,000 Nodes: everything that is marked carries a label, so the server
 * filters its watch cache and answers with the marked ones alone, which are as few as the limits
 * let there be; without the label it would be 300 MB of Nodes, or 60 MB of their metadata.
 */
struct sweep;

struct sweep_setup {
    struct event_base *base;
    struct kube_client *client;
    const struct names *names;
    uint64_t *counts; /* by enum count_of */
    bool (*may_write)(void *arg);
    void *arg;
};

/* SETUP is copied; what it points to outlives the sweep. */
struct sweep *sweep_new(const struct sweep_setup *setup);
void sweep_free(struct sweep *sweep);
