#pragma once

#include <stdbool.h>

#include "actuator/remedy.h"
#include "actuator/rights.h"
#include "common/kube/config.h"

struct event_base;

/* The actuator's state: everything between its socket, its database and the API server. */
struct actuator;

struct actuator_options {
    const char *socket, *state, *domain;
    const struct kube_config *kube;
    enum mode mode;
    enum remedy_dry dry;
    bool accept_unverified;
};

/* OPTIONS outlives the actuator.  NULL with a message logged. */
struct actuator *actuator_new(struct event_base *base, const struct actuator_options *options);
void actuator_free(struct actuator *actuator);

/* Takes nothing more, lets what is in flight finish (2 s at most), and leaves the loop.  Matches
 * service_start(). */
void actuator_stop(void *actuator);

/* --check: whether the state directory can be written and the API server answers us.  Logs what is
 * wrong. */
bool actuator_check(struct event_base *base, const struct actuator_options *options);
