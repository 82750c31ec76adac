#include "listener/hints.h"

#include "common/memory.h"
#include "common/record_budget.h"
#include "listener/counts.h"

#include <stdlib.h>
#include <string.h>

/*
 * `heard` is told in records of a budget each.  What finds no room in the channel's queue is told
 * with the next second, from where it stopped.
 */
#define HEARD_SECONDS   60
#define HEARD_MAX       32768           /* encoded bytes of a record's addresses */
#define HEARD_ADDRESSES (HEARD_MAX / 5) /* the shortest, "::", and what it costs */

struct hints {
    struct source_table *sources;
    struct channel_client *client;
    uint64_t *counts;
    unsigned seconds;
    bool telling;
    uint16_t next; /* the source to go on with */
};

/* One `heard` record as it fills. */
struct heard_part {
    struct hints *hints;
    bool full;
    size_t count, budget;
    struct source *source[HEARD_ADDRESSES];
    const char *line[HEARD_ADDRESSES];
    struct arena arena;
};

struct hints *hints_new(struct source_table *sources, uint64_t *counts)
{
    struct hints *hints = xcalloc(1, sizeof(*hints));
    hints->sources = sources;
    hints->counts = counts;
    return hints;
}

void hints_free(struct hints *hints)
{
    free(hints);
}

void hints_connect(struct hints *hints, struct channel_client *client)
{
    hints->client = client;
}

void hints_speaks(struct hints *hints, const struct source *source, enum speaks_why why,
                  uint64_t received_us)
{
    char address[ADDRESS_TEXT_SIZE];
    struct record record = { .kind = RECORD_SPEAKS,
                             .speaks = { .source = address_print(&source->address, address),
                                         .received_us = received_us,
                                         .why = why } };
    if (channel_client_send(hints->client, &record))
        hints->counts[COUNT_SPEAKS]++;
}

void hints_heartbeat(struct hints *hints, const struct source *source, uint64_t every_s,
                     uint64_t received_us)
{
    char address[ADDRESS_TEXT_SIZE];
    struct record record = { .kind = RECORD_HEARTBEAT,
                             .heartbeat = { .source = address_print(&source->address, address),
                                            .received_us = received_us,
                                            .every_s = every_s } };
    if (channel_client_send(hints->client, &record))
        hints->counts[COUNT_HEARTBEATS]++;
}

static void add(void *arg, struct source *source)
{
    struct heard_part *part = arg;
    char address[ADDRESS_TEXT_SIZE];
    uint16_t index = sources_index(part->hints->sources, source);
    if (!source->is_node || !source->heard || index < part->hints->next || part->full)
        return;
    size_t cost = record_text_cost(address_print(&source->address, address));
    part->full = part->count == HEARD_ADDRESSES || cost > part->budget;
    if (part->full)
        return;
    part->budget -= cost;
    part->source[part->count] = source;
    part->line[part->count++] = arena_copy(&part->arena, address, strlen(address));
}

/* False when there is nothing more to tell, or no room for it. */
static bool tell_part(struct hints *hints)
{
    struct heard_part part = { .hints = hints, .budget = HEARD_MAX };
    sources_each(hints->sources, add, &part);
    struct record record = { .kind = RECORD_HEARD,
                             .heard = { .addresses = { part.count, part.line } } };
    bool told = part.count > 0 && channel_client_send(hints->client, &record);
    for (size_t i = 0; told && i < part.count; i++) {
        part.source[i]->heard = false;
        hints->next = (uint16_t)(sources_index(hints->sources, part.source[i]) + 1);
    }
    hints->telling = part.count > 0;
    arena_free(&part.arena);
    return told;
}

void hints_second(struct hints *hints)
{
    if (++hints->seconds % HEARD_SECONDS == 0) {
        hints->telling = true;
        hints->next = 0;
    }
    while (hints->telling && channel_client_is_connected(hints->client) && tell_part(hints))
        ;
}
