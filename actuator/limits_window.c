/*
 * How it works.  One table of nodes, in the order in which they first asked, with a hash for their
 * names.  A node in it is paid for (paid_us), wants in (asked_us), or both: one whose payment no
 * longer covers what it asks for.
 *
 * Nothing here trusts that a write arrived.  limits_window_pay() only marks what the write is for,
 * and limits_window_paid() makes it a payment once the server has said so.  If the answer is lost,
 * the object is read again, and limits_window_read() finds the payment in it or does not.  Both
 * ways a node is, if at all, taken to be younger than it is: then it counts longer.
 */
#include "actuator/limits_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"
#include "common/text.h"

#define COVER_MOST_US (15 * US_PER_SECOND)
/* Twice the most that a limit can be, and the one that latches. */
#define TABLE_MAX (2 * LIMITS_NODES_MAX + 1)
/* A name and a zone as the API server lets them be, and an age. */
#define LINE_MAX (253 + 63 + 32)

static size_t bucket_of(const char *node)
{
    uint32_t hash = 2166136261; /* FNV-1a */

    for (; *node != '\0'; node++)
        hash = (hash ^ (unsigned char)*node) * 16777619;
    return hash % LIMITS_BUCKETS;
}

static struct touch *find(const struct limits_window *window, const char *node)
{
    struct touch *touch = window->buckets[bucket_of(node)];

    while (touch && strcmp(touch->node, node) != 0)
        touch = touch->same_bucket;
    return touch;
}

static struct touch *add(struct limits_window *window, const char *node, const char *zone)
{
    struct touch *touch = xcalloc(1, sizeof(*touch)), **bucket = &window->buckets[bucket_of(node)];

    touch->node = xstrdup(node);
    touch->zone = xstrdup(zone);
    touch->same_bucket = *bucket;
    *bucket = touch;
    TAILQ_INSERT_TAIL(&window->all, touch, link);
    window->count++;
    return touch;
}

static void drop(struct limits_window *window, struct touch *touch)
{
    struct touch **at = &window->buckets[bucket_of(touch->node)];

    while (*at != touch)
        at = &(*at)->same_bucket;
    *at = touch->same_bucket;
    TAILQ_REMOVE(&window->all, touch, link);
    window->count--;
    free(touch->node);
    free(touch->zone);
    free(touch);
}

struct limits_window *limits_window_new(const struct limits *limits)
{
    struct limits_window *window = xcalloc(1, sizeof(*window));
    uint64_t shortest_us = LIMITS_WINDOW_MAX_US;

    window->limits = limits;
    TAILQ_INIT(&window->all);
    for (enum limits_rule rule = 0; rule < LIMITS_RULES; rule++) {
        const struct limit *limit = &limits->rule[rule];
        if (limit->value > 0 && limit->window_us > window->longest_us)
            window->longest_us = limit->window_us;
        if (limit->value > 0 && limit->window_us < shortest_us)
            shortest_us = limit->window_us;
    }
    window->cover_us = shortest_us / 4 < COVER_MOST_US ? shortest_us / 4 : COVER_MOST_US;
    return window;
}

void limits_window_free(struct limits_window *window)
{
    struct touch *touch;

    while ((touch = TAILQ_FIRST(&window->all)))
        drop(window, touch);
    free(window);
}

bool limits_window_touch(struct limits_window *window, const char *node, uint64_t now_us)
{
    struct touch *touch = find(window, node);

    if (!touch || touch->paid_us == 0 || now_us > touch->paid_us + window->cover_us * 2 / 3)
        return false;
    touch->repay = touch->repay || now_us >= touch->paid_us + window->cover_us / 3;
    touch->asked_us = 0;
    return true;
}

bool limits_window_want(struct limits_window *window, const char *node, const char *zone,
                        uint64_t now_us)
{
    struct touch *touch = find(window, node);

    if (!touch && window->count < TABLE_MAX)
        touch = add(window, node, zone);
    if (!touch)
        return false;
    bool is_new = touch->asked_us == 0;
    touch->asked_us = now_us;
    return is_new;
}

void limits_window_paid(struct limits_window *window, bool written, uint64_t sent_us)
{
    struct touch *touch;

    for (touch = TAILQ_FIRST(&window->all); touch; touch = TAILQ_NEXT(touch, link)) {
        if (touch->sent && written) {
            touch->paid_us = sent_us;
            touch->asked_us = 0;
            touch->repay = false;
        }
        touch->sent = false;
    }
}

