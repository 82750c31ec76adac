#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/kube/config.h"
#include "correlator/settle.h"

struct event_base;

/* Texts are kept, not copied. */
struct correlator_settings {
    const char *socket;  /* ours, where listeners connect */
    const char *to;      /* the actuator's; NULL: a dry run, which prints and acknowledges nothing */
    const char *domain;  /* of the annotations */
    const char *metrics; /* ADDR:PORT, http_is_endpoint(), to serve them on; NULL: they are not */
    uint64_t expire_us;
    bool verify; /* by probing; else every panic is judged at once */
    struct settle_times times;
    const struct kube_config *kube;
};

struct correlator;

/* NULL with a message logged. */
struct correlator *correlator_new(struct event_base *base,
                                  const struct correlator_settings *settings);
/* Logs the counters, and leaves unacknowledged what is under way: listeners send it again. */
void correlator_free(struct correlator *correlator);

/* Asks the API server for one Node and prints what came of it.  False when that is no Node list. */
bool correlator_check(struct event_base *base, const struct kube_config *kube);
