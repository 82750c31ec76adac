/*
 * Bytes to a record: one event handler driven by the fields that record_table.c names.
 *
 * The handler knows three depths: outside, among the record's members, and inside a field's
 * container.  `field` is the member under way, NULL for one that is skipped (v, type, unknown).
 * The entries of a container gather in one array that grows, and are copied to the arena when the
 * container closes; each is charged to the field's budget as it comes, so the array is bounded.
 */
#include "common/record_decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/record_budget.h"

/* The record, a container in it, and one more in an unknown field that a newer peer sends. */
#define DEPTH_MAX 3

/* How much of what a peer sent an error shows. */
#define SHOWN_SIZE 33

/* Bits of `seen` behind those of the fields. */
#define SEEN_V    (UINT64_C(1) << 62)
#define SEEN_TYPE (UINT64_C(1) << 63)

struct entry {
    const char *text; /* a line or a key */
    const char *value;
    uint64_t number;
};

struct decoder {
    const struct record_type *type;
    char *base; /* what the fields' `at` counts from */
    bool strict;
    struct arena *arena;
    char *flaw;
    size_t depth;
    bool begun;
    uint64_t seen; /* bit N: the type's field N was there */
    const struct field *field;
    struct entry *entries;
    size_t count, cap, cost;
};

