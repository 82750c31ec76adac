#include "actuator/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/options.h"

const char *const limits_options[LIMITS_RULES] = {
    [LIMITS_COUNT] = "limit",
    [LIMITS_PERCENT] = "limit-percent",
    [LIMITS_ZONE_PERCENT] = "limit-zone-percent",
};

const char *const limits_defaults[LIMITS_RULES] = {
    [LIMITS_COUNT] = "20/10m",
    [LIMITS_PERCENT] = "10%/10m",
};

static bool complain(enum limits_rule rule, char why[LIMITS_WHY_SIZE])
{
    if (rule == LIMITS_COUNT)
        snprintf(why, LIMITS_WHY_SIZE, "not COUNT/WINDOW with 1..%d nodes and 1s..24h",
                 LIMITS_NODES_MAX);
    else
        snprintf(why, LIMITS_WHY_SIZE, "not PERCENT%%/WINDOW with 1%%..100%% and 1s..24h");
    return false;
}

bool limits_parse(enum limits_rule rule, const char *text, struct limit *limit,
                  char why[LIMITS_WHY_SIZE])
{
    const char *slash = strchr(text, '/');
    uint64_t most = rule == LIMITS_COUNT ? LIMITS_NODES_MAX : 100;

    if (!slash)
        return complain(rule, why);
    size_t digits = (size_t)(slash - text);
    if (rule != LIMITS_COUNT && (digits == 0 || text[--digits] != '%'))
        return complain(rule, why);
    if (!json_count(text, digits, most, &limit->value) || limit->value == 0 ||
        !options_duration(slash + 1, &limit->window_us) ||
        limit->window_us < LIMITS_WINDOW_MIN_US || limit->window_us > LIMITS_WINDOW_MAX_US)
        return complain(rule, why);
    return true;
}

static uint64_t zone_nodes(const struct limits_sizes *sizes, const char *zone)
{
    for (size_t i = 0; i < sizes->zone_count; i++) {
        if (strcmp(sizes->zones[i].name, zone) == 0)
            return sizes->zones[i].nodes;
    }
    return 0;
}

uint64_t limits_allowed(const struct limits *limits, enum limits_rule rule,
                        const struct limits_sizes *sizes, const char *zone)
{
    const struct limit *limit = &limits->rule[rule];

    if (rule == LIMITS_COUNT)
        return limit->value;
    if (limit->value == 100) /* all of them, however many there are */
        return LIMITS_NODES_MAX;
    if (sizes->nodes == 0 || (rule == LIMITS_ZONE_PERCENT && !sizes->zones_known))
        return 0;
    uint64_t of = rule == LIMITS_PERCENT ? sizes->nodes : zone_nodes(sizes, zone);
    uint64_t allowed = of * limit->value / 100;
    return allowed < LIMITS_PERCENT_LEAST ? LIMITS_PERCENT_LEAST : allowed;
}
