#pragma once

#include <stdint.h>

#include "common/clock.h"

/* Linux sends a SYN again after a second: what is answered later may be the answer to any of them.
 */
#define RESENT_US (900 * US_PER_MS)

/* How long ago THEN_US was at NOW_US; nothing if it is later: what happens in the course of a pass
 * is newer than the time that the pass goes by. */
static inline uint64_t elapsed_us(uint64_t then_us, uint64_t now_us)
{
    return now_us > then_us ? now_us - then_us : 0;
}

/* The round trip after an answer came in MEASURED_US.  When a SYN was sent again, or we stood still
 * meanwhile, that is no measure of it, and what was known before stays. */
static inline uint64_t known_trip_us(uint64_t before_us, uint64_t measured_us)
{
    return measured_us < RESENT_US || before_us == 0 ? measured_us : before_us;
}
