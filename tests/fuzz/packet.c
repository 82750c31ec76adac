/*
 * A packet of any bytes: decoded or refused with a reason.  What was decoded can be written, is
 * read by the strictest peer, and is written the same again.
 */
#include "common/record.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/target.h"

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_record(const struct record *record)
{
    static char first[RECORD_PACKET_MAX], second[RECORD_PACKET_MAX];
    struct packet packet;
    char why[RECORD_WHY_SIZE];
    size_t size = record_encode(record, first);
    must(packet_decode(first, size, true, &packet, why));
    must(packet.count == 1 && packet.records[0].kind == record->kind);
    must(record_encode(&packet.records[0], second) == size);
    must(memcmp(first, second, size) == 0);
    packet_free(&packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct packet packet;
    char why[RECORD_WHY_SIZE] = "";
    bool strict = packet_decode((const char *)bytes, size, true, &packet, why);
    if (strict)
        packet_free(&packet);
    if (!packet_decode((const char *)bytes, size, false, &packet, why)) {
        must(!strict && why[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < packet.count; i++)
        check_record(&packet.records[i]);
    packet_free(&packet);
    return 0;
}
