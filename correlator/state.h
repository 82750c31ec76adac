#pragma once

#include "common/channel.h"
#include "common/counters.h"
#include "common/log.h"
#include "correlator/correlator.h"
#include "correlator/gasp.h"
#include "correlator/judgements.h"
#include "correlator/nodewatch.h"
#include "correlator/roster.h"

/* The role's whole state.  What correlator.c and hear.c share; nobody else includes this. */

enum counter {
    PANICS,
    HALTS,
    SENT_AGAIN, /* by a listener, while they were under way here */
    HELD,
    NO_ROOM,
    UNKNOWN,
    INTENTS, /* the gasps that led to one, by verdict: INTENTS + enum verdict */
    ACKNOWLEDGED = INTENTS + VERDICT_MISMATCH + 1,
    INTENTS_REFUSED,
    TRACES,
    RESULTS,
    COUNTERS,
};
extern const char *const counter_names[COUNTERS];

struct correlator {
    struct correlator_settings settings;
    char *annotation;
    struct kube_client *kube;
    struct nodewatch *watch;
    struct roster *roster;
    struct channel_server *listeners;
    struct channel_client *actuator;
    struct event *second;

    struct gasps gasps;
    struct gasp *held, **held_end; /* by time of arrival */
    size_t held_count;
    size_t waiting; /* of the held ones: from an address that no Node has */
    struct judgements *judgements;

    struct log_sample held_sample, unknown_sample;
    uint64_t values[COUNTERS];
    struct counters counters;
};

/* A panic or halt record came. */
void hear(struct correlator *correlator, struct channel_peer *peer, const struct record *record);

/* Considers again what is held. */
void hear_again(struct correlator *correlator);

/* For the judgements: its intent is where nothing is forgotten. */
void heard_out(void *arg, const struct gasp *gasp);
