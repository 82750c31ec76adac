#include "listener/silent.h"

#include "common/clock.h"
#include "common/memory.h"
#include "listener/dictionary.h"
#include "listener/oops.h"

#include <stdlib.h>
#include <string.h>

#define OOPSES     256 /* watched at a time */
#define SILENCE_US (5 * US_PER_SECOND)
#define LIFE_US    US_PER_MINUTE /* who speaks for so long after an oops lives */

struct watched {
    bool used;
    uint16_t owner;
    uint16_t port, size;
    uint64_t began_us, heard_us, received_us;
    char bytes[NETCONSOLE_DATAGRAM_MAX]; /* of the header's datagram */
};

struct silent {
    struct source_table *sources;
    struct panics *panics;
    struct netconsole reader;
    size_t count;
    struct watched all[OOPSES];
};

struct silent *silent_new(struct source_table *sources, struct panics *panics)
{
    struct silent *silent = xcalloc(1, sizeof(*silent));
    silent->sources = sources;
    silent->panics = panics;
    return silent;
}

void silent_free(struct silent *silent)
{
    free(silent);
}

/* NULL when OWNER is not watched, which is so of nearly all at any time. */
static struct watched *find(struct silent *silent, uint16_t owner)
{
    for (size_t i = 0; silent->count > 0 && i < OOPSES; i++)
        if (silent->all[i].used && silent->all[i].owner == owner)
            return &silent->all[i];
    return NULL;
}

static void release(struct silent *silent, struct watched *watched)
{
    watched->used = false;
    silent->count--;
}

void silent_forget(struct silent *silent, uint16_t owner)
{
    struct watched *watched = find(silent, owner);
    if (watched)
        release(silent, watched);
}

static void begin(struct silent *silent, uint16_t owner, const struct datagram *datagram,
                  uint64_t now_us)
{
    size_t at = 0;
    while (at < OOPSES && silent->all[at].used)
        at++;
    if (at == OOPSES)
        return;
    struct watched *watched = &silent->all[at];
    watched->used = true;
    watched->owner = owner;
    watched->port = datagram->port;
    watched->size = (uint16_t)datagram->bytes.size;
    watched->began_us = watched->heard_us = now_us;
    watched->received_us = datagram->received_us;
    memcpy(watched->bytes, datagram->bytes.bytes, datagram->bytes.size);
    silent->count++;
}

/* The oops was the end. */
static void report(struct silent *silent, struct watched *watched, uint64_t now_us)
{
    const struct line_class class = { .kind = LINE_PRECURSOR };
    const struct proven proven = { .step = STEP_PANIC, .proof = PROOF_SILENT_OOPS };
    struct source *source = sources_at(silent->sources, watched->owner);
    const struct datagram datagram = { .bytes = { watched->bytes, watched->size },
                                       .source = source->address,
                                       .port = watched->port,
                                       .received_us = watched->received_us };
    struct kernel_record record;
    netconsole_open(&silent->reader, watched->bytes, watched->size);
    if (netconsole_next(&silent->reader, &record))
        panics_report(silent->panics, source, &datagram, &record, &class, &proven, now_us);
    release(silent, watched);
}

static bool begins_one(const struct source *source, const struct kernel_record *record,
                       const struct line_class *class)
{
    struct span kdump = dictionary_find(record->dictionary, DICTIONARY_KDUMP);
    return source->is_node && class->kind == LINE_PRECURSOR && record->fragment_total == 0 &&
           kdump.size == 1 && kdump.bytes[0] == '1' && oops_is_header(record->text);
}

/* The kernel goes on after it, or died in its own words. */
static bool ends_one(const struct kernel_record *record, const struct proven *proven)
{
    return proven->step == STEP_PANIC || proven->step == STEP_HALT ||
           proven->step == STEP_BELONGS ||
           (record->facility == 0 && span_starts(record->text, "---[ end trace "));
}

void silent_line(struct silent *silent, struct source *source, const struct datagram *datagram,
                 const struct kernel_record *record, const struct line_class *class,
                 const struct proven *proven, bool authentic, uint64_t now_us)
{
    uint16_t index = sources_index(silent->sources, source);
    struct watched *watched = find(silent, index);
    if (watched && proven->rebooted && now_us - watched->heard_us <= SILENCE_US) {
        report(silent, watched, now_us); /* another kernel speaks: that one is over */
    } else if (watched && (ends_one(record, proven) || now_us - watched->began_us > LIFE_US)) {
        release(silent, watched);
    } else if (watched) {
        watched->heard_us = now_us;
    } else if (authentic && begins_one(source, record, class)) {
        begin(silent, index, datagram, now_us);
    }
}

void silent_expire(struct silent *silent, uint64_t now_us)
{
    for (size_t i = 0; silent->count > 0 && i < OOPSES; i++) {
        struct watched *watched = &silent->all[i];
        if (watched->used && now_us - watched->heard_us >= SILENCE_US &&
            panics_have_room(silent->panics, &sources_at(silent->sources, watched->owner)->address))
            report(silent, watched, now_us);
    }
}
