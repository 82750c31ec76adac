/*
 * A thin coat over yajl's streaming parser: its callbacks become one event function, and what it
 * leaves open gets a bound.
 *
 * yajl keeps one byte a nesting level and a copy of a string only while it straddles two chunks.
 * Both grow for as long as the input says so: depth is bounded in the callbacks, and a token by
 * counting the bytes that were fed since the last event.
 *
 * The end is not told to yajl.  yajl_complete_parse() takes a string that was cut off after a
 * first whole value for fine, and no value at all for an error, while a watch that ends before its
 * first event is no error.  A line break does better: it ends a number, is refused inside of a
 * string or a literal, and is nothing anywhere else; what is left open then is our own depth.
 *
 * Records are looked at once more, before they are parsed (json_text_flaw): yajl lets overlong
 * UTF-8 pass, turns a lone surrogate into '?' and \u0000 into a NUL that would end a C string
 * early.  Numbers come as they were written, so 1e999 is refused by whoever wants a count.
 */
#include "common/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "common/json_memory.h"
#include "common/memory.h"
#include "common/text.h"

/* etcd takes no object above 1.5 MiB, so no honest string comes near. */
#define TOKEN_MAX ((size_t)8 << 20)

struct json_reader {
    yajl_handle yajl;
    json_handler *handler;
    void *arg;
    size_t depth, depth_max;
    uint64_t fed;       /* bytes of the chunks before the current one */
    uint64_t opened_at; /* how many bytes there were up to the latest bracket that opens, with it */
    size_t quiet;       /* bytes fed since the last event */
    bool had_event;
    const char *refusal; /* why a callback stopped yajl */
    char error[160];
};

static void *memory_new(void *context, size_t size)
{
    (void)context;
    return xmalloc(size);
}

static void *memory_resize(void *context, void *block, size_t size)
{
    (void)context;
    return xrealloc(block, size);
}

static void memory_free(void *context, void *block)
{
    (void)context;
    free(block);
}

yajl_alloc_funcs json_memory = { memory_new, memory_resize, memory_free, NULL };

static int pass(struct json_reader *reader, enum json_event event, const char *text, size_t size)
{
    reader->had_event = true;
    if (reader->handler(reader->arg, event, text, size))
        return 1;
    reader->refusal = "refused";
    return 0;
}

static int pass_open(struct json_reader *reader, enum json_event event)
{
    if (reader->depth == reader->depth_max) {
        reader->refusal = "nested too deep";
        return 0;
    }
    reader->depth++;
    reader->opened_at = reader->fed + yajl_get_bytes_consumed(reader->yajl);
    return pass(reader, event, NULL, 0);
}

static int pass_close(struct json_reader *reader, enum json_event event)
{
    reader->depth--;
    return pass(reader, event, NULL, 0);
}

static int on_object(void *arg)
{
    return pass_open(arg, JSON_OBJECT);
}

static int on_object_end(void *arg)
{
    return pass_close(arg, JSON_OBJECT_END);
}

static int on_array(void *arg)
{
    return pass_open(arg, JSON_ARRAY);
}

static int on_array_end(void *arg)
{
    return pass_close(arg, JSON_ARRAY_END);
}

static int on_key(void *arg, const unsigned char *text, size_t size)
{
    return pass(arg, JSON_KEY, (const char *)text, size);
}

static int on_string(void *arg, const unsigned char *text, size_t size)
{
    return pass(arg, JSON_STRING, (const char *)text, size);
}

static int on_number(void *arg, const char *text, size_t size)
{
    return pass(arg, JSON_NUMBER, text, size);
}

static int on_boolean(void *arg, int value)
{
    return pass(arg, value ? JSON_TRUE : JSON_FALSE, NULL, 0);
}

static int on_null(void *arg)
{
    return pass(arg, JSON_NULL, NULL, 0);
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_object,
    .yajl_map_key = on_key,
    .yajl_end_map = on_object_end,
    .yajl_start_array = on_array,
    .yajl_end_array = on_array_end,
};

struct json_reader *json_reader_new(json_handler *handler, void *arg, size_t depth_max)
{
    struct json_reader *reader = xcalloc(1, sizeof(*reader));
    reader->handler = handler;
    reader->arg = arg;
    reader->depth_max = depth_max;
    reader->yajl = yajl_alloc(&callbacks, &json_memory, reader);
    yajl_config(reader->yajl, yajl_allow_multiple_values, 1);
    return reader;
}

