#include "listener/whole.h"

#include "listener/dictionary.h"

#include <stdio.h>
#include <string.h>

struct writer {
    char *out;
    size_t used;
};

void whole_header(const struct kernel_record *record, char header[WHOLE_HEADER_SIZE])
{
    snprintf(header, WHOLE_HEADER_SIZE, "%.*s%s%llu,%llu,%llu,-;", (int)record->release.size,
             record->release.size > 0 ? record->release.bytes : "",
             record->release.size > 0 ? "," : "",
             (unsigned long long)(record->facility << 3 | record->level),
             (unsigned long long)record->seq, (unsigned long long)record->kernel_us);
}

static size_t pair_size(const char *key, struct span value)
{
    return value.size > 0 ? strlen(key) + value.size + strlen(" =\n") : 0;
}

static void write_bytes(struct writer *writer, const char *bytes, size_t size)
{
    memcpy(writer->out + writer->used, bytes, size);
    writer->used += size;
}

/* Nothing when it does not fit, or has no value. */
static void write_pair(struct writer *writer, struct span key, struct span value)
{
    size_t size = key.size + value.size + strlen(" =\n");
    if (value.size == 0 || size > NETCONSOLE_DATAGRAM_MAX - writer->used)
        return;
    write_bytes(writer, " ", 1);
    write_bytes(writer, key.bytes, key.size);
    write_bytes(writer, "=", 1);
    write_bytes(writer, value.bytes, value.size);
    write_bytes(writer, "\n", 1);
}

static void write_rest(struct writer *writer, struct span dictionary)
{
    struct dictionary at = { .rest = dictionary };
    struct span key, value;
    while (dictionary_next(&at, &key, &value))
        if (!dictionary_is(key, DICTIONARY_TOKEN) && !dictionary_is(key, DICTIONARY_NODE) &&
            !dictionary_is(key, DICTIONARY_BOOT))
            write_pair(writer, key, value);
}

size_t whole_print(const char *header, struct span body, char out[NETCONSOLE_DATAGRAM_MAX])
{
    struct writer writer = { .out = out };
    const char *end = memchr(body.bytes, '\n', body.size);
    size_t text = end ? (size_t)(end - body.bytes) : body.size;
    struct span dictionary = { body.bytes + text, body.size - text };
    if (end)
        dictionary.bytes++, dictionary.size--;
    struct span node = dictionary_find(dictionary, DICTIONARY_NODE);
    struct span boot = dictionary_find(dictionary, DICTIONARY_BOOT);
    size_t claims = pair_size(DICTIONARY_NODE, node) + pair_size(DICTIONARY_BOOT, boot);
    size_t room = NETCONSOLE_DATAGRAM_MAX - strlen(header) - 1;
    if (claims > room / 2) /* no kernel's: it has 200 bytes for a value */
        claims = 0;
    write_bytes(&writer, header, strlen(header));
    write_bytes(&writer, body.bytes, text < room - claims ? text : room - claims);
    write_bytes(&writer, "\n", 1);
    write_pair(&writer, (struct span){ DICTIONARY_NODE, strlen(DICTIONARY_NODE) }, node);
    write_pair(&writer, (struct span){ DICTIONARY_BOOT, strlen(DICTIONARY_BOOT) }, boot);
    write_rest(&writer, dictionary);
    return writer.used;
}
