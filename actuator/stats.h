#pragma once

#include <stdint.h>

#include "actuator/engine.h"
#include "common/channel.h"

/* What this stage tells the correlator of itself, which serves it as metrics: its counters, what is
 * true now and how long the steps took. */
struct stats_setup {
    uint64_t *counts; /* by enum count_of */
    const struct steps *steps;
    const struct engine *engine;
    const struct ledger *ledger; /* NULL: nothing is written */
    struct channel_server *server;
    enum mode mode;
    enum remedy_dry dry;
};

/* To PEER, or to all when it is NULL. */
void stats_tell(const struct stats_setup *setup, struct channel_peer *peer);
