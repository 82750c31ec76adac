#include "actuator/rights.h"

const char *const mode_names[] = { "observe", "annotate", "pods", "node", NULL };
const char *const right_names[] = { "history", "tell", "remove", NULL };

/* A row a verdict: the right as such, and the right for those who accept what is not verified. */
static const struct {
    enum right as_such, accepted;
} table[] = {
    [VERDICT_UNVERIFIED] = { RIGHT_HISTORY, RIGHT_REMOVE },
    [VERDICT_SILENT] = { RIGHT_HISTORY, RIGHT_HISTORY },
    [VERDICT_UNPROBABLE] = { RIGHT_HISTORY, RIGHT_HISTORY },
    [VERDICT_REBOOTED] = { RIGHT_HISTORY, RIGHT_HISTORY },
    [VERDICT_RECREATED] = { RIGHT_HISTORY, RIGHT_HISTORY },
    [VERDICT_EXPIRED] = { RIGHT_HISTORY, RIGHT_HISTORY },
    [VERDICT_MISMATCH] = { RIGHT_HISTORY, RIGHT_HISTORY },
};

enum right rights_of(enum verdict verdict, enum cause cause, bool accept_unverified)
{
    /* An orderly end is only recorded: whoever asked for it may start the machine again. */
    if (cause == CAUSE_HALT)
        return RIGHT_HISTORY;
    return accept_unverified ? table[verdict].accepted : table[verdict].as_such;
}
