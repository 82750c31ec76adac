#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a Node's Lease tells of its kubelet, which renews it four times in the Lease's duration
 * (KEP-589; 10 s of 40 s).  Pure: readings in, one of five states out.  All times are monotonic
 * microseconds, for a renewTime is another machine's clock: only whether it changes counts.
 *
 * A reading was made by the server between when it was asked for and when its answer came.  So that
 * no renewal can hide between two readings, a text counts as unchanged from the answer to the first
 * reading that shows it to the sending of the last one.
 *
 * An API server that takes no renewals stops all Leases, and would make each of them look dead.  So
 * others must have been renewed after this one was overdue: what they did before shows nothing of
 * the moment when this one tried.  And none of them may be overdue itself, for a kubelet whose
 * renewal was refused tries again only an interval later (component-helpers' lease controller), so
 * that an API server that was sick for a moment still shows in who did not come through.  Where the
 * Lease is not all that speaks for a death, one of them may: it has perhaps died without a word, and
 * would hold up everybody's for a minute.
 *
 * How long that takes with Leases of 40 s: at least 14.5 s, and until the third of the others was
 * renewed after 10.4 s, which is seen within a second or two.  Where ten are read, that is after 15
 * to 16 s mostly; where there are but three, after 19 s on average.  If chance is against it, the
 * last of them comes a whole interval later: 23 s.
 */
enum lease_state {
    LEASE_UNKNOWN,     /* not read long enough yet, or the witnesses' stand still too */
    LEASE_ALIVE,       /* it was renewed since the first reading */
    LEASE_LAPSED,      /* not renewed when it was due, while the witnesses' were */
    LEASE_LOST_BEFORE, /* the Node's Ready was Unknown at the first look: proves nothing */
    LEASE_MISSING,
    LEASE_STATES,
};
extern const char *const lease_state_names[];

#define LEASE_TIME_SIZE 40

struct lease_reading {
    bool found;
    char renewed[LEASE_TIME_SIZE]; /* spec.renewTime, as it is written */
    uint64_t duration_us;
    uint64_t sent_us, answered_us; /* of the request */
};

/* A zeroed one was never read. */
struct lease {
    bool read, missing;
    bool lost_before;
    bool renewed_once; /* since the first reading */
    size_t spared;     /* so many of the others may be overdue nevertheless */
    char renewed[LEASE_TIME_SIZE];
    uint64_t duration_us;
    uint64_t since_us, until_us; /* between these it did not change */
    uint64_t moved_us;           /* it changed after this; 0: never seen to */
};

void lease_take(struct lease *lease, const struct lease_reading *reading);

/* How long it has to stand still: 1.25 renewal intervals and 2 s. */
uint64_t lease_window_us(const struct lease *lease);

/* When a reading can first show that it lapsed, if it is not renewed. */
uint64_t lease_due_us(const struct lease *lease);

/* When a kubelet that lives has sent its renewal at the latest: after an interval and its jitter,
 * which is 4% of it (JitterUntil in component-helpers' lease controller). */
uint64_t lease_overdue_us(const struct lease *lease);

/*
 * The Leases of other Nodes, so many of which (or all, where there are fewer) must have changed
 * after this one was overdue.  More are read, so that it takes less time until so many have.
 */
#define WITNESSES_NEEDED 3
#define WITNESSES        10

struct lease_witnesses {
    bool all;     /* no other Node could be one: then fewer than are needed are enough */
    size_t count; /* WITNESSES at most; 0: nothing lapses */
    struct lease leases[WITNESSES];
    /* When one of them was last late, or given up for standing still: until then the API server may
     * have taken nobody's renewals, so who did not renew before proves nothing.  0: never. */
    uint64_t late_us;
};

/* A reading of the witness INDEX. */
void lease_take_witness(struct lease_witnesses *witnesses, size_t index,
                        const struct lease_reading *reading);

/* How many of them changed after LEASE was overdue, and lately. */
size_t lease_moved(const struct lease_witnesses *witnesses, const struct lease *lease);

enum lease_state lease_judge(const struct lease *lease, const struct lease_witnesses *witnesses,
                             uint64_t now_us);
