#pragma once

#include <stdbool.h>

#include "actuator/halts.h"
#include "actuator/incidents.h"
#include "actuator/limits.h"
#include "actuator/remedy.h"
#include "common/kube/config.h"

struct event_base;

/* The actuator's state: everything between its socket, its database and the API server. */
struct actuator;

struct actuator_options {
    const char *socket, *state, *domain;
    const struct kube_config *kube;
    enum mode mode;
    enum on_halt on_halt;
    enum remedy_dry dry;
    bool accept_unverified;
    bool include_control_plane;
    char *node_selector; /* "K=V,...", changed by reading it; NULL: every Node */
    const char *control; /* the socket for people; NULL: there is none */
    struct limits limits;
    struct incidents_retention retention;
};

/* OPTIONS outlives the actuator.  NULL with a message logged. */
struct actuator *actuator_new(struct event_base *base, const struct actuator_options *options);
void actuator_free(struct actuator *actuator);

/* Takes nothing more, lets what is in flight finish (2 s at most), and leaves the loop.  Matches
 * service_start(). */
void actuator_stop(void *actuator);

/* --check: whether the state directory can be written, the API server answers us, and, in what writes
 * to the cluster, the ledger may be updated.  Logs what is wrong. */
bool actuator_check(struct event_base *base, const struct actuator_options *options);
