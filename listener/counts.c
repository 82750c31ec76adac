#include "listener/counts.h"

const char *const count_names[COUNTS] = {
    [COUNT_DATAGRAMS] = "datagrams",
    [COUNT_BYTES] = "bytes",
    [COUNT_BASIC] = "datagrams_basic",
    [COUNT_EXTENDED] = "datagrams_extended",
    [COUNT_FRAGMENTS] = "datagrams_fragment",
    [COUNT_MALFORMED] = "datagrams_malformed",
    [COUNT_EMPTY] = "datagrams_empty",
    [COUNT_OVERSIZED] = "datagrams_oversized",
    [COUNT_KERNEL_RECORDS] = "kernel_records",
    [COUNT_PANICS] = "panics",
    [COUNT_HALTS] = "halts",
    [COUNT_FORGED] = "forged",
    [COUNT_UNAUTHENTICATED] = "unauthenticated",
    [COUNT_DUPLICATES] = "duplicates",
    [COUNT_STALE] = "stale",
    [COUNT_OURS] = "lastgasp_lines",
    [COUNT_TRACES] = "traces",
    [COUNT_TRACES_LOST] = "traces_lost",
    [COUNT_SPEAKS] = "speaks",
    [COUNT_NODE_REPLACED] = "node_replaced",
    [COUNT_OTHER_REPLACED] = "other_replaced",
    [COUNT_NODE_SLOTS_FULL] = "node_slots_full",
    [COUNT_QUEUE_DROPS] = "queue_drops",
    [COUNT_SOURCES_DISPLACED] = "sources_displaced",
    [COUNT_ADDRESSES_REFUSED] = "addresses_refused",
};

const char *const gauge_names[GAUGES] = {
    [GAUGE_NODE_SLOTS] = "node_slots",
    [GAUGE_NODE_SLOTS_USED] = "node_slots_used",
    [GAUGE_OTHER_SLOTS_USED] = "other_slots_used",
    [GAUGE_READING] = "reading",
    [GAUGE_NODE_ADDRESSES] = "node_addresses",
};
