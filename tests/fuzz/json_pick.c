/*
 * JSON of any bytes through json_pick: the same reports and the same verdict whether the bytes
 * arrive at once or in pieces; and the same of what is good when what is unwanted is skimmed.
 */
#include "common/json.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/target.h"

static const struct json_pick_row rows[] = {
    { "type" },
    { "object" },
    { "object.metadata.name" },
    { "object.metadata.annotations{}" },
    { "object.status.addresses[].address" },
    { "items[]" },
    { "items[].metadata{}.x" },
    { "items[][]" },
    { NULL },
};

static void mix(uint64_t *sum, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *sum = (*sum ^ ((const uint8_t *)bytes)[i]) * UINT64_C(1099511628211); /* FNV-1a */
}

static void on_row(void *arg, unsigned row, enum json_event event, const char *key,
                   const char *text, size_t size)
{
    if (text[size] != '\0')
        abort();
    mix(arg, &row, sizeof(row));
    mix(arg, &event, sizeof(event));
    mix(arg, text, size + 1);
    if (key)
        mix(arg, key, strlen(key) + 1);
}

static bool pick(const char *bytes, size_t size, size_t step, bool skims, uint64_t *sum)
{
    struct json_pick *pick = json_pick_new(rows, on_row, sum);
    if (skims)
        json_pick_skim(pick);
    bool good = true;
    for (size_t i = 0; good && i < size; i += step)
        good = json_pick_feed(pick, bytes + i, size - i < step ? size - i : step);
    good = good && json_pick_end(pick);
    if (good != (json_pick_error(pick)[0] == '\0'))
        abort();
    json_pick_free(pick);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint64_t whole_sum = 0;
    bool whole = pick((const char *)bytes, size, size > 0 ? size : 1, false, &whole_sum);
    for (size_t step = 1; step <= 3; step += 2) {
        uint64_t sum = 0;
        if (pick((const char *)bytes, size, step, false, &sum) != whole || sum != whole_sum)
            abort();
    }
    for (size_t step = size; whole && step > 0; step /= 2) {
        uint64_t sum = 0;
        if (!pick((const char *)bytes, size, step, true, &sum) || sum != whole_sum)
            abort();
    }
    return 0;
}
