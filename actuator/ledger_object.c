#include "actuator/ledger_object.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"

#define DEPTH_MAX 32

enum row {
    ROW_KIND,
    ROW_VERSION,
    ROW_ANNOTATION,
    ROW_HOLDER,
    ROW_ACQUIRED,
    ROW_RENEWED,
    ROW_TRANSITIONS
};

static const struct json_pick_row rows[] = {
    [ROW_KIND] = { "kind" },
    [ROW_VERSION] = { "metadata.resourceVersion" },
    [ROW_ANNOTATION] = { "metadata.annotations{}" },
    [ROW_HOLDER] = { "spec.holderIdentity" },
    [ROW_ACQUIRED] = { "spec.acquireTime" },
    [ROW_RENEWED] = { "spec.renewTime" },
    [ROW_TRANSITIONS] = { "spec.leaseTransitions" },
    { NULL },
};

struct reading {
    struct ledger_object *object;
    bool is_lease;
};

static void keep(char **at, enum json_event event, const char *text, size_t size)
{
    if (event != JSON_STRING)
        return;
    free(*at);
    *at = xstrndup(text, size);
}

static void take_annotation(struct ledger_object *object, enum json_event event, const char *key,
                            const char *text, size_t size)
{
    if (event != JSON_STRING)
        return;
    if (strcmp(key, LEDGER_PAUSED) == 0)
        keep(&object->paused, event, text, size);
    else if (strcmp(key, LEDGER_LATCHED) == 0)
        keep(&object->latched, event, text, size);
    else if (strcmp(key, LEDGER_TOUCHED) == 0)
        keep(&object->touched, event, text, size);
}

static void take(void *arg, unsigned row, enum json_event event, const char *key, const char *text,
                 size_t size)
{
    struct reading *reading = arg;
    struct ledger_object *object = reading->object;
    char **const texts[] = {
        [ROW_VERSION] = &object->version,
        [ROW_HOLDER] = &object->holder,
        [ROW_ACQUIRED] = &object->acquired,
        [ROW_RENEWED] = &object->renewed,
    };

    if (row == ROW_KIND)
        reading->is_lease = event == JSON_STRING && strcmp(text, "Lease") == 0;
    else if (row == ROW_ANNOTATION)
        take_annotation(object, event, key, text, size);
    else if (row == ROW_TRANSITIONS)
        json_count(text, size, INT32_MAX, &object->transitions);
    else
        keep(texts[row], event, text, size);
}

struct ledger_object *ledger_object_read(const char *body, size_t size)
{
    struct ledger_object *object = xcalloc(1, sizeof(*object));
    struct reading reading = { .object = object };

    if (json_pick_document(rows, take, &reading, body, size) && reading.is_lease &&
        object->version) {
        object->body = xstrndup(body, size);
        object->size = size;
        return object;
    }
    ledger_object_free(object);
    return NULL;
}

void ledger_object_free(struct ledger_object *object)
{
    if (!object)
        return;
    free(object->version);
    free(object->holder);
    free(object->acquired);
    free(object->renewed);
    free(object->paused);
    free(object->latched);
    free(object->touched);
    free(object->body);
    free(object);
}

/* Where in the object the copying is. */
enum place { ELSEWHERE, IN_METADATA, IN_ANNOTATIONS, IN_SPEC };

struct copy {
    struct json_writer *writer;
    const struct ledger_change *change;
    unsigned depth; /* 1: in the outermost object */
    enum place place;
    char *key; /* of the value that comes next; NULL in an array */
    bool annotated, specified;
};

static void put_text(struct json_writer *writer, const char *key, const char *text)
{
    if (text)
        json_text(writer, key, text);
}

static void put_annotations(struct copy *copy)
{
    put_text(copy->writer, LEDGER_PAUSED, copy->change->paused);
    put_text(copy->writer, LEDGER_LATCHED, copy->change->latched);
    put_text(copy->writer, LEDGER_TOUCHED, copy->change->touched);
    copy->annotated = true;
}

static void put_spec(struct copy *copy)
{
    put_text(copy->writer, "holderIdentity", copy->change->holder);
    json_number(copy->writer, "leaseDurationSeconds", LEDGER_SECONDS);
    put_text(copy->writer, "acquireTime", copy->change->acquired);
    put_text(copy->writer, "renewTime", copy->change->renewed);
    json_number(copy->writer, "leaseTransitions", copy->change->transitions);
    copy->specified = true;
}

