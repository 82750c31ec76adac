#pragma once

#include "actuator/answers.h"
#include "common/record.h"

/* Whether there is something to undo, and what comes of it.  Pure. */

/* Why there is nothing to undo about an incident that ended like this, whatever its Node is like
 * now; NULL: that is to be looked at. */
const char *undo_is_late(enum outcome outcome);

/* NODE, as it is now, of an incident of UID and BOOT.  NULL: what is set on it is of that incident,
 * and can be taken off.  Else why there is nothing to undo. */
const char *undo_judge(const struct answer_node *node, const char *uid, const char *boot);

/* The outcome of a closed incident that was BEFORE, once it is undone: where pods were removed it
 * stays, for they are not there again. */
enum outcome undo_outcome(enum outcome before);
