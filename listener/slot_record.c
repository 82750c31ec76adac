#include "listener/slot_record.h"

#include "common/text.h"
#include "listener/dictionary.h"
#include "listener/ours.h"

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

/* Never with the token. */
static void read_pairs(const struct slot *slot, struct span dictionary, struct arena *arena,
                       struct pairs *out)
{
    struct pair *pairs = arena_alloc(arena, PAIRS_MAX * sizeof(*pairs));
    struct dictionary at = { .rest = dictionary };
    struct span key, value;
    size_t count = 0;
    while (count < PAIRS_MAX && dictionary_next(&at, &key, &value)) {
        bool claim = dictionary_is(key, DICTIONARY_NODE) || dictionary_is(key, DICTIONARY_BOOT);
        if (dictionary_is(key, DICTIONARY_TOKEN) || (claim && slot->stands_for_others))
            continue;
        const char *name = printable(key, 0, arena);
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

static bool says_alike(struct span one, struct span other, const char *key)
{
    struct span a = dictionary_find(one, key), b = dictionary_find(other, key);
    return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

bool slot_says_alike(const struct slot *one, const struct slot *other)
{
    struct netconsole first, second;
    struct kernel_record a = { .text = { "", 0 } }, b = a;
    find_record(one, &first, &a);
    find_record(other, &second, &b);
    return says_alike(a.dictionary, b.dictionary, DICTIONARY_NODE) &&
           says_alike(a.dictionary, b.dictionary, DICTIONARY_BOOT);
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
    read_pairs(slot, said->dictionary, arena, &panic->userdata);
    if (said->release.size > 0)
        panic->release = printable(said->release, RELEASE_MAX, arena);
    else
        panic->release = value_of(panic->userdata.pair, panic->userdata.count, "release");
}

static void drill_record(const struct slot *slot, const struct kernel_record *said,
                         struct arena *arena, struct drill *drill)
{
    struct ours ours;
    ours_read(LINE_DRILL, said->text, &ours);
    *drill = (struct drill){
        .id = slot->id,
        .port = slot->port,
        .received_us = slot->received_us,
        .node = printable(ours.node, 0, arena),
        .boot = printable(ours.boot, 0, arena),
        .drill = printable(ours.drill, 0, arena),
    };
}

static void late_record(const struct slot *slot, const struct kernel_record *said,
                        struct arena *arena, struct late *late)
{
    struct ours ours;
    ours_read(LINE_LATE, said->text, &ours);
    bool timed = said->kernel_us != RECORD_ABSENT && said->kernel_us < slot->received_us;
    *late = (struct late){
        .id = slot->id,
        .port = slot->port,
        .received_us = slot->received_us,
        .boot = printable(ours.boot, 0, arena),
        .booted_us = timed ? slot->received_us - said->kernel_us : RECORD_ABSENT,
        .text = one_line(ours.text, arena),
        .reason_code = slot->reason_code,
        .reason = slot->reason,
    };
    read_pairs(slot, said->dictionary, arena, &late->userdata);
}

enum record_kind slot_record_kind(const struct slot *slot)
{
    static const enum record_kind kinds[] = {
        [SLOT_PANIC] = RECORD_PANIC,
        [SLOT_HALT] = RECORD_HALT,
        [SLOT_DRILL] = RECORD_DRILL,
        [SLOT_LATE] = RECORD_LATE,
    };
    return kinds[slot->kind];
}

static void halt_record(const struct slot *slot, const struct kernel_record *said,
                        struct arena *arena, struct halt *halt)
{
    *halt = (struct halt){
        .id = slot->id, .port = slot->port, .received_us = slot->received_us, .kind = slot->detail
    };
    read_pairs(slot, said->dictionary, arena, &halt->userdata);
}

void slot_record(const struct slot *slot, struct arena *arena, struct record *record)
{
    struct netconsole *reader = arena_alloc(arena, sizeof(*reader));
    struct kernel_record said = { .text = { "", 0 } };
    find_record(slot, reader, &said);
    char *source = arena_alloc(arena, ADDRESS_TEXT_SIZE);
    address_print(&slot->source, source);
    record->kind = slot_record_kind(slot);
    switch ((enum slot_kind)slot->kind) {
    case SLOT_PANIC:
        panic_record(slot, &said, arena, &record->panic);
        record->panic.source = source;
        break;
    case SLOT_HALT:
        halt_record(slot, &said, arena, &record->halt);
        record->halt.source = source;
        break;
    case SLOT_DRILL:
        drill_record(slot, &said, arena, &record->drill);
        record->drill.source = source;
        break;
    case SLOT_LATE:
        late_record(slot, &said, arena, &record->late);
        record->late.source = source;
        break;
    }
}
