#pragma once

#include "listener/classify.h"

/*
 * What a classified line proves, given what its source said before.  Pure: the state is part of
 * the source's entry, times are monotonic microseconds.
 */
#define PROOF_REMEMBERED 6

/* A line that proved something, or belonged to what did. */
struct said {
    enum line_kind kind;
    uint64_t text; /* a hash of what it said */
    uint64_t kernel_us, heard_us;
};

struct proof_state {
    uint64_t newest_us;         /* the latest kernel time of this boot, 0: none yet */
    uint64_t restarted_us;      /* when kernel time was last seen to start over, 0: never */
    uint64_t precursor_us;      /* when the last precursor of this boot was heard, 0: never */
    enum reason_code precursor; /* what it hinted at */
    struct said said[PROOF_REMEMBERED]; /* a ring; heard_us 0: not used yet */
    size_t next;
};

enum step {
    STEP_NONE,
    STEP_PANIC,   /* a new panic; PROOF says by which proof */
    STEP_HALT,    /* a new orderly end */
    STEP_BELONGS, /* the end of a panic that is known */
    STEP_AGAIN,   /* the same kernel record once more, from another target */
    STEP_STALE,   /* the same kernel record, much later: somebody replays a log */
};

struct proven {
    enum step step;
    enum proof proof;      /* STEP_PANIC */
    enum reason_code hint; /* STEP_PANIC by rebooting: the code that the precursors hint at */
    bool rebooted;         /* kernel time started over with this line */
};

/* UNDER_WAY: the lines of a panic of this source are still being collected. */
struct proven proof_next(struct proof_state *state, const struct kernel_record *record,
                         const struct line_class *class, bool under_way, uint64_t now_us);

/* A line that had been judged before a restart.  What the source says next may have been said
 * before it: its batch is handled again. */
void proof_remember(struct proof_state *state, const struct kernel_record *record,
                    const struct line_class *class, uint64_t now_us);
