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
    struct awaited awaited;
};

struct reassemble {
    uint64_t timeout_us;
    reassemble_done *done;
    void *arg;
    size_t strangers, awaited;
    struct progress progress[REASSEMBLE_RECORDS];
    char (*bodies)[NETCONSOLE_BODY_MAX]; /* untouched until used */
};

struct reassemble *reassemble_new(uint64_t timeout_us, reassemble_done *done, void *arg)
{
    struct reassemble *reassemble = xcalloc(1, sizeof(*reassemble));
    reassemble->timeout_us = timeout_us;
    reassemble->done = done;
    reassemble->arg = arg;
    reassemble->bodies = xcalloc(REASSEMBLE_RECORDS, sizeof(*reassemble->bodies));
    return reassemble;
}

void reassemble_free(struct reassemble *reassemble)
{
    free(reassemble->bodies);
    free(reassemble);
}

static char *body_of(const struct reassemble *reassemble, const struct progress *progress)
{
    return reassemble->bodies[progress - reassemble->progress];
}

static bool is_awaited(const struct progress *progress)
{
    return progress->awaited.header[0] != '\0';
}

/* A body may hold a token, which stays in memory no longer than it must. */
static void drop(struct reassemble *reassemble, struct progress *progress)
{
    size_t size = progress->ranges > 0 ? progress->range[progress->ranges - 1].to : 0;
    explicit_bzero(body_of(reassemble, progress),
                   size < NETCONSOLE_BODY_MAX ? size : NETCONSOLE_BODY_MAX);
    progress->used = false;
    reassemble->strangers -= !progress->is_node;
    reassemble->awaited -= is_awaited(progress);
}

/* Frees its place before it is told, for who is told may add more. */
static void give_out(struct reassemble *reassemble, struct progress *progress)
{
    char body[NETCONSOLE_BODY_MAX];
    struct progress copy = *progress;
    size_t size = copy.range[0].from == 0 ? copy.range[0].to : 0;
    size = size < NETCONSOLE_BODY_MAX ? size : NETCONSOLE_BODY_MAX;
    memcpy(body, body_of(reassemble, progress), size);
    drop(reassemble, progress);
    if (size > 0)
        reassemble->done(reassemble->arg, copy.owner, copy.kernel_us, (struct span){ body, size },
                         is_awaited(&copy) ? &copy.awaited : NULL);
    explicit_bzero(body, size);
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

/* The next record of a source ends the one that nobody waits for. */
static void end_previous(struct reassemble *reassemble, uint16_t owner)
{
    for (size_t i = 0; i < REASSEMBLE_RECORDS; i++) {
        struct progress *progress = &reassemble->progress[i];
        if (progress->used && progress->owner == owner && !is_awaited(progress))
            give_out(reassemble, progress);
    }
}

static struct progress *start(struct reassemble *reassemble, uint16_t owner, bool is_node,
                              const struct kernel_record *fragment, uint64_t now_us)
{
    end_previous(reassemble, owner);
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

static struct progress *find(struct reassemble *reassemble, uint16_t owner,
                             const struct kernel_record *fragment)
{
    for (size_t i = 0; i < REASSEMBLE_RECORDS; i++) {
        struct progress *progress = &reassemble->progress[i];
        if (progress->used && progress->owner == owner && progress->seq == fragment->seq &&
            progress->kernel_us == fragment->kernel_us &&
            progress->total == fragment->fragment_total)
            return progress;
    }
    return NULL;
}

/* Of a source that awaits too many the oldest gives way. */
static void make_way(struct reassemble *reassemble, uint16_t owner)
{
    struct progress *oldest = NULL;
    size_t count = 0;
    for (size_t i = 0; i < REASSEMBLE_RECORDS; i++) {
        struct progress *progress = &reassemble->progress[i];
        if (!progress->used || progress->owner != owner || !is_awaited(progress))
            continue;
        count++;
        if (!oldest || progress->started_us < oldest->started_us)
            oldest = progress;
    }
    if (count >= REASSEMBLE_OF_SOURCE)
        give_out(reassemble, oldest);
}

static void set_awaited(struct reassemble *reassemble, struct progress *progress,
                        const struct awaited *awaited)
{
    if (!is_awaited(progress)) {
        make_way(reassemble, progress->owner);
        reassemble->awaited++;
    }
    progress->awaited = *awaited;
}

void reassemble_add(struct reassemble *reassemble, uint16_t owner, bool is_node,
                    const struct kernel_record *fragment, const struct awaited *awaited,
                    uint64_t now_us)
{
    struct progress *progress = find(reassemble, owner, fragment);
    if (!progress)
        progress = start(reassemble, owner, is_node, fragment, now_us);
    if (!progress)
        return;
    if (awaited)
        set_awaited(reassemble, progress, awaited);
    size_t at = fragment->fragment_at, size = fragment->body.size;
    if (size == 0 || !add_range(progress, (struct range){ at, at + size }))
        return;
    if (at < NETCONSOLE_BODY_MAX) {
        size_t room = NETCONSOLE_BODY_MAX - at;
        memcpy(body_of(reassemble, progress) + at, fragment->body.bytes, size < room ? size : room);
    }
    if (progress->range[0].from == 0 && progress->range[0].to == progress->total)
        give_out(reassemble, progress);
}

void reassemble_expire(struct reassemble *reassemble, uint64_t now_us)
{
    for (size_t i = 0; i < REASSEMBLE_RECORDS; i++) {
        struct progress *progress = &reassemble->progress[i];
        if (progress->used && now_us - progress->started_us > reassemble->timeout_us)
            give_out(reassemble, progress);
    }
}

void reassemble_forget(struct reassemble *reassemble, uint16_t owner)
{
    for (size_t i = 0; i < REASSEMBLE_RECORDS; i++) {
        struct progress *progress = &reassemble->progress[i];
        if (progress->used && progress->owner == owner)
            drop(reassemble, progress);
    }
}

size_t reassemble_awaited(const struct reassemble *reassemble)
{
    return reassemble->awaited;
}
