#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "correlator/kubelets.h"
#include "correlator/settle.h"

/*
 * Who tells a dead machine from a network that is cut off: nodes near the silent one which answer
 * meanwhile.  Pure.
 */
#define WITNESSES_MAX 4

struct witness_rules {
    uint64_t baseline_us; /* how much longer ago than the silent one it may have answered last */
    /* Whether that node may not be one, for it has an open panic itself. */
    bool (*is_suspect)(void *arg, uint64_t node);
    void *arg;
};

/* Those that may be one of anybody, in the same order, for many searches.  The caller's to free
 * with kubelets_free(). */
struct kubelets witness_candidates(const struct kubelets *kubelets,
                                   const struct witness_rules *rules, uint64_t now_us);

struct witness_search {
    const struct address *address; /* of the node that is asked about */
    uint32_t zone;
    uint64_t node;
    uint64_t answered_us; /* the last time, as far as is known; else now */
    size_t passed_over;   /* candidates that have become suspects, counted by the search */
};

/* Fills FOUND with the nearest ones (the longest common prefix of addresses) of the same zone, and
 * after them with the nearest of others; no node twice.  Returns how many. */
size_t witness_choose(const struct kubelets *candidates, const struct witness_rules *rules,
                      struct witness_search *search, const struct kubelet *found[WITNESSES_MAX]);

/* Whether enough of COUNT witnesses answer: three of four, else all.  SINCE_US, which is put in
 * order, has since when each of those ANSWERING does. */
struct settle_witnesses witness_tally(size_t count, uint64_t since_us[], size_t answering);

/*
 * Whether one witness goes on answering.  It is probed again and again; it answers `since` a time
 * if from then on no two probes that were answered began further than GAP_US apart.
 */
struct witness_answers {
    uint64_t since_us; /* 0: it has not answered yet */
    uint64_t last_us;  /* when the last probe that was answered began */
};

/* The probe that began at BEGUN_US was answered at NOW_US.  A late answer may be one to a SYN that
 * was sent again: then nothing is known of the time before it. */
void witness_answered(struct witness_answers *answers, uint64_t begun_us, uint64_t now_us,
                      uint64_t gap_us);
bool witness_is_answering(const struct witness_answers *answers, uint64_t now_us, uint64_t gap_us);
