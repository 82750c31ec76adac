#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/record.h"

/*
 * Every metric there is, by the counter that feeds it: the counters are the stages' own tables (a
 * stage that does not serve metrics itself sends them in `stats`), the names and words are here.
 * Nobody else knows what a metric is called.
 *
 * Rows that follow one another under one name are one metric with different labels; no label names
 * a node or a pod, so their number does not grow with the cluster.
 */
enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
    enum role of;        /* whose counter it is */
    const char *counter; /* what ends in _us is served in seconds; of a HISTOGRAM: a step's name */
    enum metric_type type;
    const char *name;
    const char *label; /* NAME="VALUE", or NULL */
    const char *help;  /* of the first row of that name, else NULL */
};
extern const struct metric metrics[]; /* ends with a row without a name */

/* Counters that are on purpose no metric. */
struct metric_left_out {
    enum role of;
    const char *counter, *why;
};
extern const struct metric_left_out metrics_left_out[]; /* ends with a row without a counter */

/* The row that COUNTER of the stage OF feeds; NULL when there is none. */
const struct metric *metric_find(enum role of, const char *counter);
bool metric_is_left_out(enum role of, const char *counter);
