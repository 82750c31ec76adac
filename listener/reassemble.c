#include "listener/reassemble.h"

#include "common/memory.h"

#include <stdlib.h>
#include <string.h>

#define RANGES    8
#define STRANGERS (REASSEMBLE_RECORDS / 4)

struct range {
    size_t from, to;
};

struct progress {
    bool used, is_node;
    uint16_t owner;
    uint64_t seq, kernel_us, started_us;
    size_t total;
    size_t ranges; /* of the bytes received, apart from each other, in order */
    struct range range[RANGES];
};

struct reassemble {
    reassemble_done *done;
    void *arg;
    uint16_t *record_of; /* by owner: the record's number + 1, 0 for none */
    size_t strangers;
    struct progress progress[REASSEMBLE_RECORDS];
    char (*bodies)[NETCONSOLE_BODY_MAX]; /* untouched until used */
};

struct reassemble *reassemble_new(uint16_t owners, reassemble_done *done, void *arg)
{
    struct reassemble *reassemble = xcalloc(1, sizeof(*reassemble));
    reassemble->done = done;
    reassemble->arg = arg;
    reassemble->record_of = xcalloc(owners, sizeof(*reassemble->record_of));
    reassemble->bodies = xcalloc(REASSEMBLE_RECORDS, sizeof(*reassemble->bodies));
    return reassemble;
}

void reassemble_free(struct reassemble *reassemble)
{
    free(reassemble->record_of);
    free(reassemble->bodies);
    free(reassemble);
}

static size_t number(const struct reassemble *reassemble, const struct progress *progress)
{
    return (size_t)(progress - reassemble->progress);
}

static void drop(struct reassemble *reassemble, struct progress *progress)
{
    progress->used = false;
    reassemble->strangers -= !progress->is_node;
    reassemble->record_of[progress->owner] = 0;
}

static void give_out(struct reassemble *reassemble, struct progress *progress)
{
    size_t size = progress->range[0].from == 0 ? progress->range[0].to : 0;
    size = size < NETCONSOLE_BODY_MAX ? size : NETCONSOLE_BODY_MAX;
    struct span body = { reassemble->bodies[number(reassemble, progress)], size };
    drop(reassemble, progress);
    if (size > 0)
        reassemble->done(reassemble->arg, progress->owner, progress->kernel_us, body);
}

/* A free one, or the oldest that may be displaced; NULL when Nodes hold all of them. */
static struct progress *find_place(struct reassemble *reassemble, bool is_node)
{
    bool strangers_only = !is_node && reassemble->strangers >= STRANGERS;
    struct progress *oldest = NULL;
    for (size_t i = 0; i < REASSEMBLE_RECORDS; i++) {
        struct progress *progress = &reassemble->progress[i];
        if (!progress->used && !strangers_only)
            return progress;
        if (!progress->used || (progress->is_node && !is_node))
            continue;
        if (!oldest || progress->started_us < oldest->started_us)
            oldest = progress;
    }
    if (oldest)
        give_out(reassemble, oldest);
    return oldest;
}

static struct progress *start(struct reassemble *reassemble, uint16_t owner, bool is_node,
                              const struct kernel_record *fragment, uint64_t now_us)
{
    struct progress *progress = find_place(reassemble, is_node);
    if (!progress)
        return NULL;
    *progress = (struct progress){
        .used = true,
        .is_node = is_node,
        .owner = owner,
        .seq = fragment->seq,
        .kernel_us = fragment->kernel_us,
        .started_us = now_us,
        .total = fragment->fragment_total,
    };
    reassemble->strangers += !is_node;
    reassemble->record_of[owner] = (uint16_t)(number(reassemble, progress) + 1);
    return progress;
}

/* Unites FROM..TO with the ranges that it touches; false when there are too many apart. */
static bool add_range(struct progress *progress, struct range new)
{
    struct range kept[RANGES + 1];
    size_t count = 0, i = 0;
    while (i < progress->ranges && progress->range[i].to < new.from)
        kept[count++] = progress->range[i++];
    for (; i < progress->ranges && progress->range[i].from <= new.to; i++) {
        new.from = progress->range[i].from < new.from ? progress->range[i].from : new.from;
        new.to = progress->range[i].to > new.to ? progress->range[i].to : new.to;
    }
    kept[count++] = new;
    while (i < progress->ranges)
        kept[count++] = progress->range[i++];
    if (count > RANGES)
        return false;
    memcpy(progress->range, kept, count * sizeof(kept[0]));
    progress->ranges = count;
    return true;
}

void reassemble_add(struct reassemble *reassemble, uint16_t owner, bool is_node,
                    const struct kernel_record *fragment, uint64_t now_us)
{
    uint16_t known = reassemble->record_of[owner];
    struct progress *progress = known ? &reassemble->progress[known - 1] : NULL;
    if (progress && (progress->seq != fragment->seq || progress->kernel_us != fragment->kernel_us ||
                     progress->total != fragment->fragment_total)) {
        give_out(reassemble, progress);
        progress = NULL;
    }
    if (!progress)
        progress = start(reassemble, owner, is_node, fragment, now_us);
    if (!progress || fragment->body.size == 0)
        return;
    size_t at = fragment->fragment_at, size = fragment->body.size;
    if (!add_range(progress, (struct range){ at, at + size }))
        return;
    if (at < NETCONSOLE_BODY_MAX) {
        size_t room = NETCONSOLE_BODY_MAX - at;
        memcpy(reassemble->bodies[number(reassemble, progress)] + at, fragment->body.bytes,
               size < room ? size : room);
    }
    if (progress->range[0].from == 0 && progress->range[0].to == progress->total)
        give_out(reassemble, progress);
}

void reassemble_expire(struct reassemble *reassemble, uint64_t now_us)
{
    for (size_t i = 0; i < REASSEMBLE_RECORDS; i++) {
        struct progress *progress = &reassemble->progress[i];
        if (progress->used && now_us - progress->started_us > REASSEMBLE_TIMEOUT_US)
            give_out(reassemble, progress);
    }
}

void reassemble_forget(struct reassemble *reassemble, uint16_t owner)
{
    if (reassemble->record_of[owner])
        drop(reassemble, &reassemble->progress[reassemble->record_of[owner] - 1]);
}
