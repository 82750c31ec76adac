#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/channel.h"
#include "correlator/gasp.h"
#include "correlator/kubelets.h"
#include "correlator/lease.h"
#include "correlator/quorum.h"
#include "correlator/words.h"

/*
 * A suspect is one boot of one Node that may be dead: panics of it wait for a verdict, or an
 * incident is open.  It is probed for as long as either is so.
 */
#define SUSPECT_ADDRESSES 4

struct suspect {
    struct probe_list probes; /* the first member: the prober hands it back */
    LIST_ENTRY(suspect) in_bucket;
    TAILQ_ENTRY(suspect) in_all;

    struct node node;
    uint64_t number; /* node_number(&node) */
    uint32_t zone;
    uint16_t port;
    struct address addresses[SUSPECT_ADDRESSES]; /* none: there is nothing to ask */
    size_t address_count;

    bool had_no_room; /* for the attempt that was due at the last pass */
    struct settle settle;
    enum settle_state state; /* by the last pass */
    struct quorum quorum;
    struct lease lease;

    struct gasp *gasps, **gasps_end; /* that wait for the verdict */
    uint64_t gasp_us;                /* when the first of the last ones came; 0: none did */
    const char *gasp_name;           /* "panic" or "halt": what that was */
    uint64_t judged_us;              /* when they were last judged; 0: it is time */

    /* Until when the incident is open, as far as we know, and as the actuator says; monotonic. */
    uint64_t judged_until_us, open_until_us;
    uint64_t silent_us; /* when the last attempt began that was seen to be unanswered; monotonic */
    uint64_t evidence_us, told_us; /* when the last evidence was told, and its silent_us */
    struct delivery retract;       /* its id is the incident's */
    bool is_retracting;
    enum retract_why why;
};

/* What it takes to probe; everything outlives the suspects. */
struct means {
    struct settle_times times;
    struct kubelets *kubelets;
    struct prober *prober;
    struct witnesses *witnesses;
    struct lease_reader *leases;
    uint64_t steady_us; /* since when our own loop has not stood still */
};

/* Of COUNT addresses those are probed that are known to answer, or all when none is. */
struct suspect *suspect_new(const struct means *means, const struct node *node,
                            const struct address *addresses, size_t count, uint16_t port,
                            uint32_t zone);
/* Its gasps and its retract are the owner's. */
void suspect_free(const struct means *means, struct suspect *suspect);

bool suspect_is_open(const struct suspect *suspect, uint64_t now_us);

/* It answered, to whatever probe. */
void suspect_answered(const struct means *means, struct suspect *suspect,
                      const struct probe_result *result);
/* For the prober's handler: what came of a probe of its own, other than an answer. */
void suspect_unanswered(struct suspect *suspect, const struct probe_result *result);

/* Asks again if it is time, and finds out its state. */
void suspect_pass(const struct means *means, struct suspect *suspect, uint64_t now_us);

/* Since SINCE_US it has been answering for long enough, and its Lease was renewed. */
bool suspect_is_alive(const struct means *means, const struct suspect *suspect, uint64_t since_us);

void suspect_finding(const struct means *means, const struct suspect *suspect, uint64_t now_us,
                     struct finding *finding);
