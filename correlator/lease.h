#pragma once

#include <stdint.h>
#include <sys/queue.h>

#include "common/counters.h"
#include "common/kube/http.h"

/*
 * Whether a node's Lease is renewed: its renewTime is read again and again, and only compared with
 * what was read before, so no clock but the kubelet's own matters.
 */
#define LEASE_TIME_SIZE 40

struct lease {
    TAILQ_ENTRY(lease) link;
    struct lease_reader *reader; /* NULL: it is not being read */
    struct kube_call *call;      /* NULL: it waits for its turn */
    const char *node;
    char time[LEASE_TIME_SIZE]; /* renewTime as last read; "": not yet */
    uint64_t begun_us;          /* monotonic: when the last reading began; 0: none did */
    uint64_t time_us;           /* when the reading began that TIME is from */
    uint64_t renewed_us;        /* it was renewed later than this; 0: not as far as is known */
};

struct lease_reader;

/* CLIENT, of KUBE_REQUESTS, outlives the reader. */
struct lease_reader *lease_reader_new(struct kube_client *client);
/* Once no lease is being read. */
void lease_reader_free(struct lease_reader *reader);
const struct counters *lease_reader_counters(const struct lease_reader *reader);

/* Reads the Lease of NODE, which is kept until it is done; nothing while that goes on already. */
void lease_read(struct lease_reader *reader, struct lease *lease, const char *node);
/* Ends a reading, and forgets what was read. */
void lease_forget(struct lease *lease);