uint64_t limits_window_slides_us(const struct limits_window *window, uint64_t now_us)
{
    uint64_t next_us = UINT64_MAX;
    const struct touch *touch;

    for (touch = TAILQ_FIRST(&window->all); touch; touch = TAILQ_NEXT(touch, link)) {
        for (enum limits_rule rule = 0; rule < LIMITS_RULES; rule++) {
            const struct limit *limit = &window->limits->rule[rule];
            uint64_t leaves_us = touch->paid_us + window->cover_us + limit->window_us;
            if (limit->value > 0 && touch->paid_us > 0 && leaves_us > now_us && leaves_us < next_us)
                next_us = leaves_us;
        }
    }
    return next_us;
}

void limits_window_age(struct limits_window *window, uint64_t now_us)
{
    for (struct touch *touch = TAILQ_FIRST(&window->all), *next; touch; touch = next) {
        next = TAILQ_NEXT(touch, link);
        if (now_us >= touch->paid_us + window->cover_us + window->longest_us) {
            touch->paid_us = 0;
            touch->repay = false;
        }
        if (now_us >= touch->asked_us + window->longest_us)
            touch->asked_us = 0;
        if (touch->paid_us == 0 && touch->asked_us == 0 && !touch->sent)
            drop(window, touch);
    }
}

size_t limits_line_size(const struct touch *touch)
{
    return strlen(touch->node) + strlen(touch->zone) + strlen(" 4294967295 \n");
}

static uint64_t age_of(const struct touch *touch, uint64_t now_us)
{
    return touch->sent ? 0 : (now_us - touch->paid_us) / US_PER_SECOND;
}

char *limits_window_print(const struct limits_window *window, uint64_t now_us)
{
    const struct touch *touch;
    size_t cap = 1, used = 0;

    for (touch = TAILQ_FIRST(&window->all); touch; touch = TAILQ_NEXT(touch, link))
        cap += limits_line_size(touch);
    char *text = xcalloc(cap, 1);
    for (touch = TAILQ_FIRST(&window->all); touch; touch = TAILQ_NEXT(touch, link)) {
        if (touch->sent || touch->paid_us > 0)
            text_append(text, cap, &used, "%s %llu%s%s\n", touch->node,
                        (unsigned long long)age_of(touch, now_us), *touch->zone ? " " : "",
                        touch->zone);
    }
    return text;
}

struct line {
    char words[LINE_MAX];
    const char *node, *zone;
    uint64_t age_s;
};

/* Reads the line at *TEXT, which moves on. */
static bool read_line(const char **text, struct line *line)
{
    size_t size = strcspn(*text, "\n");
    char *rest;

    if (size >= sizeof(line->words))
        return false;
    memcpy(line->words, *text, size);
    line->words[size] = '\0';
    *text += size + ((*text)[size] == '\n');

    line->node = strtok_r(line->words, " ", &rest);
    const char *age = strtok_r(NULL, " ", &rest);
    line->zone = strtok_r(NULL, " ", &rest);
    if (!line->zone)
        line->zone = "";
    return age && json_count(age, strlen(age), UINT32_MAX, &line->age_s) &&
           !strtok_r(NULL, " ", &rest);
}

bool limits_window_read(struct limits_window *window, const char *text, uint64_t now_us)
{
    struct line line;

    for (const char *at = text; *at != '\0';) {
        if (!read_line(&at, &line))
            return false;
    }
    for (const char *at = text; *at != '\0';) {
        read_line(&at, &line);
        uint64_t age_us = line.age_s * US_PER_SECOND;
        /* What was touched before this machine started counts from its start. */
        uint64_t paid_us = age_us < now_us ? now_us - age_us : 1;
        struct touch *touch = find(window, line.node);
        if (!touch)
            touch = add(window, line.node, line.zone);
        if (touch->paid_us < paid_us)
            touch->paid_us = paid_us;
    }
    return true;
}

size_t limits_window_touched(const struct limits_window *window)
{
    const struct touch *touch;
    size_t count = 0;

    for (touch = TAILQ_FIRST(&window->all); touch; touch = TAILQ_NEXT(touch, link))
        count += touch->paid_us > 0;
    return count;
}
