#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/channel.h"
#include "correlator/gasp.h"

/*
 * The judgements under way: one a drill, and else one a Node and boot, whatever number of panics
 * led to it, each an intent that the actuator has not acknowledged yet.  A later panic of the same
 * boot joins; if the intent was sent by then, it goes once more with the rest after its
 * acknowledgement.  What is judged when all that is acknowledged begins anew.
 */
struct judgements;

/* ACKNOWLEDGED is told of each gasp whose intent the actuator has for good; the gasp is freed (out
 * of GASPS) when it returns. */
struct judgements *judgements_new(struct channel_client *actuator, struct gasps *gasps,
                                  uint64_t expire_us,
                                  void (*acknowledged)(void *arg, const struct gasp *gasp),
                                  void *arg);
void judgements_free(struct judgements *judgements);

/* GASP, with its verdict and words, makes part of the judgement on SUBJECT.  Returns the incident's
 * id; *FIRST is whether a judgement was begun with it. */
const char *judgements_join(struct judgements *judgements, const struct node *subject,
                            struct gasp *gasp, bool *first);

/*
 * The machine of incident ID answers after all: the gasps that no intent names which was sent are
 * taken out, to be judged again, and returned as a list.  *SENT is whether there is such an intent,
 * which then stays; without one the judgement ends.
 */
struct gasp *judgements_recall(struct judgements *judgements, const char *id, bool *sent);

/* For the channel: what its handlers of those names must do. */
void judgements_fill(struct judgements *judgements, struct delivery *delivery,
                     struct record *record);
void judgements_acknowledged(struct judgements *judgements, struct delivery *delivery);
