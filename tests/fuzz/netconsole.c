/*
 * A datagram of any bytes through parser, classifier and dictionary: no record may point outside of
 * what it was made from, and a panic line of another facility than the kernel's stays a forgery.
 */
#include "listener/classify.h"
#include "listener/netconsole.h"
#include "listener/oops.h"
#include "listener/ours.h"
#include "listener/reasons.h"

#include "tests/fuzz/target.h"

#include <stdlib.h>

static void within(struct span inner, const char *bytes, size_t size)
{
    if (inner.size > 0 && (inner.bytes < bytes || inner.bytes + inner.size > bytes + size))
        abort();
}

static void check_dictionary(struct span dictionary)
{
    struct span key, value, whole = dictionary;
    while (netconsole_pair(&dictionary, &key, &value)) {
        within(key, whole.bytes, whole.size);
        within(value, whole.bytes, whole.size);
    }
}

static void check_record(const struct netconsole *reader, const struct kernel_record *record)
{
    const char *bytes = reader->datagram.bytes;
    size_t size = reader->datagram.size;
    if (record->text.bytes == reader->text)
        within(record->text, reader->text, sizeof(reader->text));
    else
        within(record->text, bytes, size);
    within(record->body, bytes, size);
    within(record->release, bytes, size);
    within(record->dictionary, bytes, size);
    if (record->fragment_total > 0 &&
        record->fragment_at + record->body.size > record->fragment_total)
        abort();
    check_dictionary(record->dictionary);
}

static void check_meaning(const struct kernel_record *record)
{
    struct line_class class = classify(record);
    bool kernel = record->facility == RECORD_ABSENT || record->facility == 0;
    if (!kernel && class.kind != LINE_PLAIN && class.kind != LINE_FORGED &&
        !line_is_ours(class.kind))
        abort();
    within(class.what, record->text.bytes, record->text.size);
    struct ours ours;
    if (line_is_ours(class.kind) && ours_read(class.kind, record->text, &ours)) {
        within(ours.node, record->text.bytes, record->text.size);
        within(ours.boot, record->text.bytes, record->text.size);
        within(ours.drill, record->text.bytes, record->text.size);
        within(ours.text, record->text.bytes, record->text.size);
    }
    struct oops oops;
    char text[OOPS_TEXT_SIZE], reason[256];
    if (oops_find(&record->text, 1, &oops))
        oops_print(&oops, text);
    reason_write(REASON_OOPS, record->text, &record->text, 1, reason, sizeof(reason));
    reason_code_of(record->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct netconsole reader;
    struct kernel_record record;
    if (size > NETCONSOLE_DATAGRAM_MAX)
        size = NETCONSOLE_DATAGRAM_MAX;
    netconsole_open(&reader, (const char *)data, size);
    while (netconsole_next(&reader, &record)) {
        check_record(&reader, &record);
        check_meaning(&record);
    }
    netconsole_whole(&reader, (struct span){ (const char *)data, size }, &record);
    return 0;
}
