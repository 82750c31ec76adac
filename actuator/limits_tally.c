#include "actuator/limits_tally.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"

#define ZONE_LABEL "topology.kubernetes.io/zone"

enum count_row { COUNT_ITEM, COUNT_REMAINING };

static const struct json_pick_row count_rows[] = {
    [COUNT_ITEM] = { "items[]" },
    [COUNT_REMAINING] = { "metadata.remainingItemCount" },
    { NULL },
};

struct counting {
    uint64_t items, remaining;
    bool flawed;
};

static void take_count(void *arg, unsigned row, enum json_event event, const char *key,
                       const char *text, size_t size)
{
    (void)key;
    struct counting *counting = arg;

    if (row == COUNT_ITEM)
        counting->items += event == JSON_OBJECT;
    else if (event != JSON_NUMBER || !json_count(text, size, UINT32_MAX, &counting->remaining))
        counting->flawed = true;
}

bool limits_tally_count(const char *body, size_t size, uint64_t *nodes)
{
    struct counting counting = { 0 };

    if (!json_pick_document(count_rows, take_count, &counting, body, size) || counting.flawed)
        return false;
    *nodes = counting.items + counting.remaining;
    return true;
}

enum zone_row { ZONE_CONTINUE, ZONE_ITEM, ZONE_LABELS };

static const struct json_pick_row zone_rows[] = {
    [ZONE_CONTINUE] = { "metadata.continue" },
    [ZONE_ITEM] = { "items[]" },
    [ZONE_LABELS] = { "items[].metadata.labels{}" },
    { NULL },
};

struct limits_tally {
    struct json_pick *pick;
    struct arena arena; /* names */
    struct limits_zone *zones;
    size_t count;
    char *next; /* the continue token */
    char *zone; /* of the item under way; NULL: none said yet */
};

struct limits_tally *limits_tally_new(void)
{
    return xcalloc(1, sizeof(struct limits_tally));
}

void limits_tally_free(struct limits_tally *tally)
{
    if (!tally)
        return;
    json_pick_free(tally->pick);
    arena_free(&tally->arena);
    free(tally->zones);
    free(tally->next);
    free(tally->zone);
    free(tally);
}

static void add_node(struct limits_tally *tally, const char *zone)
{
    for (size_t i = 0; i < tally->count; i++) {
        if (strcmp(tally->zones[i].name, zone) == 0) {
            tally->zones[i].nodes++;
            return;
        }
    }
    tally->zones = xrealloc(tally->zones, (tally->count + 1) * sizeof(*tally->zones));
    tally->zones[tally->count++] =
        (struct limits_zone){ arena_copy(&tally->arena, zone, strlen(zone)), 1 };
}

static void keep(char **at, const char *text)
{
    free(*at);
    *at = text ? xstrdup(text) : NULL;
}

static void take_node(void *arg, unsigned row, enum json_event event, const char *key,
                      const char *text, size_t size)
{
    (void)size;
    struct limits_tally *tally = arg;

    if (row == ZONE_CONTINUE && event == JSON_STRING && *text != '\0')
        keep(&tally->next, text);
    else if (row == ZONE_LABELS && event == JSON_STRING && strcmp(key, ZONE_LABEL) == 0)
        keep(&tally->zone, text);
    else if (row == ZONE_ITEM && event == JSON_OBJECT)
        keep(&tally->zone, NULL);
    else if (row == ZONE_ITEM && event == JSON_OBJECT_END)
        add_node(tally, tally->zone ? tally->zone : "");
}

void limits_tally_begin_page(struct limits_tally *tally)
{
    json_pick_free(tally->pick);
    tally->pick = json_pick_new(zone_rows, take_node, tally);
    keep(&tally->next, NULL);
}

bool limits_tally_feed(struct limits_tally *tally, const char *bytes, size_t size)
{
    return json_pick_feed(tally->pick, bytes, size);
}

bool limits_tally_end_page(struct limits_tally *tally)
{
    return json_pick_end(tally->pick);
}

const char *limits_tally_continue(const struct limits_tally *tally)
{
    return tally->next;
}

const struct limits_zone *limits_tally_zones(const struct limits_tally *tally, size_t *count)
{
    *count = tally->count;
    return tally->zones;
}
