/*
 * Writing JSON over yajl's generator.  yajl writes '"' and '\' with a backslash before them,
 * \b \f \n \r \t so, other bytes below 0x20 as \u00XX, and everything else as it is, '/' and UTF-8
 * included.
 *
 * The generator refuses what would not be JSON (a number where a key must be, a second document
 * without json_writer_clear, nesting over 127).  Each of these is a mistake in the calling code,
 * found by its first test: it aborts.
 */
#include "common/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "common/json_memory.h"
#include "common/memory.h"

struct json_writer {
    yajl_gen yajl;
};

static void must(yajl_gen_status status)
{
    if (status == yajl_gen_status_ok)
        return;
    fprintf(stderr, "json_write: used out of order (yajl status %d)\n", (int)status);
    abort();
}

static void write_string(struct json_writer *writer, const char *text)
{
    must(yajl_gen_string(writer->yajl, (const unsigned char *)text, strlen(text)));
}

static void write_key(struct json_writer *writer, const char *key)
{
    if (key)
        write_string(writer, key);
}

struct json_writer *json_writer_new(void)
{
    struct json_writer *writer = xcalloc(1, sizeof(*writer));
    writer->yajl = yajl_gen_alloc(&json_memory);
    return writer;
}

void json_writer_free(struct json_writer *writer)
{
    if (!writer)
        return;
    yajl_gen_free(writer->yajl);
    free(writer);
}

void json_writer_clear(struct json_writer *writer)
{
    yajl_gen_reset(writer->yajl, NULL);
    yajl_gen_clear(writer->yajl);
}

void json_open_object(struct json_writer *writer, const char *key)
{
    write_key(writer, key);
    must(yajl_gen_map_open(writer->yajl));
}

void json_close_object(struct json_writer *writer)
{
    must(yajl_gen_map_close(writer->yajl));
}

void json_open_array(struct json_writer *writer, const char *key)
{
    write_key(writer, key);
    must(yajl_gen_array_open(writer->yajl));
}

void json_close_array(struct json_writer *writer)
{
    must(yajl_gen_array_close(writer->yajl));
}

void json_text(struct json_writer *writer, const char *key, const char *text)
{
    write_key(writer, key);
    write_string(writer, text);
}

void json_number(struct json_writer *writer, const char *key, uint64_t number)
{
    char digits[24];
    int size = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
    write_key(writer, key);
    must(yajl_gen_number(writer->yajl, digits, (size_t)size));
}

void json_flag(struct json_writer *writer, const char *key, bool flag)
{
    write_key(writer, key);
    must(yajl_gen_bool(writer->yajl, flag));
}

void json_null(struct json_writer *writer, const char *key)
{
    write_key(writer, key);
    must(yajl_gen_null(writer->yajl));
}

/* yajl takes the text of a number on trust, and so anything. */
void json_raw(struct json_writer *writer, const char *key, const char *json)
{
    write_key(writer, key);
    must(yajl_gen_number(writer->yajl, json, strlen(json)));
}

const char *json_written(const struct json_writer *writer, size_t *size)
{
    const unsigned char *text;
    must(yajl_gen_get_buf(writer->yajl, &text, size));
    return (const char *)text;
}
