#pragma once

#include "common/record.h"

#define RECORD_FLAW_SIZE 200

/*
 * The fields of one line (without its line break), which holds a record of KIND, into RECORD,
 * whose texts and entries come from ARENA.  False with what is wrong in FLAW; what went into ARENA
 * until then stays there.
 */
bool record_decode(const char *line, size_t size, enum record_kind kind, bool strict,
                   struct arena *arena, struct record *record, char flaw[RECORD_FLAW_SIZE]);
