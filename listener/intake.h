#pragma once

#include "listener/hints.h"
#include "listener/panics.h"
#include "listener/reassemble.h"
#include "listener/token_file.h"

/*
 * The way of a datagram: parsed into kernel records, each classified, weighed against what its
 * source said before, kept as one of its lines, and reported if it proves something.
 */
struct intake;

/* All arguments outlive the struct; COUNTS is indexed by enum count_of.  Without TOKENS (NULL) a
 * panic needs none. */
struct intake *intake_new(struct pending *pending, struct nodes *nodes, struct token_file *tokens,
                          uint64_t *counts);
void intake_free(struct intake *intake);

/* From here on an oops of a Node with kdump=1 that is followed by silence is a panic (silent.h). */
void intake_watch_oopses(struct intake *intake);

struct panics *intake_panics(struct intake *intake);
struct hints *intake_hints(struct intake *intake);

/* False, with nothing done, when a Node's panic would find no slot now. */
bool intake_datagram(struct intake *intake, const struct datagram *datagram, uint64_t now_us);

/* What a restart found pending is known to its source again, so that its end is no new panic. */
void intake_remember(struct intake *intake, uint64_t now_us);

/* Whether a panic waits for the rest of its dictionary, for its token may be in there: not for
 * longer than a second, if intake_expire() is called INTAKE_SOON_US later and so on. */
#define INTAKE_SOON_US 100000
bool intake_waits(const struct intake *intake);

/* Ends what nothing more came of: call each second. */
void intake_expire(struct intake *intake, uint64_t now_us);
/* Nothing more will come: ends all traces. */
void intake_end(struct intake *intake);
/* The set of Nodes changed. */
void intake_nodes_changed(struct intake *intake);
