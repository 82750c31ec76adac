#pragma once

#include "common/memory.h"
#include "common/record.h"
#include "listener/netconsole.h"

/*
 * Lines of kernel text made ready for a record: printable, and within a budget of encoded bytes.
 * TEXT holds lines that end in '\n'; what is given out lives in ARENA.
 */

/* The oldest lines that fit (at least one); returns how much of TEXT they took. */
size_t lines_oldest(struct span text, size_t budget, struct arena *arena, struct lines *out);

/* TEXT cut into its lines, as they are.  Returns their number; *OUT lives in ARENA. */
size_t lines_split(struct span text, struct arena *arena, struct span **out);