void json_reader_free(struct json_reader *reader)
{
    if (!reader)
        return;
    yajl_free(reader->yajl);
    free(reader);
}

static bool fail(struct json_reader *reader, const char *what, size_t what_size, uint64_t at)
{
    snprintf(reader->error, sizeof(reader->error), "%.*s at byte %llu", (int)what_size, what,
             (unsigned long long)at);
    return false;
}

static bool fail_by_yajl(struct json_reader *reader)
{
    uint64_t at = reader->fed + yajl_get_bytes_consumed(reader->yajl);
    if (reader->refusal)
        return fail(reader, reader->refusal, strlen(reader->refusal), at);
    unsigned char *text = yajl_get_error(reader->yajl, 0, NULL, 0);
    fail(reader, (const char *)text, strcspn((const char *)text, ".\n"), at);
    yajl_free_error(reader->yajl, text);
    return false;
}

bool json_reader_feed(struct json_reader *reader, const char *bytes, size_t size)
{
    if (reader->error[0] != '\0')
        return false;
    reader->had_event = false;
    if (yajl_parse(reader->yajl, (const unsigned char *)bytes, size) != yajl_status_ok)
        return fail_by_yajl(reader);
    reader->fed += size;
    reader->quiet = reader->had_event ? 0 : reader->quiet + size;
    if (reader->quiet > TOKEN_MAX)
        return fail(reader, "too long a token", strlen("too long a token"), reader->fed);
    return true;
}

bool json_reader_has_just_opened(const struct json_reader *reader)
{
    return reader->opened_at == reader->fed;
}

void json_reader_pass(struct json_reader *reader, size_t size)
{
    reader->fed += size;
}

bool json_reader_end(struct json_reader *reader)
{
    if (reader->error[0] != '\0')
        return false;
    uint64_t end = reader->fed;
    if (json_reader_feed(reader, "\n", 1) && reader->depth == 0)
        return true;
    if (reader->refusal)
        return false;
    return fail(reader, "cut short", strlen("cut short"), end);
}

const char *json_reader_error(const struct json_reader *reader)
{
    return reader->error;
}

/* The code unit of the \uXXXX escape at BYTES; false when there is none. */
static bool code_unit(const char *bytes, size_t size, unsigned *unit)
{
    if (size < 6 || bytes[0] != '\\' || bytes[1] != 'u')
        return false;
    *unit = 0;
    for (size_t i = 2; i < 6; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = bytes[i] ? strchr(digits, bytes[i] | 0x20) : NULL;
        if (!digit)
            return false;
        *unit = *unit << 4 | (unsigned)(digit - digits);
    }
    return true;
}

/* What is wrong with the escape at BYTES; *LENGTH is how far it (with its other half) goes. */
static const char *escape_flaw(const char *bytes, size_t size, size_t *length)
{
    unsigned unit, low;
    *length = size < 2 ? size : 2;
    if (!code_unit(bytes, size, &unit))
        return NULL;
    *length = 6;
    if (unit == 0)
        return "the escape \\u0000";
    if (unit < 0xd800 || unit > 0xdfff)
        return NULL;
    bool paired =
        unit < 0xdc00 && code_unit(bytes + 6, size - 6, &low) && low >= 0xdc00 && low <= 0xdfff;
    *length = 12;
    return paired ? NULL : "half of a surrogate pair";
}

const char *json_text_flaw(const char *bytes, size_t size)
{
    if (memchr(bytes, '\0', size))
        return "a NUL byte";
    if (!text_is_utf8(bytes, size))
        return "not UTF-8";
    const char *end = bytes + size, *at = bytes;
    while ((at = memchr(at, '\\', (size_t)(end - at)))) {
        size_t length;
        const char *flaw = escape_flaw(at, (size_t)(end - at), &length);
        if (flaw)
            return flaw;
        at += length;
    }
    return NULL;
}

bool json_count(const char *text, size_t size, uint64_t max, uint64_t *count)
{
    if (size == 0 || (size > 1 && text[0] == '0'))
        return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        unsigned digit = (unsigned)(text[i] - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    if (sum > max)
        return false;
    *count = sum;
    return true;
}
