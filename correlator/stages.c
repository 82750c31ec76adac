#include "correlator/stages.h"

#include "common/memory.h"
#include "common/metrics.h"
#include "common/steps.h"

#include <event2/buffer.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LISTENERS_MAX 16                  /* as the channel has peers */
#define STAGES_MAX    (LISTENERS_MAX + 2) /* and an actuator, and ourselves */

struct stage {
    const void *peer; /* NULL: nobody's */
    enum role of;
    uint64_t said_us;
    uint64_t *values; /* by row of metrics[] */
    struct steps steps;
};

struct stages {
    size_t rows;
    struct stage all[STAGES_MAX]; /* the listeners first */
};

struct stages *stages_new(void)
{
    struct stages *stages = xcalloc(1, sizeof(*stages));
    while (metrics[stages->rows].name != NULL)
        stages->rows++;
    return stages;
}

void stages_forget(struct stages *stages, const void *peer)
{
    for (size_t i = 0; i < STAGES_MAX; i++) {
        if (stages->all[i].peer == peer) {
            free(stages->all[i].values);
            stages->all[i] = (struct stage){ 0 };
        }
    }
}

void stages_free(struct stages *stages)
{
    for (size_t i = 0; i < STAGES_MAX; i++)
        free(stages->all[i].values);
    free(stages);
}

/* Of its stage's own part of the array, so that its place there is its number. */
static struct stage *find(struct stages *stages, enum role of, const void *peer)
{
    struct stage *first = of == ROLE_LISTENER ? stages->all : stages->all + LISTENERS_MAX;
    struct stage *end = of == ROLE_LISTENER ? first + LISTENERS_MAX : stages->all + STAGES_MAX;
    for (struct stage *stage = first; stage < end; stage++) {
        if (stage->peer == peer)
            return stage;
    }
    return NULL;
}

/* What is not said is zero.  A stage that is newer than we are may count more than we know of. */
void stages_take(struct stages *stages, enum role of, const void *peer, const struct counts *counts,
                 uint64_t now_us)
{
    struct stage *stage = find(stages, of, peer);
    if (stage == NULL)
        stage = find(stages, of, NULL);
    if (stage == NULL)
        return;
    uint64_t *values = stage->values;
    if (values == NULL)
        values = xmalloc(stages->rows * sizeof(*values));
    memset(values, 0, stages->rows * sizeof(*values));
    *stage = (struct stage){ .peer = peer, .of = of, .said_us = now_us, .values = values };
    for (size_t i = 0; i < counts->count; i++) {
        const struct count *count = &counts->item[i];
        const struct metric *row = metric_find(of, count->name);
        if (row != NULL && row->type != METRIC_HISTOGRAM)
            values[row - metrics] = count->value;
        else
            steps_take(&stage->steps, count);
    }
}

static bool is_fresh(const struct stage *stage, uint64_t now_us)
{
    return stage->peer != NULL && now_us < stage->said_us + STAGES_FRESH_US;
}

size_t stages_count(const struct stages *stages, enum role of, uint64_t now_us)
{
    size_t count = 0;
    for (size_t i = 0; i < STAGES_MAX; i++)
        count += is_fresh(&stages->all[i], now_us) && stages->all[i].of == of;
    return count;
}

static void print_value(const struct metric *row, uint64_t value, struct evbuffer *out)
{
    size_t size = strlen(row->counter);
    if (size > 3 && strcmp(row->counter + size - 3, "_us") == 0)
        evbuffer_add_printf(out, " %llu.%06llu\n", (unsigned long long)(value / US_PER_SECOND),
                            (unsigned long long)(value % US_PER_SECOND));
    else
        evbuffer_add_printf(out, " %llu\n", (unsigned long long)value);
}

static void print_histogram(const struct metric *row, const struct steps *steps,
                            struct evbuffer *out)
{
    enum step step = 0;
    uint64_t count = 0, sum_us;
    while (strcmp(step_names[step], row->counter) != 0)
        step++;
    for (size_t at = 0; at <= STEP_BOUNDS; at++) {
        count += steps->counts[step][at];
        evbuffer_add_printf(out, "%s_bucket{%s,le=\"%s\"} %llu\n", row->name, row->label,
                            step_bounds[at], (unsigned long long)count);
    }
    sum_us = steps->sums_us[step];
    evbuffer_add_printf(out, "%s_sum{%s} %llu.%06llu\n%s_count{%s} %llu\n", row->name, row->label,
                        (unsigned long long)(sum_us / US_PER_SECOND),
                        (unsigned long long)(sum_us % US_PER_SECOND), row->name, row->label,
                        (unsigned long long)count);
}

/* NUMBER: of a listener. */
static void print_sample(const struct metric *row, const struct stage *stage, size_t number,
                         struct evbuffer *out)
{
    const char *label = row->label != NULL ? row->label : "";
    if (row->type == METRIC_HISTOGRAM) {
        print_histogram(row, &stage->steps, out);
        return;
    }
    evbuffer_add_printf(out, "%s", row->name);
    if (row->of == ROLE_LISTENER)
        evbuffer_add_printf(out, "{%s%slistener=\"%zu\"}", label, *label ? "," : "", number);
    else if (*label)
        evbuffer_add_printf(out, "{%s}", label);
    print_value(row, stage->values[row - metrics], out);
}

/* The words about a metric stand before its first sample, once, also when its first row has none.
 */
static void print_row(const struct stages *stages, const struct metric *row, uint64_t now_us,
                      const struct metric **described, struct evbuffer *out)
{
    static const char *const types[] = { "counter", "gauge", "histogram" };
    for (size_t i = 0; i < STAGES_MAX; i++) {
        const struct stage *stage = &stages->all[i];
        if (!is_fresh(stage, now_us) || stage->of != row->of)
            continue;
        const struct metric *first = row;
        while (first->help == NULL)
            first--;
        if (*described != first)
            evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", first->name, first->help,
                                first->name, types[first->type]);
        *described = first;
        print_sample(row, stage, i, out);
    }
}

void stages_print(const struct stages *stages, uint64_t now_us, struct evbuffer *out)
{
    const struct metric *described = NULL;
    for (const struct metric *row = metrics; row->name != NULL; row++)
        print_row(stages, row, now_us, &described, out);
}
