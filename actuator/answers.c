#include "actuator/answers.h"

#include <string.h>

#include "common/clock.h"
#include "common/json.h"

enum lease_row { LEASE_RENEWED, LEASE_DURATION };

static const struct json_pick_row lease_rows[] = {
    [LEASE_RENEWED] = { "spec.renewTime" },
    [LEASE_DURATION] = { "spec.leaseDurationSeconds" },
    { NULL },
};

static void take_lease(void *arg, unsigned row, enum json_event event, const char *key,
                       const char *text, size_t size)
{
    (void)key;
    struct lease_reading *reading = arg;
    uint64_t seconds;

    if (row == LEASE_RENEWED && event == JSON_STRING && size < sizeof(reading->renewed))
        memcpy(reading->renewed, text, size + 1);
    else if (row == LEASE_DURATION && event == JSON_NUMBER &&
             json_count(text, size, INT32_MAX, &seconds))
        reading->duration_us = seconds * US_PER_SECOND;
}

bool answer_lease_read(const char *bytes, size_t size, struct lease_reading *reading)
{
    reading->renewed[0] = '\0';
    reading->duration_us = 0;
    reading->found = json_pick_document(lease_rows, take_lease, reading, bytes, size) &&
                     reading->renewed[0] != '\0' && reading->duration_us > 0;
    return reading->found;
}

static const struct json_pick_row version_rows[] = {
    { "metadata.resourceVersion" },
    { NULL },
};

static void take_version(void *arg, unsigned row, enum json_event event, const char *key,
                         const char *text, size_t size)
{
    (void)row, (void)key;
    uint64_t *version = arg;
    if (event != JSON_STRING || !json_count(text, size, UINT64_MAX, version))
        *version = 0;
}

uint64_t answer_version(const char *bytes, size_t size)
{
    uint64_t version = 0;
    return json_pick_document(version_rows, take_version, &version, bytes, size) ? version : 0;
}
