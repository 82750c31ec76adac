#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reading JSON as it streams (yajl underneath, never its tree) and writing it.
 *
 * json_reader turns bytes into events and bounds depth.  json_pick sits on it and reports only the
 * values that a table of paths names: most of a Node is a list of images that nobody here wants,
 * and what is not wanted costs a depth counter and nothing else.
 */
enum json_event {
    JSON_OBJECT,
    JSON_OBJECT_END,
    JSON_ARRAY,
    JSON_ARRAY_END,
    JSON_KEY,
    JSON_STRING,
    JSON_NUMBER, /* TEXT is the number as it was written */
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

/* TEXT (not NUL-terminated) is valid during the call, for KEY, STRING and NUMBER.
 * Returning false stops the reader with the error "refused". */
typedef bool json_handler(void *arg, enum json_event event, const char *text, size_t size);

struct json_reader;

/* Accepts one JSON value after another (a watch stream is such a sequence). */
struct json_reader *json_reader_new(json_handler *handler, void *arg, size_t depth_max);
void json_reader_free(struct json_reader *reader);
/* False once the input is not JSON, too deep or refused by the handler; json_reader_error() says
 * which, valid until the reader is freed. */
bool json_reader_feed(struct json_reader *reader, const char *bytes, size_t size);
/* Whether the last byte that was fed opened a container. */
bool json_reader_has_just_opened(const struct json_reader *reader);
/* SIZE bytes of the input, between two tokens, are not fed: they count in what an error says. */
void json_reader_pass(struct json_reader *reader, size_t size);
bool json_reader_end(struct json_reader *reader); /* false also when a value was cut short */
const char *json_reader_error(const struct json_reader *reader);

/*
 * What yajl 2.1 lets pass and a record must not have: invalid or overlong UTF-8, lone surrogates
 * in \u escapes, NUL (raw or \u0000).  NULL when BYTES are free of them, else what is wrong.
 */
const char *json_text_flaw(const char *bytes, size_t size);

/* A non-negative integer as JSON writes it, without sign, fraction or exponent, up to MAX. */
bool json_count(const char *text, size_t size, uint64_t max, uint64_t *count);

/*
 * Paths: keys joined by '.', "[]" for each element of an array, "{}" for each member of an object
 * whatever its key: "object.metadata.name", "items[].status.addresses[].type",
 * "metadata.annotations{}"; "" is the outermost value.  A path that names a container is reported
 * when it opens and when it closes.  Keys with dots in them cannot be named (use "{}"); where a
 * table has both, a key's own path goes before "{}".
 */
struct json_pick_row {
    const char *path; /* a row without a path ends the table */
};

/* ROW is the index into the table; KEY the member's key for a path that ends in "{}", else NULL
 * (as when a container closes).  TEXT is "" where the event has none.  KEY and TEXT are
 * NUL-terminated and valid during the call. */
typedef void json_pick_handler(void *arg, unsigned row, enum json_event event, const char *key,
                               const char *text, size_t size);

struct json_pick;

/* ROWS outlives the pick. */
struct json_pick *json_pick_new(const struct json_pick_row *rows, json_pick_handler *handler,
                                void *arg);
void json_pick_free(struct json_pick *pick);
/* From now on what is in a container that no row is about need be no JSON: of it only the end is
 * found, which is faster.  For what comes from somebody who is trusted to write JSON. */
void json_pick_skim(struct json_pick *pick);
bool json_pick_feed(struct json_pick *pick, const char *bytes, size_t size);
bool json_pick_end(struct json_pick *pick);
const char *json_pick_error(const struct json_pick *pick);

/* One whole document; false when it is not exactly one JSON value (rows before the flaw have been
 * reported). */
bool json_pick_document(const struct json_pick_row *rows, json_pick_handler *handler, void *arg,
                        const char *bytes, size_t size);

/*
 * Writing: KEY is NULL inside arrays and for the outermost value.  The text grows as needed.
 */
struct json_writer;
struct json_writer *json_writer_new(void);
void json_writer_free(struct json_writer *writer);
void json_writer_clear(struct json_writer *writer); /* for the next document */
void json_open_object(struct json_writer *writer, const char *key);
void json_close_object(struct json_writer *writer);
void json_open_array(struct json_writer *writer, const char *key);
void json_close_array(struct json_writer *writer);
void json_text(struct json_writer *writer, const char *key, const char *text);
void json_number(struct json_writer *writer, const char *key, uint64_t number);
void json_flag(struct json_writer *writer, const char *key, bool flag);
void json_null(struct json_writer *writer, const char *key);
/* JSON is one whole value, written before and put in as it is. */
void json_raw(struct json_writer *writer, const char *key, const char *json);
/* Valid until the next call on WRITER; NUL-terminated. */
const char *json_written(const struct json_writer *writer, size_t *size);
