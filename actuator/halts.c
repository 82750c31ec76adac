#include "actuator/halts.h"

const char *const on_halt_names[] = { "record", "annotate", "node", NULL };

/*
 * A machine that restarts comes back within a minute or two, as the same Node with another boot,
 * and its kubelet starts its pods again: to delete that Node in between would lose its labels and
 * taints and move pods that come back by themselves.  Its Lease lapses all the same.
 */
static const struct row {
    struct halts_limit stays_down, comes_back;
} rows[] = {
    [ON_HALT_RECORD] = { { MODE_OBSERVE, "an orderly end is only recorded (--on-halt=record)" },
                         { MODE_OBSERVE, "an orderly end is only recorded (--on-halt=record)" } },
    [ON_HALT_ANNOTATE] = { { MODE_ANNOTATE, "an orderly end is only told (--on-halt=annotate)" },
                           { MODE_ANNOTATE, "an orderly end is only told (--on-halt=annotate)" } },
    [ON_HALT_NODE] = { { MODE_NODE, NULL },
                       { MODE_ANNOTATE, "a machine that restarts is only told of" } },
};

/* What is not known to stay down may come back. */
static bool stays_down(enum reason_code code)
{
    return code == REASON_HALT || code == REASON_POWER_DOWN;
}

struct halts_limit halts_limit(enum on_halt on_halt, enum cause cause, enum reason_code code)
{
    if (cause != CAUSE_HALT)
        return (struct halts_limit){ MODE_NODE, NULL };
    return stays_down(code) ? rows[on_halt].stays_down : rows[on_halt].comes_back;
}
