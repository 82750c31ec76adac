/* Who gets in, and whether too many want to: see limits_window.c. */
#include "actuator/limits_internal.h"

#include <stdio.h>
#include <string.h>

/* Whether TOUCH counts for LIMIT. */
static bool counts(const struct limits_window *window, const struct touch *touch,
                   const struct limit *limit, uint64_t now_us)
{
    return touch->sent ||
           (touch->paid_us > 0 && now_us < touch->paid_us + window->cover_us + limit->window_us);
}

static uint64_t count_all(const struct limits_window *window, enum limits_rule rule,
                          const char *zone, uint64_t now_us)
{
    const struct touch *touch;
    uint64_t count = 0;

    for (touch = TAILQ_FIRST(&window->all); touch; touch = TAILQ_NEXT(touch, link))
        count += counts(window, touch, &window->limits->rule[rule], now_us) &&
                 (!zone || strcmp(touch->zone, zone) == 0);
    return count;
}

/* What is there already, so that each who wants in need not be compared with all. */
struct present {
    size_t nodes, bytes; /* in the annotation */
    uint64_t counted[LIMITS_RULES];
};

static void look(const struct limits_window *window, struct present *present, uint64_t now_us)
{
    const struct touch *touch;

    *present = (struct present){ 0 };
    for (touch = TAILQ_FIRST(&window->all); touch; touch = TAILQ_NEXT(touch, link)) {
        if (touch->paid_us == 0 && !touch->sent)
            continue;
        present->nodes++;
        present->bytes += limits_line_size(touch);
        for (enum limits_rule rule = 0; rule < LIMITS_RULES; rule++)
            present->counted[rule] += counts(window, touch, &window->limits->rule[rule], now_us);
    }
}

static bool fits(const struct limits_window *window, const struct limits_sizes *sizes,
                 const struct present *present, const struct touch *touch, uint64_t now_us)
{
    const struct limits *limits = window->limits;

    if (touch->paid_us == 0 && (present->nodes >= LIMITS_NODES_MAX ||
                                present->bytes + limits_line_size(touch) > LIMITS_TEXT_MAX))
        return false;
    for (enum limits_rule rule = 0; rule < LIMITS_RULES; rule++) {
        if (limits->rule[rule].value == 0)
            continue;
        uint64_t others = rule == LIMITS_ZONE_PERCENT ? count_all(window, rule, touch->zone, now_us)
                                                      : present->counted[rule];
        others -= counts(window, touch, &limits->rule[rule], now_us);
        if (others >= limits_allowed(limits, rule, sizes, touch->zone))
            return false;
    }
    return true;
}

/* The next who wants in, from FIRST on, and is let in; without ADMIT only who is in the window. */
static struct touch *next_fitting(const struct limits_window *window,
                                  const struct limits_sizes *sizes, struct touch *first, bool admit,
                                  uint64_t now_us)
{
    struct present present;

    look(window, &present, now_us);
    for (struct touch *touch = first; touch; touch = TAILQ_NEXT(touch, link)) {
        bool wants = touch->asked_us > 0 && now_us <= touch->asked_us + LIMITS_WANT_US;
        if (wants && !touch->sent && (admit || touch->paid_us > 0) &&
            fits(window, sizes, &present, touch, now_us))
            return touch;
    }
    return NULL;
}

bool limits_window_has_room(const struct limits_window *window, const struct limits_sizes *sizes,
                            bool admit, uint64_t now_us)
{
    return next_fitting(window, sizes, TAILQ_FIRST(&window->all), admit, now_us) != NULL;
}

uint64_t limits_window_room(const struct limits_window *window, const struct limits_sizes *sizes,
                            uint64_t now_us)
{
    uint64_t room = UINT64_MAX;
    struct present present;

    look(window, &present, now_us);
    for (enum limits_rule rule = LIMITS_COUNT; rule <= LIMITS_PERCENT; rule++) {
        uint64_t allowed = limits_allowed(window->limits, rule, sizes, "");
        uint64_t counted = present.counted[rule];
        if (window->limits->rule[rule].value == 0)
            continue;
        if (allowed == 0)
            return UINT64_MAX;
        uint64_t left = allowed > counted ? allowed - counted : 0;
        room = left < room ? left : room;
    }
    return room;
}

void limits_window_pay(struct limits_window *window, const struct limits_sizes *sizes, bool admit,
                       uint64_t now_us)
{
    struct touch *touch = TAILQ_FIRST(&window->all);

    while ((touch = next_fitting(window, sizes, touch, admit, now_us)))
        touch->sent = true;
    for (touch = TAILQ_FIRST(&window->all); touch; touch = TAILQ_NEXT(touch, link))
        touch->sent = touch->sent || touch->repay;
}

/* How many wanted in, or got in, within LIMIT's window; in ZONE if it is not NULL. */
static uint64_t count_wanting(const struct limits_window *window, const struct limit *limit,
                              const char *zone, uint64_t now_us)
{
    const struct touch *touch;
    uint64_t count = 0;

    for (touch = TAILQ_FIRST(&window->all); touch; touch = TAILQ_NEXT(touch, link)) {
        bool wanted = touch->asked_us > 0 && now_us < touch->asked_us + limit->window_us;
        if ((wanted || counts(window, touch, limit, now_us)) &&
            (!zone || strcmp(touch->zone, zone) == 0))
            count++;
    }
    return count;
}

static bool overruns(const struct limits_window *window, const struct limits_sizes *sizes,
                     enum limits_rule rule, const char *zone, uint64_t now_us,
                     char why[LIMITS_WHY_SIZE])
{
    const struct limit *limit = &window->limits->rule[rule];
    uint64_t allowed = limits_allowed(window->limits, rule, sizes, zone ? zone : "");
    uint64_t wanting = count_wanting(window, limit, zone, now_us);

    if (limit->value == 0 || allowed == 0 || wanting <= 2 * allowed)
        return false;
    snprintf(why, LIMITS_WHY_SIZE, "%llu nodes%s%.64s want in within %llu s, and --%s allows %llu",
             (unsigned long long)wanting, zone ? " of zone " : "", zone ? zone : "",
             (unsigned long long)(limit->window_us / US_PER_SECOND), limits_options[rule],
             (unsigned long long)allowed);
    return true;
}

bool limits_window_overrun(const struct limits_window *window, const struct limits_sizes *sizes,
                           uint64_t now_us, char why[LIMITS_WHY_SIZE])
{
    if (overruns(window, sizes, LIMITS_COUNT, NULL, now_us, why) ||
        overruns(window, sizes, LIMITS_PERCENT, NULL, now_us, why))
        return true;
    for (size_t i = 0; sizes->zones_known && i < sizes->zone_count; i++) {
        if (overruns(window, sizes, LIMITS_ZONE_PERCENT, sizes->zones[i].name, now_us, why))
            return true;
    }
    return false;
}
