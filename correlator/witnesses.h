#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "correlator/probe.h"
#include "correlator/settle.h"
#include "correlator/witness.h"

/*
 * The witnesses that are being probed, each once, however many silent machines it stands by.
 */
struct witness;
struct witnesses;

/* RULES says who may be one; it, KUBELETS and TIMES outlive the witnesses. */
struct witnesses *witnesses_new(struct prober *prober, const struct kubelets *kubelets,
                                const struct settle_times *times,
                                const struct witness_rules *rules);
void witnesses_free(struct witnesses *witnesses);

/* Finds witnesses, each of which is held by that; returns how many. */
size_t witnesses_find(struct witnesses *witnesses, struct witness_search *search,
                      struct witness *held[WITNESSES_MAX]);
/* Nobody will search for a while. */
void witnesses_rest(struct witnesses *witnesses);

/* Whether it is the same boot of that Node still, of which no panic was heard. */
bool witness_is_fit(const struct witnesses *witnesses, const struct witness *witness);

/* It is probed until it was released as often as it was held. */
void witness_release(struct witnesses *witnesses, struct witness *witness);

/* Begins the probes that are due, as many as there is room for, and stops at UNTIL_US. */
void witnesses_pass(struct witnesses *witnesses, uint64_t until_us);
/* For the prober's handler: an answer, whoever was asked for whatever reason. */
void witnesses_heard(struct witnesses *witnesses, const struct probe_result *result);

/* Whether it was answering all the last GAP_US before NOW_US, and since when. */
bool witness_since(const struct witness *witness, uint64_t gap_us, uint64_t now_us,
                   uint64_t *since_us);
