#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/record.h"

/*
 * A stage's counters: one table of names a role, indexed by an enum of the role.  They travel in
 * `stats` records and are logged when the stage stops.
 */
struct counters {
    const char *const *names;
    size_t count;
    uint64_t *values;
};

/* NAMES has COUNT entries and outlives the struct; VALUES is the caller's zeroed array. */
void counters_log(const struct counters *counters);

/* Adds the counters that are not zero to OUT (zeroed at first, so that several tables can go into
 * one record); its array lives in ARENA. */
void counters_record(const struct counters *counters, struct arena *arena, struct counts *out);
