#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"

/*
 * Whether one machine has fallen silent: what was asked of it and what came back, and what follows
 * from that and the time.  Pure; all times are monotonic.
 */
struct settle_times {
    uint64_t settle_us;   /* unanswered for so long, it is silent */
    uint64_t alive_us;    /* answering for so long, it is alive */
    uint64_t baseline_us; /* for so long an answer proves that it could be reached */
    uint64_t evidence_us; /* how often silence is confirmed while an incident is open */
    uint64_t sweep_us;    /* how often every kubelet port is tried */
};

#define SETTLE_ATTEMPTS 4                 /* it takes to find silence, and as many round trips */
#define SETTLE_PARTS    6                 /* an attempt each sixth of the settling time */
#define SETTLE_HINTS    3                 /* how often `speaks` starts it again: it can be forged */
#define SETTLE_GAP_US   (250 * US_PER_MS) /* shorter ones of our own loop are never one */

struct settle {
    uint64_t from_us;    /* silence counts from here: an answer, or whatever made us start again */
    uint64_t restart_us; /* the same, but that our side's failures to ask do not move it */
    uint64_t attempted_us; /* when the last attempt began; 0: none since FROM */
    unsigned attempts;     /* since FROM */
    bool is_void;          /* the last attempt was */
    unsigned hints;
    uint64_t answers_us;  /* the first of the answers that no silence came between; 0: none */
    uint64_t answered_us; /* the last; 0: none is known of within the baseline's age */
    uint64_t rtt_us;
};

/* The nodes that answer if it is not we who are cut off; witness_tally() fills it in. */
struct settle_witnesses {
    unsigned count, answering;
    bool enough;       /* of them answer; never when there are none */
    uint64_t since_us; /* when enough do: since when */
};

enum settle_state {
    SETTLE_ASKING,     /* not known yet */
    SETTLE_CUT_OFF,    /* silent, and so are too many witnesses */
    SETTLE_SILENT,     /* and enough witnesses answer */
    SETTLE_UNPROBABLE, /* silent, but no answer was known before, or there is no witness */
    SETTLE_ANSWERING,
};

void settle_begin(struct settle *settle, uint64_t now_us);

/* It answered before it began, not longer ago than a baseline may be.  Of several the newest answer
 * and the longest round trip count; none does once it has answered to a probe of its own. */
void settle_baseline(struct settle *settle, uint64_t answered_us, uint64_t rtt_us);

/* How long it must be unanswered: the settling time, and SETTLE_ATTEMPTS times the round trip. */
uint64_t settle_need_us(const struct settle *settle, const struct settle_times *times);

/* Whether an attempt is due; one each sixth of that time, or, when all that is wanted is to
 * confirm (CONFIRM), two for each evidence. */
bool settle_is_due(const struct settle *settle, const struct settle_times *times, bool confirm,
                   uint64_t now_us);
void settle_attempted(struct settle *settle, uint64_t now_us);
/* An attempt failed on our own side: it proves nothing, and time went by without one. */
void settle_void(struct settle *settle, uint64_t now_us);
void settle_answered(struct settle *settle, const struct settle_times *times, uint64_t now_us,
                     uint64_t rtt_us);
/* Somebody says that it speaks again. */
void settle_hint(struct settle *settle, uint64_t now_us);

/* For how long our own loop may stand still before nothing counts that was asked before. */
uint64_t settle_gap_us(const struct settle_times *times);

/* Called before settle_state() and each attempt: a gap of our own loop, which has been turning
 * since STEADY_US, and one of the witnesses' answers both start it again. */
void settle_look(struct settle *settle, const struct settle_witnesses *witnesses,
                 uint64_t steady_us);

/* Whether it has been answering for ALIVE_US, of which the time before SINCE_US does not count. */
bool settle_is_alive(const struct settle *settle, const struct settle_times *times,
                     uint64_t since_us);

enum settle_state settle_state(const struct settle *settle, const struct settle_times *times,
                               const struct settle_witnesses *witnesses, uint64_t now_us);
