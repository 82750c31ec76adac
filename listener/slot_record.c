#include "listener/slot_record.h"

#include "common/text.h"

#include <string.h>

#define TEXT_MAX    4096
#define PAIRS_MAX   64
#define RELEASE_MAX 64

static const char *printable(struct span span, size_t max, struct arena *arena)
{
    char *text = arena_alloc(arena, span.size + 1);
    text_printable(text, span.size + 1, span.bytes, span.size, max);
    return text;
}

/* What a record of several lines says, on one. */
static const char *one_line(struct span span, struct arena *arena)
{
    char *text = arena_copy(arena, span.bytes, span.size);
    for (size_t i = 0; i < span.size; i++)
        if (text[i] == '\n')
            text[i] = ' ';
    return printable((struct span){ text, span.size }, TEXT_MAX, arena);
}

static const char *value_of(const struct pair *pairs, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(pairs[i].key, key) == 0)
            return pairs[i].value;
    return NULL;
}

/*
 * The dictionary: what root configured (userdata), then what the kernel adds (sysdata: cpu,
 * taskname, release, msgid, in this order).  A task names itself as it likes, with newlines too,
 * so after a task's name only what the kernel can still add is believed; and the first of two
 * values stands.
 */
static void read_pairs(struct span dictionary, struct arena *arena, struct pairs *out)
{
    struct pair *pairs = arena_alloc(arena, PAIRS_MAX * sizeof(*pairs));
    size_t count = 0;
    bool after_task = false;
    struct span key, value;
    while (count < PAIRS_MAX && netconsole_pair(&dictionary, &key, &value)) {
        const char *name = printable(key, 0, arena);
        if (after_task && strcmp(name, "release") != 0 && strcmp(name, "msgid") != 0)
            continue;
        after_task = after_task || strcmp(name, "taskname") == 0;
        if (!value_of(pairs, count, name))
            pairs[count++] = (struct pair){ name, printable(value, 0, arena) };
    }
    *out = (struct pairs){ count, pairs };
}

static void find_record(const struct slot *slot, struct netconsole *reader,
                        struct kernel_record *record)
{
    netconsole_open(reader, slot->datagram, slot->size);
    while (netconsole_next(reader, record) && record->offset != slot->offset)
        ;
}

static void panic_record(const struct slot *slot, const struct kernel_record *said,
                         struct arena *arena, struct panic *panic)
{
    *panic = (struct panic){
        .id = slot->id,
        .port = slot->port,
        .received_us = slot->received_us,
        .proof = slot->detail,
        .format = said->format,
        .facility = said->facility,
        .level = said->level,
        .seq = said->seq,
        .kernel_us = said->kernel_us,
        .text = one_line(said->text, arena),
        .reason_code = slot->reason_code,
        .reason = slot->reason,
    };
    read_pairs(said->dictionary, arena, &panic->userdata);
    if (said->release.size > 0)
        panic->release = printable(said->release, RELEASE_MAX, arena);
    else
        panic->release = value_of(panic->userdata.pair, panic->userdata.count, "release");
}

void slot_record(const struct slot *slot, struct arena *arena, struct record *record)
{
    struct netconsole *reader = arena_alloc(arena, sizeof(*reader));
    struct kernel_record said = { .text = { "", 0 } };
    find_record(slot, reader, &said);
    char *source = arena_alloc(arena, ADDRESS_TEXT_SIZE);
    address_print(&slot->source, source);
    if (slot->kind == SLOT_PANIC) {
        record->kind = RECORD_PANIC;
        panic_record(slot, &said, arena, &record->panic);
        record->panic.source = source;
        return;
    }
    record->kind = RECORD_HALT;
    record->halt = (struct halt){ .id = slot->id,
                                  .source = source,
                                  .port = slot->port,
                                  .received_us = slot->received_us,
                                  .kind = slot->detail };
    read_pairs(said.dictionary, arena, &record->halt.userdata);
}
