#include "actuator/lease.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"

const char *const lease_state_names[] = { "unknown",     "alive",   "lapsed",
                                          "lost-before", "missing", NULL };

/* What may come on top of an interval: the kubelet's jitter (4%), a slow write, a missed tick. */
#define SLACK_US      (2 * US_PER_SECOND)
#define JITTER_PART   25
#define SLOW_WRITE_US US_PER_SECOND

void lease_take(struct lease *lease, const struct lease_reading *reading)
{
    bool known = lease->read && !lease->missing;

    lease->read = true;
    lease->missing = !reading->found;
    if (!reading->found)
        return;
    if (!known || strcmp(lease->renewed, reading->renewed) != 0) {
        if (known) {
            lease->renewed_once = true;
            lease->moved_us = lease->until_us;
        }
        snprintf(lease->renewed, sizeof(lease->renewed), "%s", reading->renewed);
        lease->since_us = reading->answered_us;
    }
    lease->duration_us = reading->duration_us;
    lease->until_us = reading->sent_us;
}

static uint64_t interval_us(const struct lease *lease)
{
    return lease->duration_us / 4;
}

uint64_t lease_window_us(const struct lease *lease)
{
    return interval_us(lease) + interval_us(lease) / 4 + SLACK_US;
}

uint64_t lease_due_us(const struct lease *lease)
{
    return lease->since_us + lease_window_us(lease);
}

uint64_t lease_overdue_us(const struct lease *lease)
{
    return lease->since_us + interval_us(lease) + interval_us(lease) / JITTER_PART;
}

size_t lease_moved(const struct lease_witnesses *witnesses, const struct lease *lease)
{
    uint64_t window_us = lease_window_us(lease), from_us = lease_overdue_us(lease);
    size_t moved = 0;

    if (lease->until_us > from_us + window_us)
        from_us = lease->until_us - window_us;
    /* It changed between two readings: what counts is that the earlier one was late enough. */
    for (size_t i = 0; i < witnesses->count; i++)
        moved += witnesses->leases[i].moved_us >= from_us;
    return moved;
}

void lease_take_witness(struct lease_witnesses *witnesses, size_t index,
                        const struct lease_reading *reading)
{
    struct lease *lease = &witnesses->leases[index];
    bool was_due = lease->read && !lease->missing && lease->until_us >= lease_due_us(lease);

    lease_take(lease, reading);
    if (was_due && lease->since_us == reading->answered_us)
        witnesses->late_us = reading->answered_us;
}

static bool enough_moved(const struct lease_witnesses *witnesses, const struct lease *lease)
{
    bool are_few = witnesses->all && witnesses->count < WITNESSES_NEEDED;
    size_t needed = are_few ? witnesses->count : WITNESSES_NEEDED;

    return needed > 0 && lease_moved(witnesses, lease) >= needed;
}

static size_t overdue(const struct lease_witnesses *witnesses)
{
    size_t count = 0;

    for (size_t i = 0; i < witnesses->count; i++) {
        const struct lease *lease = &witnesses->leases[i];
        count += lease->read && !lease->missing &&
                 lease->until_us >= lease_overdue_us(lease) + SLOW_WRITE_US;
    }
    return count;
}

enum lease_state lease_judge(const struct lease *lease, const struct lease_witnesses *witnesses,
                             uint64_t now_us)
{
    uint64_t window_us = lease_window_us(lease);

    if (lease->lost_before)
        return LEASE_LOST_BEFORE;
    if (!lease->read)
        return LEASE_UNKNOWN;
    if (lease->missing)
        return LEASE_MISSING;
    if (lease->until_us < lease_due_us(lease))
        return lease->renewed_once ? LEASE_ALIVE : LEASE_UNKNOWN;
    if (witnesses->late_us > 0 && lease->until_us < witnesses->late_us + window_us)
        return LEASE_UNKNOWN;
    /* A reading counts for as long as a renewal could be overdue after it. */
    if (now_us > lease->until_us + window_us)
        return LEASE_UNKNOWN;
    return enough_moved(witnesses, lease) && overdue(witnesses) <= lease->spared ? LEASE_LAPSED
                                                                                 : LEASE_UNKNOWN;
}
