#include "common/steps.h"

#include <stdio.h>
#include <string.h>

const char *const step_names[] = {
    [STEP_KNOWN] = "known",       [STEP_JUDGED] = "judged",
    [STEP_RECORDED] = "recorded", [STEP_TOLD] = "told",
    [STEP_POD_GONE] = "pod_gone", [STEP_NODE_DELETED] = "node_deleted",
    [STEP_CLOSED] = "closed",     [STEPS] = NULL,
};

/* Close together where the usual steps are: a hop takes milliseconds, settling 3 s, a Lease some 18
 * s, and what expires 15 minutes. */
const char *const step_bounds[STEP_BOUNDS + 1] = {
    "0.001", "0.005", "0.025", "0.1", "0.5", "1",  "2",   "3",   "4",   "5",
    "10",    "15",    "20",    "25",  "30",  "60", "120", "300", "900", "+Inf",
};
static const uint64_t bounds_us[STEP_BOUNDS] = {
    1000,     5000,     25000,     100000,    500000,    1000000,  2000000,
    3000000,  4000000,  5000000,   10000000,  15000000,  20000000, 25000000,
    30000000, 60000000, 120000000, 300000000, 900000000,
};

#define NAME_SIZE 32

void steps_note(struct steps *steps, enum step step, uint64_t received_us, uint64_t now_us)
{
    uint64_t took_us = now_us > received_us ? now_us - received_us : 0;
    size_t at = 0;
    while (at < STEP_BOUNDS && took_us > bounds_us[at])
        at++;
    steps->counts[step][at]++;
    steps->sums_us[step] += took_us;
}

static const char *name_of(enum step step, size_t at, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%s_%s%s", step_names[step], at > STEP_BOUNDS ? "sum_us" : "le_",
             at > STEP_BOUNDS ? "" : step_bounds[at]);
    return name;
}

/* The counts by bound, and behind them the sum. */
static uint64_t *value_at(struct steps *steps, enum step step, size_t at)
{
    return at > STEP_BOUNDS ? &steps->sums_us[step] : &steps->counts[step][at];
}

void steps_record(const struct steps *steps, struct arena *arena, struct counts *out)
{
    struct steps copy = *steps;
    size_t most = out->count + STEPS * (STEP_BOUNDS + 2), used = out->count;
    struct count *items = arena_alloc(arena, most * sizeof(*items));
    char name[NAME_SIZE];

    for (size_t i = 0; i < out->count; i++)
        items[i] = out->item[i];
    for (unsigned step = 0; step < STEPS; step++) {
        for (size_t at = 0; at <= STEP_BOUNDS + 1; at++) {
            uint64_t value = *value_at(&copy, step, at);
            if (value == 0)
                continue;
            name_of(step, at, name);
            items[used++] = (struct count){ arena_copy(arena, name, strlen(name)), value };
        }
    }
    *out = (struct counts){ used, items };
}

bool steps_take(struct steps *steps, const struct count *count)
{
    char name[NAME_SIZE];

    for (unsigned step = 0; step < STEPS; step++) {
        size_t size = strlen(step_names[step]);
        if (strncmp(count->name, step_names[step], size) != 0 || count->name[size] != '_')
            continue;
        for (size_t at = 0; at <= STEP_BOUNDS + 1; at++) {
            if (strcmp(count->name, name_of(step, at, name)) == 0) {
                *value_at(steps, step, at) = count->value;
                return true;
            }
        }
    }
    return false;
}
