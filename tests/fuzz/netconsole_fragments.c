/*
 * Datagrams of any bytes, each behind a byte for its size in steps of 4 and its sender, through
 * parser and reassembly: what is given out lies within the bound, and is read again by the parser.
 */
#include "listener/netconsole.h"
#include "listener/reassemble.h"

#include "tests/fuzz/target.h"

#include <stdlib.h>
#include <string.h>

#define OWNERS  4
#define STEP_US 700000 /* some records time out */

static struct netconsole reader, whole;

static void on_done(void *arg, uint16_t owner, uint64_t kernel_us, struct span body)
{
    (void)arg, (void)kernel_us;
    if (owner >= OWNERS || body.size == 0 || body.size > NETCONSOLE_BODY_MAX)
        abort();
    struct kernel_record record;
    netconsole_whole(&whole, body, &record);
    if (record.text.size > body.size || record.dictionary.size > body.size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reassemble *reassemble = reassemble_new(OWNERS, on_done, NULL);
    uint64_t now_us = 1;
    while (size > 0) {
        uint16_t owner = data[0] % OWNERS;
        size_t length = (size_t)(data[0] / OWNERS) * 4;
        data++, size--;
        length = length < size ? length : size;
        struct kernel_record record;
        netconsole_open(&reader, (const char *)data, length);
        while (netconsole_next(&reader, &record))
            if (record.fragment_total > 0)
                reassemble_add(reassemble, owner, owner % 2, &record, now_us);
        data += length;
        size -= length;
        now_us += STEP_US;
        reassemble_expire(reassemble, now_us);
    }
    reassemble_free(reassemble);
    return 0;
}
