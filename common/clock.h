#pragma once

#include <stddef.h>
#include <stdint.h>

#define US_PER_MS 1000ULL
#define US_PER_SECOND 1000000ULL
#define US_PER_MINUTE (60 * US_PER_SECOND)

/* Microseconds since the epoch: for what people and other hosts read, never for measuring. */
uint64_t clock_wall_us(void);

/* Microseconds of CLOCK_BOOTTIME: for ages and time-outs, which a clock that is set must not move.
 * Time goes by while our host is suspended, too: what was true before is old then. */
uint64_t clock_monotonic_us(void);

#define CLOCK_TEXT_SIZE 28

/* "2026-11-23T06:12:20.123456Z" (RFC 3339, Kubernetes' MicroTime) of a wall time into TEXT. */
const char *clock_print(uint64_t wall_us, char text[CLOCK_TEXT_SIZE]);
