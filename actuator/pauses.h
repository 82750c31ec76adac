#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ledger;

/*
 * The commands `pause` and `resume`, each done once it is written to the ledger and so holds for
 * every host.  The last word counts: whoever asked for the opposite before is told so.
 */
struct pauses;

/* LEDGER, which outlives the pauses, may be NULL: this actuator writes nothing, and refuses. ANSWER
 * is called once a ticket: done (WHY is NULL), or not. */
struct pauses *pauses_new(struct ledger *ledger,
                          void (*answer)(void *arg, uint64_t ticket, const char *why), void *arg);
void pauses_free(struct pauses *pauses);

void pauses_ask(struct pauses *pauses, uint64_t ticket, bool pause);
