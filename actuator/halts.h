#pragma once

#include "actuator/rights.h"

/*
 * How far an orderly end may go (--on-halt): a halt is no accident, whoever asked for it may start
 * the machine again.  This only takes away: it is the smallest of this, --mode and the Node's
 * opt-outs that counts, and the evidence that each step needs is that of a panic.  Pure.
 */
enum on_halt { ON_HALT_RECORD, ON_HALT_ANNOTATE, ON_HALT_NODE };
extern const char *const on_halt_names[];

struct halts_limit {
    enum mode most;
    const char *why; /* NULL: there is no limit */
};

/* Of an incident with this cause and reason code; what is no halt has no limit. */
struct halts_limit halts_limit(enum on_halt on_halt, enum cause cause, enum reason_code code);
