/*
 * Records to bytes: one loop over the fields that record_table.c names.
 *
 * Whoever fills a record has made its texts printable and kept them short.  Where that was
 * forgotten, a record that the peer refuses would be sent again for ever, so it is mended here:
 * texts are made printable once more, which changes nothing as a rule, and cut to their budget.
 * The unit test encodes records with all budgets spent and finds that they fit a packet.
 */
#include "common/record.h"

#include <assert.h>
#include <string.h>

#include "common/json.h"
#include "common/record_budget.h"
#include "common/text.h"

struct encoder {
    struct json_writer *writer;
    char key[RECORD_PACKET_MAX], text[RECORD_PACKET_MAX]; /* no budget is greater */
    char keys[RECORD_PACKET_MAX]; /* of the container being written, each with its NUL */
    size_t keys_used;
};

/* TEXT printable and whole (or longer than every budget) in BUFFER; returns its cost. */
static size_t clean(char buffer[RECORD_PACKET_MAX], const char *text)
{
    text_printable(buffer, RECORD_PACKET_MAX, text, strlen(text), 0);
    return record_text_cost(buffer);
}

static void encode_text(struct encoder *encoder, const struct field *field, const char *text)
{
    if (!text && !field->required)
        return;
    const char *whole = text ? text : "";
    text_printable(encoder->text, sizeof(encoder->text), whole, strlen(whole), field->max);
    json_text(encoder->writer, field->name, encoder->text);
}

static uint64_t at_most(uint64_t count, uint64_t max)
{
    return count < max ? count : max;
}

static void encode_count(struct encoder *encoder, const struct field *field, uint64_t count)
{
    if (count != RECORD_ABSENT || field->required)
        json_number(encoder->writer, field->name, at_most(count, field->max));
}

static void encode_flag(struct encoder *encoder, const struct field *field, bool flag)
{
    if (flag || field->required)
        json_flag(encoder->writer, field->name, flag);
}

static void encode_choice(struct encoder *encoder, const struct field *field, unsigned choice)
{
    unsigned known = 0;
    while (known < choice && field->choices[known])
        known++;
    const char *name = field->choices[known];
    assert(known == choice && (name ? *name != '\0' : !field->required));
    if (name)
        json_text(encoder->writer, field->name, name);
}

static void encode_lines(struct encoder *encoder, const struct field *field,
                         const struct lines *lines)
{
    if (lines->count == 0 && !field->required)
        return;
    size_t used = 0;
    json_open_array(encoder->writer, field->name);
    for (size_t i = 0; i < lines->count; i++) {
        used += clean(encoder->text, lines->line[i]);
        if (used > field->max)
            break;
        json_text(encoder->writer, NULL, encoder->text);
    }
    json_close_array(encoder->writer);
}

/* Two keys may become one when they are made printable, and a repeated key is refused. */
static bool is_repeated(const struct encoder *encoder)
{
    for (size_t i = 0; i < encoder->keys_used; i += strlen(encoder->keys + i) + 1) {
        if (strcmp(encoder->keys + i, encoder->key) == 0)
            return true;
    }
    return false;
}

/* Only for keys within their field's budget: these fit. */
static void remember_key(struct encoder *encoder)
{
    size_t size = strlen(encoder->key) + 1;
    memcpy(encoder->keys + encoder->keys_used, encoder->key, size);
    encoder->keys_used += size;
}

static void encode_pairs(struct encoder *encoder, const struct field *field,
                         const struct pairs *pairs)
{
    if (pairs->count == 0 && !field->required)
        return;
    size_t used = 0;
    encoder->keys_used = 0;
    json_open_object(encoder->writer, field->name);
    for (size_t i = 0; i < pairs->count; i++) {
        size_t key_cost = clean(encoder->key, pairs->pair[i].key);
        if (is_repeated(encoder))
            continue;
        used += key_cost + clean(encoder->text, pairs->pair[i].value);
        if (used > field->max)
            break;
        remember_key(encoder);
        json_text(encoder->writer, encoder->key, encoder->text);
    }
    json_close_object(encoder->writer);
}

static void encode_counts(struct encoder *encoder, const struct field *field,
                          const struct counts *counts)
{
    if (counts->count == 0 && !field->required)
        return;
    size_t used = 0;
    encoder->keys_used = 0;
    json_open_object(encoder->writer, field->name);
    for (size_t i = 0; i < counts->count; i++) {
        size_t key_cost = clean(encoder->key, counts->item[i].name);
        if (is_repeated(encoder))
            continue;
        used += key_cost + RECORD_NUMBER_COST;
        if (used > field->max)
            break;
        remember_key(encoder);
        json_number(encoder->writer, encoder->key,
                    at_most(counts->item[i].value, RECORD_NUMBER_MAX));
    }
    json_close_object(encoder->writer);
}

static void encode_field(struct encoder *encoder, const struct field *field, const void *at)
{
    switch (field->kind) {
    case FIELD_TEXT:
        encode_text(encoder, field, *(const char *const *)at);
        break;
    case FIELD_COUNT:
        encode_count(encoder, field, *(const uint64_t *)at);
        break;
    case FIELD_FLAG:
        encode_flag(encoder, field, *(const bool *)at);
        break;
    case FIELD_CHOICE:
        encode_choice(encoder, field, *(const unsigned *)at);
        break;
    case FIELD_LINES:
        encode_lines(encoder, field, at);
        break;
    case FIELD_PAIRS:
        encode_pairs(encoder, field, at);
        break;
    case FIELD_COUNTS:
        encode_counts(encoder, field, at);
        break;
    }
}

size_t record_encode(const struct record *record, char *out)
{
    const struct record_type *type = &record_types[record->kind];
    const char *base = (const char *)record + offsetof(struct record, hello);
    struct encoder encoder;
    encoder.writer = json_writer_new();

    json_open_object(encoder.writer, NULL);
    json_number(encoder.writer, "v", RECORD_VERSION);
    json_text(encoder.writer, "type", type->name);
    for (const struct field *field = type->fields; field->name; field++)
        encode_field(&encoder, field, base + field->at);
    json_close_object(encoder.writer);

    size_t size;
    const char *text = json_written(encoder.writer, &size);
    assert(size < RECORD_PACKET_MAX);
    memcpy(out, text, size);
    out[size] = '\n';
    json_writer_free(encoder.writer);
    return size + 1;
}
