#include "actuator/history_json.h"

#include <stddef.h>

#include "common/json.h"

static void text(struct json_writer *writer, const char *key, const char *value)
{
    if (*value != '\0')
        json_text(writer, key, value);
}

static void count(struct json_writer *writer, const char *key, uint64_t value)
{
    if (value != RECORD_ABSENT)
        json_number(writer, key, value);
}

static void write_incident(struct json_writer *writer, const struct history_incident *row)
{
    text(writer, "id", row->id);
    text(writer, "node", row->node);
    text(writer, "uid", row->uid);
    text(writer, "boot", row->boot);
    text(writer, "cause", row->cause);
    text(writer, "reason_code", row->reason_code);
    text(writer, "reason", row->reason);
    text(writer, "verdict", row->verdict);
    text(writer, "words", row->words);
    count(writer, "received_us", row->received_us);
    count(writer, "opened_us", row->opened_us);
    count(writer, "expires_us", row->expires_us);
    text(writer, "state", row->state);
    text(writer, "outcome", row->outcome);
    text(writer, "detail", row->detail);
    count(writer, "closed_us", row->closed_us);
}

/* The document is whole: a line. */
static void end_line(struct json_writer *writer, FILE *out)
{
    size_t size;
    const char *line = json_written(writer, &size);

    fwrite(line, 1, size, out);
    fputc('\n', out);
    json_writer_clear(writer);
}

struct listing {
    struct json_writer *writer;
    FILE *out;
};

static void list_incident(void *arg, const struct history_incident *row)
{
    const struct listing *listing = arg;

    json_open_object(listing->writer, NULL);
    write_incident(listing->writer, row);
    json_close_object(listing->writer);
    end_line(listing->writer, listing->out);
}

bool history_list_json(struct history *history, FILE *out)
{
    struct listing listing = { json_writer_new(), out };
    bool read = history_incidents(history, NULL, list_incident, &listing);

    json_writer_free(listing.writer);
    return read;
}

static void show_incident(void *arg, const struct history_incident *row)
{
    write_incident(arg, row);
    if (*row->kept != '\0')
        json_raw(arg, "kept", row->kept);
}

static void show_step(void *arg, const struct history_step *row)
{
    json_open_object(arg, NULL);
    count(arg, "at_us", row->at_us);
    text(arg, "words", row->words);
    json_close_object(arg);
}

static void show_pod(void *arg, const struct history_pod *row)
{
    json_open_object(arg, NULL);
    count(arg, "at_us", row->at_us);
    text(arg, "namespace", row->namespace);
    text(arg, "name", row->name);
    text(arg, "owner_kind", row->owner_kind);
    text(arg, "owner_name", row->owner_name);
    text(arg, "done", row->done);
    json_close_object(arg);
}

static void show_text(void *arg, const char *line)
{
    json_text(arg, NULL, line);
}

static bool write_all(struct history *history, const char *id, struct json_writer *writer)
{
    json_open_object(writer, NULL);
    bool read = history_incidents(history, id, show_incident, writer);
    json_open_array(writer, "steps");
    read = read && history_steps(history, id, show_step, writer);
    json_close_array(writer);
    json_open_array(writer, "pods");
    read = read && history_pods(history, id, show_pod, writer);
    json_close_array(writer);
    json_open_array(writer, "panics");
    read = read && history_panics(history, id, show_text, writer);
    json_close_array(writer);
    json_open_array(writer, "trace");
    read = read && history_trace(history, id, show_text, writer);
    json_close_array(writer);
    json_close_object(writer);
    return read;
}

bool history_show_json(struct history *history, const char *id, FILE *out)
{
    struct json_writer *writer = json_writer_new();
    bool read = history_begin(history);

    if (read) {
        read = write_all(history, id, writer);
        history_end(history);
    }
    if (read)
        end_line(writer, out);
    json_writer_free(writer);
    return read;
}

void history_step_json(const struct history_step *step, FILE *out)
{
    struct json_writer *writer = json_writer_new();

    json_open_object(writer, NULL);
    count(writer, "at_us", step->at_us);
    text(writer, "incident", step->incident);
    text(writer, "node", step->node);
    text(writer, "words", step->words);
    json_close_object(writer);
    end_line(writer, out);
    json_writer_free(writer);
}