/* Whether the value that comes is one that we write ourselves. */
static bool is_ours(const struct copy *copy)
{
    static const char *const annotations[] = { LEDGER_PAUSED, LEDGER_LATCHED, LEDGER_TOUCHED,
                                               NULL };
    static const char *const spec[] = { "holderIdentity", "leaseDurationSeconds", "acquireTime",
                                        "renewTime",      "leaseTransitions",     NULL };
    const char *const *ours = NULL;

    if (copy->place == IN_ANNOTATIONS && copy->depth == 3)
        ours = annotations;
    else if (copy->place == IN_SPEC && copy->depth == 2)
        ours = spec;
    while (ours && *ours && strcmp(*ours, copy->key) != 0)
        ours++;
    return ours && *ours;
}

static void enter(struct copy *copy)
{
    const char *key = copy->key ? copy->key : "";

    if (copy->depth == 1)
        copy->place = strcmp(key, "metadata") == 0 ? IN_METADATA
                      : strcmp(key, "spec") == 0   ? IN_SPEC
                                                   : ELSEWHERE;
    else if (copy->depth == 2 && copy->place == IN_METADATA && strcmp(key, "annotations") == 0)
        copy->place = IN_ANNOTATIONS;
    copy->depth++;
}

/* Before an object ends: adds what is ours in it. */
static void complete(struct copy *copy)
{
    if (copy->depth == 3 && copy->place == IN_ANNOTATIONS) {
        put_annotations(copy);
    } else if (copy->depth == 2 && copy->place == IN_METADATA && !copy->annotated) {
        json_open_object(copy->writer, "annotations");
        put_annotations(copy);
        json_close_object(copy->writer);
    } else if (copy->depth == 2 && copy->place == IN_SPEC) {
        put_spec(copy);
    } else if (copy->depth == 1 && !copy->specified) {
        json_open_object(copy->writer, "spec");
        put_spec(copy);
        json_close_object(copy->writer);
    }
}

static void leave(struct copy *copy)
{
    copy->depth--;
    if (copy->depth == 2 && copy->place == IN_ANNOTATIONS)
        copy->place = IN_METADATA;
}

static bool copy_number(struct copy *copy, const char *text, size_t size)
{
    uint64_t number;

    if (!json_count(text, size, UINT64_MAX, &number))
        return false;
    json_number(copy->writer, copy->key, number);
    return true;
}

static bool copy_text(struct copy *copy, const char *text, size_t size)
{
    char *string = xstrndup(text, size);
    json_text(copy->writer, copy->key, string);
    free(string);
    return true;
}

static bool copy_value(struct copy *copy, enum json_event event, const char *text, size_t size)
{
    switch (event) {
    case JSON_OBJECT:
        json_open_object(copy->writer, copy->key);
        enter(copy);
        return true;
    case JSON_ARRAY:
        json_open_array(copy->writer, copy->key);
        enter(copy);
        return true;
    case JSON_STRING:
        return copy_text(copy, text, size);
    case JSON_NUMBER:
        return copy_number(copy, text, size);
    case JSON_NULL:
        json_null(copy->writer, copy->key);
        return true;
    default:
        json_flag(copy->writer, copy->key, event == JSON_TRUE);
        return true;
    }
}

static bool copy_event(void *arg, enum json_event event, const char *text, size_t size)
{
    struct copy *copy = arg;
    bool copied = true;

    switch (event) {
    case JSON_KEY:
        free(copy->key);
        copy->key = xstrndup(text, size);
        return true;
    case JSON_OBJECT_END:
        complete(copy);
        json_close_object(copy->writer);
        leave(copy);
        return true;
    case JSON_ARRAY_END:
        json_close_array(copy->writer);
        leave(copy);
        return true;
    default:
        if (!copy->key || !is_ours(copy))
            copied = copy_value(copy, event, text, size);
        else if (event == JSON_OBJECT || event == JSON_ARRAY)
            copied = false;
        free(copy->key);
        copy->key = NULL;
        return copied;
    }
}

const char *ledger_object_write(const struct ledger_object *object,
                                const struct ledger_change *change, struct json_writer *writer,
                                size_t *size)
{
    struct copy copy = { .writer = writer, .change = change };
    struct json_reader *reader = json_reader_new(copy_event, &copy, DEPTH_MAX);

    json_writer_clear(writer);
    bool whole = json_reader_feed(reader, object->body, object->size) && json_reader_end(reader);
    json_reader_free(reader);
    free(copy.key);
    return whole ? json_written(writer, size) : NULL;
}
