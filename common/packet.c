/*
 * A packet to records: all of its lines, or none.
 *
 * Members of a record may come in any order (jq and Go sort them), so each line is read twice: once
 * for its version and type, by which the second reading, record_decode.c, knows the fields.  The
 * first also settles that the line is JSON, so what the second finds wrong is wrong by our rules.
 */
#include "common/record.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/record_decode.h"
#include "common/text.h"

static const struct json_pick_row head_rows[] = { { "v" }, { "type" }, { NULL } };

struct head {
    uint64_t v;
    char type[16];
    bool has_v, has_type;
};

static void on_head(void *arg, unsigned row, enum json_event event, const char *key,
                    const char *text, size_t size)
{
    struct head *head = arg;
    (void)key;
    if (row == 0 && event == JSON_NUMBER)
        head->has_v = json_count(text, size, RECORD_NUMBER_MAX, &head->v);
    if (row == 1 && event == JSON_STRING) {
        head->has_type = true;
        text_printable(head->type, sizeof(head->type), text, size, 0);
    }
}

static bool read_head(const char *line, size_t size, struct head *head, char *flaw)
{
    struct json_pick *pick = json_pick_new(head_rows, on_head, head);
    bool good = json_pick_feed(pick, line, size) && json_pick_end(pick);
    if (!good)
        snprintf(flaw, RECORD_FLAW_SIZE, "%s", json_pick_error(pick));
    else if (!head->has_v || !head->has_type)
        snprintf(flaw, RECORD_FLAW_SIZE, "no record: \"%s\" is missing or of the wrong kind",
                 head->has_type ? "v" : "type");
    json_pick_free(pick);
    return good && head->has_v && head->has_type;
}

static bool find_kind(const struct head *head, enum record_kind *kind, char *flaw)
{
    for (*kind = 0; *kind < RECORD_KINDS; (*kind)++) {
        if (strcmp(head->type, record_types[*kind].name) == 0)
            return true;
    }
    snprintf(flaw, RECORD_FLAW_SIZE, "unknown type \"%s\"", head->type);
    return false;
}

/* Whether we read what somebody writes who speaks the versions from LEAST to MOST. */
static bool is_spoken(uint64_t least, uint64_t most, char *flaw)
{
    if (least <= RECORD_VERSION && most >= RECORD_MIN_VERSION && least <= most)
        return true;
    snprintf(flaw, RECORD_FLAW_SIZE, "version %llu to %llu, and this program reads %d to %d",
             (unsigned long long)least, (unsigned long long)most, RECORD_MIN_VERSION,
             RECORD_VERSION);
    return false;
}

/* A hello says how far back its sender goes; every other record is in its sender's version. */
static bool decode_line(const char *line, size_t size, bool strict, struct arena *arena,
                        struct record *record, char flaw[RECORD_FLAW_SIZE])
{
    struct head head = { 0 };
    enum record_kind kind;
    const char *bytes_flaw = json_text_flaw(line, size);
    if (bytes_flaw) {
        snprintf(flaw, RECORD_FLAW_SIZE, "%s", bytes_flaw);
        return false;
    }
    if (!read_head(line, size, &head, flaw) || !find_kind(&head, &kind, flaw))
        return false;
    if (kind != RECORD_HELLO && !is_spoken(head.v, head.v, flaw))
        return false;
    strict = strict && head.v <= RECORD_VERSION;
    if (!record_decode(line, size, kind, strict, arena, record, flaw))
        return false;
    return kind != RECORD_HELLO || is_spoken(record->hello.min_v, head.v, flaw);
}

static const char *frame_flaw(const char *bytes, size_t size)
{
    if (size == 0)
        return "an empty packet";
    if (size > RECORD_PACKET_MAX)
        return "a packet over 65536 bytes";
    return bytes[size - 1] == '\n' ? NULL : "the last line has no line break";
}

/* Grows as lines turn out good: 64 KiB of line breaks are not worth an array for each. */
static struct record *next_record(struct packet *packet, size_t *cap)
{
    if (packet->count == *cap) {
        const struct record *old = packet->records;
        *cap = *cap > 0 ? 4 * *cap : 1;
        packet->records = arena_alloc(&packet->arena, *cap * sizeof(struct record));
        if (packet->count > 0)
            memcpy(packet->records, old, packet->count * sizeof(struct record));
    }
    return &packet->records[packet->count++];
}

bool packet_decode(const char *bytes, size_t size, bool strict, struct packet *packet,
                   char why[RECORD_WHY_SIZE])
{
    const char *flaw = frame_flaw(bytes, size), *end = bytes + size;
    if (flaw) {
        snprintf(why, RECORD_WHY_SIZE, "%s", flaw);
        return false;
    }
    *packet = (struct packet){ .count = 0 };
    size_t cap = 0;
    for (const char *line = bytes, *next; line < end; line = next) {
        char line_flaw[RECORD_FLAW_SIZE];
        struct record *record = next_record(packet, &cap);
        next = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1;
        if (!decode_line(line, (size_t)(next - 1 - line), strict, &packet->arena, record,
                         line_flaw)) {
            snprintf(why, RECORD_WHY_SIZE, "line %zu: %s", packet->count, line_flaw);
            packet_free(packet);
            return false;
        }
    }
    return true;
}

void packet_free(struct packet *packet)
{
    arena_free(&packet->arena);
    packet->records = NULL;
    packet->count = 0;
}
