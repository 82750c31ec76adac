#pragma once

#include <stddef.h>
#include <stdint.h>

#include "actuator/actuator.h"
#include "actuator/engine.h"
#include "actuator/ledger.h"

/* What `systemctl status` shows of the actuator: mode, who acts and what stops it, what is open,
 * who is there.  PEERS: correlators that are connected; LEDGER may be NULL; COUNTS by enum
 * count_of. */
void status_show(const struct actuator_options *options, const struct ledger *ledger,
                 const struct engine *engine, size_t peers, const uint64_t *counts);
