#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "correlator/settle.h"
#include "correlator/witnesses.h"

/* The witnesses that one silent machine has, and whether enough of them answer.  A zeroed one has
 * none. */
struct quorum {
    struct witness *of[WITNESSES_MAX];
    size_t count;
    uint64_t searched_us; /* monotonic, when they were last searched for; 0: not yet */
};

/* Searches for witnesses if there are too few that answer, once a second at most.  SEARCH is filled
 * in but for what the search counts; NEED_US is how long the machine must be silent. */
void quorum_see_to(struct quorum *quorum, struct witnesses *witnesses,
                   struct witness_search *search, uint64_t need_us, uint64_t now_us);

struct settle_witnesses quorum_ask(const struct quorum *quorum, uint64_t need_us, uint64_t now_us);

void quorum_release(struct quorum *quorum, struct witnesses *witnesses);
