#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/address.h"
#include "common/counters.h"
#include "correlator/answer.h"

struct event_base;

/*
 * Connections to kubelet ports that are being made: the sockets, and nothing of what their answers
 * mean.  Each is given up after its time, or to make room for a newer one: who is asked about
 * most urgently has the largest part of the descriptors that we may have.
 */
enum probe_use { PROBE_SWEEP, PROBE_WITNESS, PROBE_SUSPECT, PROBE_USES };

struct probe;

struct probe_result {
    const struct address *address;
    uint64_t node; /* as it was given */
    enum answer answer;
    uint64_t begun_us, now_us, rtt_us; /* monotonic */
};

/* Embedded in whatever probes: all that it has under way.  A zeroed list is empty. */
LIST_HEAD(probe_list, probe);

struct prober;

/* Raises this process's limit of open files as far as it goes; returns how many of them probes may
 * have. */
size_t prober_descriptors(void);

/* For as many probes as DESCRIPTORS.  HEARD is told of each answer, also of none (ANSWER_NONE: the
 * network says so; a probe that is given up ends in silence).  LIST is whose it was, which may be
 * closed but must not be freed in it, and in which nothing may be begun. */
struct prober *prober_new(struct event_base *base, size_t descriptors,
                          void (*heard)(void *arg, struct probe_list *list, enum probe_use use,
                                        const struct probe_result *result),
                          void *arg);
/* All lists must be closed. */
void prober_free(struct prober *prober);

enum probe_begun {
    PROBE_BEGUN,
    PROBE_NO_ROOM, /* for the moment */
    PROBE_FAILED,  /* our side could not, counted */
};

/* Begins to connect, for at most LIFE_US. */
enum probe_begun probe_begin(struct prober *prober, struct probe_list *list, enum probe_use use,
                             const struct address *address, uint16_t port, uint64_t node,
                             uint64_t life_us);
void probe_close(struct probe_list *list);

/* Looks at LIST's sockets now: the loop may not have come to them yet. */
void probe_poll(struct probe_list *list);

bool prober_has_room(const struct prober *prober, enum probe_use use);
const struct counters *prober_counters(const struct prober *prober);
