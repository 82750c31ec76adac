#include "common/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * US_PER_SECOND + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t clock_monotonic_us(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

const char *clock_print(uint64_t wall_us, char text[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(wall_us / US_PER_SECOND);
    struct tm parts;

    gmtime_r(&seconds, &parts);
    size_t used = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + used, CLOCK_TEXT_SIZE - used, ".%06uZ", (unsigned)(wall_us % US_PER_SECOND));
    return text;
}
