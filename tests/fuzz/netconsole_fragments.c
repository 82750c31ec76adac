/*
 * Datagrams of any bytes, each behind a byte for its size in steps of 4 and its sender, through
 * parser and reassembly: what is given out lies within the bound, and is read again by the parser.
 */
#include "listener/dictionary.h"
#include "listener/reassemble.h"

#include "tests/fuzz/target.h"

#include <stdlib.h>
#include <string.h>

#define OWNERS  4
#define STEP_US 700000 /* some records time out */

#define TIMEOUT_US 5000000

static struct netconsole reader, whole, printed;

/* Written as one datagram it is one record, and has no token. */
static void check_printed(const char *header, struct span body)
{
    char bytes[NETCONSOLE_DATAGRAM_MAX];
    struct kernel_record record;
    size_t size = whole_print(header, body, bytes);
    if (size > sizeof(bytes) || netconsole_open(&printed, bytes, size) != DATAGRAM_EXTENDED ||
        !netconsole_next(&printed, &record) || netconsole_next(&printed, &record))
        abort();
    if (dictionary_find(record.dictionary, DICTIONARY_TOKEN).size > 0)
        abort();
}

static void on_done(void *arg, uint16_t owner, uint64_t kernel_us, struct span body,
                    const struct awaited *awaited)
{
    (void)arg, (void)kernel_us;
    if (owner >= OWNERS || body.size == 0 || body.size > NETCONSOLE_BODY_MAX)
        abort();
    struct kernel_record record;
    netconsole_whole(&whole, body, &record);
    if (record.text.size > body.size || record.dictionary.size > body.size)
        abort();
    if (awaited)
        check_printed(awaited->header, body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reassemble *reassemble = reassemble_new(TIMEOUT_US, on_done, NULL);
    uint64_t now_us = 1;
    while (size > 0) {
        uint16_t owner = data[0] % OWNERS;
        size_t length = (size_t)(data[0] / OWNERS) * 4;
        data++, size--;
        length = length < size ? length : size;
        struct kernel_record record;
        struct awaited awaited = { 0 };
        netconsole_open(&reader, (const char *)data, length);
        while (netconsole_next(&reader, &record)) {
            if (record.fragment_total == 0)
                continue;
            whole_header(&record, awaited.header);
            bool awaits = owner < OWNERS / 2 && record.fragment_at == 0;
            reassemble_add(reassemble, owner, owner % 2, &record, awaits ? &awaited : NULL, now_us);
        }
        data += length;
        size -= length;
        now_us += STEP_US;
        reassemble_expire(reassemble, now_us);
    }
    reassemble_free(reassemble);
    return 0;
}
