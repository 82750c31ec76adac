#include "actuator/rights.h"

const char *const mode_names[] = { "observe", "annotate", "pods", "node", NULL };
const char *const right_names[] = { "history", "tell", "cordon", "remove", NULL };

#define NONE RIGHT_HISTORY
#define TELL RIGHT_TELL
#define CORD RIGHT_CORDON
#define GONE RIGHT_REMOVE

/* A row a verdict, a column a state of the Lease. */
static const enum right table[][LEASE_STATES] = {
    /*                       unknown alive lapsed lost  missing */
    [VERDICT_UNVERIFIED] = { NONE, NONE, NONE, NONE, NONE },
    [VERDICT_SILENT] = { CORD, CORD, GONE, CORD, CORD },
    [VERDICT_UNPROBABLE] = { NONE, NONE, GONE, NONE, NONE },
    [VERDICT_REBOOTED] = { TELL, TELL, TELL, TELL, TELL },
    [VERDICT_RECREATED] = { TELL, TELL, TELL, TELL, TELL },
    [VERDICT_EXPIRED] = { NONE, NONE, NONE, NONE, NONE },
    [VERDICT_MISMATCH] = { NONE, NONE, NONE, NONE, NONE },
    [VERDICT_DRILL] = { TELL, TELL, TELL, TELL, TELL },
    [VERDICT_LATE] = { TELL, TELL, TELL, TELL, TELL },
    [VERDICT_REPORTED] = { TELL, TELL, TELL, TELL, TELL },
};

/* Of VERDICT_UNVERIFIED, for those who accept it. */
static const enum right accepted[LEASE_STATES] = { GONE, GONE, GONE, GONE, GONE };

enum right rights_of(enum verdict verdict, enum lease_state lease, bool accept_unverified)
{
    if (verdict == VERDICT_UNVERIFIED && accept_unverified)
        return accepted[lease];
    return table[verdict][lease];
}

/* How much a verdict rests on; 0: nothing can come of it any more. */
static const unsigned weights[] = {
    [VERDICT_REPORTED] = 1, [VERDICT_UNVERIFIED] = 2, [VERDICT_UNPROBABLE] = 3,
    [VERDICT_SILENT] = 4,   [VERDICT_REBOOTED] = 0,   [VERDICT_RECREATED] = 0,
    [VERDICT_EXPIRED] = 0,  [VERDICT_MISMATCH] = 0,   [VERDICT_DRILL] = 0,
    [VERDICT_LATE] = 0,
};

bool rights_say_more(enum verdict verdict, enum cause cause, enum verdict before,
                     enum cause cause_before)
{
    bool halts = cause == CAUSE_HALT, halted = cause_before == CAUSE_HALT;

    if (weights[verdict] == 0)
        return false;
    if (halts != halted)
        return halted || weights[before] == 0;
    return weights[verdict] > weights[before];
}

bool rights_only_tell(enum verdict verdict)
{
    return verdict == VERDICT_DRILL || verdict == VERDICT_LATE;
}

bool rights_need_lease(enum verdict verdict, bool accept_unverified)
{
    return rights_of(verdict, LEASE_LAPSED, accept_unverified) !=
           rights_of(verdict, LEASE_UNKNOWN, accept_unverified);
}
