#include "common/counters.h"

#include "common/log.h"
#include "common/text.h"

void counters_log(const struct counters *counters)
{
    char line[1536] = "";
    size_t used = 0;

    for (size_t i = 0; i < counters->count; i++) {
        if (counters->values[i] != 0)
            text_append(line, sizeof(line), &used, "%s%s=%llu", used > 0 ? " " : "",
                        counters->names[i], (unsigned long long)counters->values[i]);
    }
    log_info("counters: %s", used > 0 ? line : "all zero");
}

void counters_record(const struct counters *counters, struct arena *arena, struct counts *out)
{
    struct count *items = arena_alloc(arena, (out->count + counters->count) * sizeof(*items));
    size_t used = 0;

    for (size_t i = 0; i < out->count; i++)
        items[used++] = out->item[i];
    for (size_t i = 0; i < counters->count; i++) {
        if (counters->values[i] != 0)
            items[used++] = (struct count){ counters->names[i], counters->values[i] };
    }
    *out = (struct counts){ used, items };
}
