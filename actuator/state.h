#pragma once

#include "actuator/actuator.h"
#include "actuator/commands.h"
#include "actuator/counts.h"
#include "actuator/engine.h"
#include "actuator/ledger.h"
#include "actuator/stats.h"
#include "actuator/sweep.h"
#include "actuator/turn.h"
#include "common/channel.h"

/* The role's whole state.  What actuator.c and hear.c share; nobody else includes this. */
struct actuator {
    struct event_base *base;
    const struct actuator_options *options;
    char instance[128];
    uint64_t values[COUNTS];
    struct counters counters;
    struct steps steps;
    struct names *names;
    struct optouts optouts;
    struct incidents *incidents;
    struct people *people;
    struct kube_client *client, *ledger_client;
    struct ledger *ledger;     /* NULL: nothing is written */
    struct commands *commands; /* NULL: there is no control socket */
    struct engine *engine;
    struct sweep *sweep; /* NULL: nothing is written */
    struct channel_server *server;
    struct turn *turn;
    struct event *second, *stats, *retain;
};

/* hear.c: what a correlator sends; the handler's argument is the actuator. */
extern const struct channel_server_handler actuator_upstream;
struct stats_setup actuator_stats(struct actuator *actuator);
