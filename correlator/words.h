#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/address.h"
#include "correlator/settle.h"

/* What was found out about a machine, for people.  Pure. */
#define WORDS_SIZE 512

struct finding {
    const struct address *addresses; /* that were asked */
    size_t address_count;
    uint16_t port;
    const struct settle *settle;
    const struct settle_times *times;
    struct settle_witnesses witnesses;
    uint64_t gasp_us;      /* monotonic, when it arrived; 0: not while we were there */
    const char *gasp_name; /* "panic" or "halt" */
    uint64_t now_us;
};

/* "10.0.3.7:10250 silent for 3.02 s, 6 attempts; last answer 41 ms before the panic; 3 of 3
 * witnesses answered" */
const char *words_silent(const struct finding *finding, char out[WORDS_SIZE]);

/* "10.0.3.7:10250 has been answering for 30.10 s" */
const char *words_answering(const struct finding *finding, char out[WORDS_SIZE]);
