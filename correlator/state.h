#pragma once

#include "common/channel.h"
#include "common/counters.h"
#include "common/log.h"
#include "common/steps.h"
#include "correlator/correlator.h"
#include "correlator/gasp.h"
#include "correlator/judgements.h"
#include "correlator/nodewatch.h"
#include "correlator/pages.h"
#include "correlator/probing.h"
#include "correlator/roster.h"

/* The role's whole state.  What correlator.c, hear.c, evidence.c and pages.c share; nobody else
 * includes this. */

enum counter {
    PANICS,
    HALTS,
    DRILLS,
    LATES,
    HEARTBEATS,
    SENT_AGAIN, /* by a listener, while they were under way here */
    HELD,
    NO_ROOM,
    UNKNOWN,
    ALIVE,
    INTENTS, /* the gasps that led to one, by verdict: INTENTS + enum verdict */
    ACKNOWLEDGED = INTENTS + VERDICT_LATE + 1,
    INTENTS_REFUSED,
    TRACES,
    RESULTS,
    EVIDENCE,
    RETRACTS,
    OPENS,
    SPEAKS,
    COUNTERS,
};
extern const char *const counter_names[COUNTERS];

struct correlator {
    struct correlator_settings settings;
    char *annotation;
    struct kube_client *stream, *requests; /* the second only for probing */
    struct nodewatch *watch;
    struct probing *probing; /* NULL: --verify=none */
    struct roster *roster;
    struct channel_server *listeners;
    struct channel_client *actuator;
    struct event *second;
    struct pages *pages; /* NULL: --metrics=none */

    uint64_t known_us; /* wall time since when the Nodes are known; 0: they are not yet */
    struct gasps gasps;
    struct gasp *held, **held_end; /* by time of arrival */
    size_t held_count;
    size_t waiting; /* of the held ones: from an address that no Node has */
    struct judgements *judgements;

    struct log_sample held_sample, unknown_sample, alive_sample;
    uint64_t values[COUNTERS];
    struct counters counters;
    struct steps steps;
};

/* A panic came, or another record that is acknowledged. */
void hear(struct correlator *correlator, struct channel_peer *peer, const struct record *record);

/* Considers again what is held. */
void hear_again(struct correlator *correlator);

/* Considers the gasps of SUSPECT, by what is known of it by now. */
void hear_suspect(struct correlator *correlator, struct suspect *suspect);

/* GASP waits for what SUSPECT turns out to be. */
void hear_wait(struct suspect *suspect, struct gasp *gasp);

/* For the judgements: its intent is where nothing is forgotten. */
void heard_out(void *arg, const struct gasp *gasp);

/* evidence.c: what goes on while an incident is open. */
extern const struct probing_handler evidence_handler;
/* An intent went out; the incident is open until the actuator says otherwise, or GASP expires. */
void evidence_begin(struct correlator *correlator, struct suspect *suspect,
                    const struct gasp *gasp);
void evidence_open(struct correlator *correlator, const struct open_incident *open);
void evidence_result(struct correlator *correlator, const struct result *result);
void evidence_speaks(struct correlator *correlator, const struct speaks *speaks);
/* For the channel's handlers: DELIVERY is a suspect's retract. */
void evidence_fill(struct delivery *delivery, struct record *record);
void evidence_acknowledged(struct delivery *delivery);
/* What is known of SUSPECT's silence, by wall time. */
struct silence evidence_silence(const struct suspect *suspect);
