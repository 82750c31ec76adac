#pragma once

/* What the listener counts; counts.c has the names. */
enum count_of {
    COUNT_DATAGRAMS,
    COUNT_BYTES,
    COUNT_BASIC,
    COUNT_EXTENDED,
    COUNT_FRAGMENTS,
    COUNT_MALFORMED,
    COUNT_EMPTY,
    COUNT_OVERSIZED,
    COUNT_KERNEL_RECORDS,
    COUNT_PANICS,
    COUNT_HALTS,
    COUNT_FORGED,
    COUNT_UNAUTHENTICATED,
    COUNT_DUPLICATES,
    COUNT_STALE,
    COUNT_OURS,
    COUNT_HEARTBEATS,
    COUNT_DRILLS,
    COUNT_LATES,
    COUNT_OURS_SKIPPED,
    COUNT_TRACES,
    COUNT_TRACES_LOST,
    COUNT_SPEAKS,
    COUNT_NODE_REPLACED,
    COUNT_OTHER_REPLACED,
    COUNT_NODE_SLOTS_FULL,
    COUNT_QUEUE_DROPS,
    COUNT_SOURCES_DISPLACED,
    COUNT_ADDRESSES_REFUSED,
    COUNTS,
};

extern const char *const count_names[COUNTS];

/* What is true now rather than counted; sent with the counters. */
enum gauge_of {
    GAUGE_NODE_SLOTS,
    GAUGE_NODE_SLOTS_USED,
    GAUGE_OTHER_SLOTS_USED,
    GAUGE_READING,
    GAUGE_NODE_ADDRESSES,
    GAUGES,
};

extern const char *const gauge_names[GAUGES];