static bool fail(struct decoder *decoder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fail(struct decoder *decoder, const char *format, ...)
{
    size_t used = 0;
    text_append(decoder->flaw, RECORD_FLAW_SIZE, &used, "%s: ", decoder->type->name);
    if (decoder->field)
        text_append(decoder->flaw, RECORD_FLAW_SIZE, &used, "field \"%s\": ", decoder->field->name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(decoder->flaw + used, RECORD_FLAW_SIZE - used, format, arguments);
    va_end(arguments);
    return false;
}

static bool fail_kind(struct decoder *decoder)
{
    static const char *const words[] = {
        [FIELD_TEXT] = "a text",
        [FIELD_COUNT] = "a whole number",
        [FIELD_FLAG] = "true or false",
        [FIELD_CHOICE] = "a text",
        [FIELD_LINES] = "an array of texts",
        [FIELD_PAIRS] = "an object of texts",
        [FIELD_COUNTS] = "an object of whole numbers",
    };
    return fail(decoder, "not %s", words[decoder->field->kind]);
}

static bool fail_budget(struct decoder *decoder)
{
    return fail(decoder, "over %llu bytes", (unsigned long long)decoder->field->max);
}

static void *field_at(const struct decoder *decoder)
{
    return decoder->base + decoder->field->at;
}

static const char *show(char shown[SHOWN_SIZE], const char *text, size_t size)
{
    text_printable(shown, SHOWN_SIZE, text, size, 0);
    return shown;
}

static bool is_name(const char *name, const char *text, size_t size)
{
    return strlen(name) == size && memcmp(name, text, size) == 0;
}

static bool take_text(struct decoder *decoder, const char *text, size_t size)
{
    const char *copy = arena_copy(decoder->arena, text, size);
    *(const char **)field_at(decoder) = copy;
    return text_encoded_size(copy) <= decoder->field->max || fail_budget(decoder);
}

static bool read_number(struct decoder *decoder, const char *text, size_t size, uint64_t max,
                        uint64_t *number)
{
    char shown[SHOWN_SIZE];
    if (json_count(text, size, max, number))
        return true;
    if (!json_count(text, size, UINT64_MAX, number))
        return fail_kind(decoder);
    return fail(decoder, "%s is over %llu", show(shown, text, size), (unsigned long long)max);
}

static bool take_choice(struct decoder *decoder, const char *text, size_t size)
{
    char shown[SHOWN_SIZE];
    const char *const *choices = decoder->field->choices;
    for (unsigned i = 0; choices[i] && size > 0; i++) {
        if (is_name(choices[i], text, size)) {
            *(unsigned *)field_at(decoder) = i;
            return true;
        }
    }
    return fail(decoder, "\"%s\" is none of its words", show(shown, text, size));
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->text, ((const struct entry *)b)->text);
}

/* Sorts the entries, which are copied by then. */
static bool keys_differ(struct decoder *decoder)
{
    struct entry *entries = decoder->entries;
    if (decoder->count > 1)
        qsort(entries, decoder->count, sizeof(*entries), compare_entries);
    for (size_t i = 1; i < decoder->count; i++) {
        char shown[SHOWN_SIZE];
        if (compare_entries(&entries[i - 1], &entries[i]) == 0)
            return fail(decoder, "key \"%s\" twice",
                        show(shown, entries[i].text, strlen(entries[i].text)));
    }
    return true;
}

static void copy_lines(struct decoder *decoder)
{
    const char **line = arena_alloc(decoder->arena, decoder->count * sizeof(*line));
    for (size_t i = 0; i < decoder->count; i++)
        line[i] = decoder->entries[i].text;
    *(struct lines *)field_at(decoder) = (struct lines){ decoder->count, line };
}

static void copy_pairs(struct decoder *decoder)
{
    struct pair *pair = arena_alloc(decoder->arena, decoder->count * sizeof(*pair));
    for (size_t i = 0; i < decoder->count; i++)
        pair[i] = (struct pair){ decoder->entries[i].text, decoder->entries[i].value };
    *(struct pairs *)field_at(decoder) = (struct pairs){ decoder->count, pair };
}

static void copy_counts(struct decoder *decoder)
{
    struct count *item = arena_alloc(decoder->arena, decoder->count * sizeof(*item));
    for (size_t i = 0; i < decoder->count; i++)
        item[i] = (struct count){ decoder->entries[i].text, decoder->entries[i].number };
    *(struct counts *)field_at(decoder) = (struct counts){ decoder->count, item };
}

/* A container opens or closes. */
static bool on_container(struct decoder *decoder, enum json_event event)
{
    enum field_kind kind = decoder->field->kind;
    bool is_array = kind == FIELD_LINES;
    if (event == (is_array ? JSON_ARRAY : JSON_OBJECT)) {
        decoder->count = 0;
        decoder->cost = 0;
        return true;
    }
    if (event != (is_array ? JSON_ARRAY_END : JSON_OBJECT_END))
        return fail_kind(decoder);
    if (kind == FIELD_LINES)
        copy_lines(decoder);
    else if (kind == FIELD_PAIRS)
        copy_pairs(decoder);
    else
        copy_counts(decoder);
    return is_array || keys_differ(decoder);
}

static bool charge(struct decoder *decoder, size_t cost)
{
    decoder->cost += cost;
    return decoder->cost <= decoder->field->max || fail_budget(decoder);
}

static bool add_entry(struct decoder *decoder, const char *text, size_t size)
{
    if (decoder->count == decoder->cap) {
        decoder->cap = decoder->cap ? 2 * decoder->cap : 64;
        decoder->entries = xrealloc(decoder->entries, decoder->cap * sizeof(struct entry));
    }
    const char *copy = arena_copy(decoder->arena, text, size);
    decoder->entries[decoder->count++] = (struct entry){ .text = copy };
    return charge(decoder, record_text_cost(copy));
}

/* An event inside a field's container. */
static bool on_entry(struct decoder *decoder, enum json_event event, const char *text, size_t size)
{
    enum field_kind kind = decoder->field->kind;
    if (event == (kind == FIELD_LINES ? JSON_STRING : JSON_KEY))
        return add_entry(decoder, text, size);
    if (kind == FIELD_PAIRS && event == JSON_STRING) {
        const char *value = arena_copy(decoder->arena, text, size);
        decoder->entries[decoder->count - 1].value = value;
        return charge(decoder, record_text_cost(value));
    }
    if (kind == FIELD_COUNTS && event == JSON_NUMBER) {
        uint64_t *number = &decoder->entries[decoder->count - 1].number;
        return read_number(decoder, text, size, RECORD_NUMBER_MAX, number) &&
               charge(decoder, RECORD_NUMBER_COST);
    }
    return fail_kind(decoder);
}

/* A field's own value, or the end of its container. */
static bool on_value(struct decoder *decoder, enum json_event event, const char *text, size_t size)
{
    switch (decoder->field->kind) {
    case FIELD_TEXT:
        return event == JSON_STRING ? take_text(decoder, text, size) : fail_kind(decoder);
    case FIELD_CHOICE:
        return event == JSON_STRING ? take_choice(decoder, text, size) : fail_kind(decoder);
    case FIELD_COUNT:
        return event == JSON_NUMBER
                   ? read_number(decoder, text, size, decoder->field->max, field_at(decoder))
                   : fail_kind(decoder);
    case FIELD_FLAG:
        *(bool *)field_at(decoder) = event == JSON_TRUE;
        return event == JSON_TRUE || event == JSON_FALSE || fail_kind(decoder);
    case FIELD_LINES:
    case FIELD_PAIRS:
    case FIELD_COUNTS:
        break;
    }
    return on_container(decoder, event);
}

/* Finds the member's field and its bit in `seen`: 0 for an unknown one. */
static uint64_t find_member(struct decoder *decoder, const char *name, size_t size)
{
    const struct field *fields = decoder->type->fields;
    decoder->field = NULL;
    if (is_name("v", name, size))
        return SEEN_V;
    if (is_name("type", name, size))
        return SEEN_TYPE;
    for (size_t i = 0; fields[i].name; i++) {
        if (is_name(fields[i].name, name, size)) {
            decoder->field = &fields[i];
            return UINT64_C(1) << i;
        }
    }
    return 0;
}

static bool on_member(struct decoder *decoder, const char *name, size_t size)
{
    char shown[SHOWN_SIZE];
    uint64_t bit = find_member(decoder, name, size);
    if (bit == 0 && decoder->strict)
        return fail(decoder, "unknown field \"%s\"", show(shown, name, size));
    if (decoder->seen & bit) {
        decoder->field = NULL;
        return fail(decoder, "field \"%s\" twice", show(shown, name, size));
    }
    decoder->seen |= bit;
    return true;
}

static bool on_outermost(struct decoder *decoder, enum json_event event)
{
    if (event == JSON_OBJECT_END)
        return true;
    decoder->field = NULL;
    if (decoder->begun || event != JSON_OBJECT)
        return fail(decoder, "more than one object on the line");
    decoder->begun = true;
    return true;
}

static bool on_event(void *arg, enum json_event event, const char *text, size_t size)
{
    struct decoder *decoder = arg;
    if (event == JSON_OBJECT_END || event == JSON_ARRAY_END)
        decoder->depth--;
    size_t depth = decoder->depth;
    if (event == JSON_OBJECT || event == JSON_ARRAY)
        decoder->depth++;

    if (depth == 0)
        return on_outermost(decoder, event);
    if (depth == 1 && event == JSON_KEY)
        return on_member(decoder, text, size);
    if (!decoder->field)
        return true;
    return depth == 1 ? on_value(decoder, event, text, size) : on_entry(decoder, event, text, size);
}

static void set_absent(struct decoder *decoder)
{
    for (const struct field *field = decoder->type->fields; field->name; field++) {
        if (field->kind == FIELD_COUNT)
            *(uint64_t *)(decoder->base + field->at) = RECORD_ABSENT;
        unsigned choices = 0;
        while (field->kind == FIELD_CHOICE && field->choices[choices])
            *(unsigned *)(decoder->base + field->at) = ++choices;
    }
}

static bool has_required(struct decoder *decoder)
{
    const struct field *fields = decoder->type->fields;
    decoder->field = NULL;
    for (size_t i = 0; fields[i].name; i++) {
        if (fields[i].required && !(decoder->seen & UINT64_C(1) << i))
            return fail(decoder, "field \"%s\" is missing", fields[i].name);
    }
    return true;
}

bool record_decode(const char *line, size_t size, enum record_kind kind, bool strict,
                   struct arena *arena, struct record *record, char flaw[RECORD_FLAW_SIZE])
{
    *record = (struct record){ .kind = kind };
    struct decoder decoder = {
        .type = &record_types[kind],
        .base = (char *)record + offsetof(struct record, hello),
        .strict = strict,
        .arena = arena,
        .flaw = flaw,
    };
    flaw[0] = '\0';
    set_absent(&decoder);
    struct json_reader *reader = json_reader_new(on_event, &decoder, DEPTH_MAX);
    bool good = json_reader_feed(reader, line, size) && json_reader_end(reader);
    decoder.field = NULL;
    if (!good && flaw[0] == '\0')
        fail(&decoder, "%s", json_reader_error(reader));
    good = good && has_required(&decoder);
    json_reader_free(reader);
    free(decoder.entries);
    return good;
}
