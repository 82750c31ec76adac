#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How many nodes may be touched within a time.  Every limit holds at once, so the smallest wins.
 * Pure.
 */
enum limits_rule {
    LIMITS_COUNT,        /* --limit=20/10m */
    LIMITS_PERCENT,      /* --limit-percent=10%/10m: of all Nodes */
    LIMITS_ZONE_PERCENT, /* --limit-zone-percent=20%/10m: of the Nodes in the zone */
    LIMITS_RULES,
};

struct limit {
    uint64_t value; /* nodes, or percent; 0: this limit was not asked for */
    uint64_t window_us;
};

struct limits {
    struct limit rule[LIMITS_RULES];
};

/* The window of touched nodes travels in an annotation, and those have 256 KiB together. */
#define LIMITS_NODES_MAX     2000
#define LIMITS_WINDOW_MIN_US UINT64_C(1000000)
#define LIMITS_WINDOW_MAX_US UINT64_C(86400000000)
/* A small cluster, too, has its two nodes that may die at a time. */
#define LIMITS_PERCENT_LEAST 2

/* What --help says, and what holds unless told otherwise. */
extern const char *const limits_options[LIMITS_RULES];  /* "limit", "limit-percent", ... */
extern const char *const limits_defaults[LIMITS_RULES]; /* NULL: no such limit */

#define LIMITS_WHY_SIZE 256

/* "20/10m", "10%/10m".  False with the form and the range in WHY. */
bool limits_parse(enum limits_rule rule, const char *text, struct limit *limit,
                  char why[LIMITS_WHY_SIZE]);

/* How many Nodes there are; a cluster without a Node is one that we do not know. */
struct limits_zone {
    const char *name; /* "": the Nodes without one */
    uint64_t nodes;
};
struct limits_sizes {
    uint64_t nodes; /* 0: not known */
    bool zones_known;
    const struct limits_zone *zones;
    size_t zone_count;
};

/* How many nodes RULE lets be touched in its window, in ZONE if it is about zones; 0 when that
 * cannot be said. */
uint64_t limits_allowed(const struct limits *limits, enum limits_rule rule,
                        const struct limits_sizes *sizes, const char *zone);
