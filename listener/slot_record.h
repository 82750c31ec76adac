#pragma once

#include "common/memory.h"
#include "listener/pending.h"

/* Makes the record of what is pending from its slot.  What RECORD points to lives in ARENA
 * and in SLOT. */
void slot_record(const struct slot *slot, struct arena *arena, struct record *record);

/* Its type. */
enum record_kind slot_record_kind(const struct slot *slot);

/* Whether both say the same node= and boot= of themselves, or both nothing. */
bool slot_says_alike(const struct slot *one, const struct slot *other);
