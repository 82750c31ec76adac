#pragma once

#include "actuator/rights.h"
#include "common/record.h"

/* The actuator's counters; their names on the wire and in the log are in counts.c. */
enum count_of {
    COUNT_INTENTS,
    COUNT_INTENTS_REFUSED,
    COUNT_EVIDENCE,
    COUNT_RETRACTS,
    COUNT_TRACES,
    COUNT_INCIDENTS_OPENED,
    COUNT_INCIDENTS_REOPENED,
    COUNT_INCIDENTS_MERGED,
    COUNT_INCIDENTS_RESUMED,
    COUNT_INCIDENTS_CLOSED,
    COUNT_CLOSED_AS, /* by outcome: COUNT_CLOSED_AS + enum outcome */
    COUNT_COMMITS = COUNT_CLOSED_AS + OUTCOME_ELSEWHERE + 1,
    COUNT_COMMITS_US, /* how long they took together */
    COUNT_DATABASE_FAILURES,
    COUNT_DATABASE_SLOW_COMMITS,
    COUNT_LEDGER_FAILURES,
    COUNT_REQUESTS,
    COUNT_REQUESTS_THROTTLED,
    COUNT_REQUESTS_FAILED,
    COUNT_REQUESTS_REFUSED,
    COUNT_REQUESTS_HELD_BACK,
    COUNT_PODS_MARKED,
    COUNT_PODS_DELETED,
    COUNT_NODES_MARKED,
    COUNT_NODES_TAINTED,
    COUNT_NODES_CLEARED,
    COUNT_STRANDED,
    COUNT_NODES_DELETED,
    COUNT_EVENTS_SENT,
    COUNTS,
};
extern const char *const count_names[COUNTS];

/* What is true now rather than counted; sent with the counters. */
enum gauge_of {
    GAUGE_INCIDENTS_OPEN,
    GAUGE_INCIDENTS_HELD,
    GAUGE_LEADS,
    GAUGE_PAUSED,
    GAUGE_LATCHED,
    GAUGE_NODES_TOUCHED,
    GAUGE_DRY_RUN,
    GAUGE_MODE, /* 1 for the one we are in: GAUGE_MODE + enum mode */
    GAUGES = GAUGE_MODE + MODE_NODE + 1,
};
extern const char *const gauge_names[GAUGES];
