#include "actuator/bodies_internal.h"

#include <stdio.h>
#include <string.h>

#include "actuator/marks.h"

/*
 * Lists what of this Node is lastgasp's, and in which boot it was set, so that any host can undo
 * exactly that when the Node comes back.  A cordon that was there before us is not ours; one that
 * an earlier attempt of ours set still is.
 */
static void write_set(struct bodies *bodies, const struct answer_node *node, bool taint)
{
    struct marks marks;
    char text[MARKS_SIZE];

    marks_read(node->set, &marks);
    snprintf(marks.boot, sizeof(marks.boot), "%s", bodies->incident->boot);
    marks.annotations = marks.label = true;
    marks.unschedulable |= !node->unschedulable;
    marks.out_of_service |= taint;
    marks_print(&marks, text);
    json_text(bodies->writer, bodies->names->node_set, text);
}

/* Opens metadata with both preconditions: the same Node, and unchanged since it was judged. */
static void begin_node(struct json_writer *writer, const struct answer_node *node)
{
    json_writer_clear(writer);
    json_open_object(writer, NULL);
    json_open_object(writer, "metadata");
    json_text(writer, "uid", node->uid);
    json_text(writer, "resourceVersion", node->resource_version);
}

void bodies_write_node_mark(struct bodies *bodies, const struct answer_node *node)
{
    struct json_writer *writer = bodies->writer;

    begin_node(writer, node);
    json_open_object(writer, "labels");
    json_text(writer, bodies->names->node_set, "true");
    json_close_object(writer);
    json_open_object(writer, "annotations");
    json_text(writer, bodies->names->node_reason, bodies->text);
    json_text(writer, bodies->names->node_by_caller, NAMES_CALLER);
    write_set(bodies, node, false);
    json_close_object(writer);
    json_close_object(writer);
    json_open_object(writer, "spec");
    json_flag(writer, "unschedulable", true);
    json_close_object(writer);
    json_close_object(writer);
}

static void write_taint(struct json_writer *writer, const struct answer_taint *taint)
{
    json_open_object(writer, NULL);
    if (taint->key)
        json_text(writer, "key", taint->key);
    if (taint->value)
        json_text(writer, "value", taint->value);
    if (taint->effect)
        json_text(writer, "effect", taint->effect);
    if (taint->time_added)
        json_text(writer, "timeAdded", taint->time_added);
    json_close_object(writer);
}

/* The list is replaced as a whole (seen), so the taints of others are sent along. */
static void write_taints(struct json_writer *writer, const struct answer_node *node, bool taint)
{
    static const struct answer_taint ours = { .key = NAMES_OUT_OF_SERVICE,
                                              .value = NAMES_OUT_OF_SERVICE_VALUE,
                                              .effect = "NoExecute" };

    json_open_array(writer, "taints");
    for (size_t i = 0; i < node->taint_count; i++) {
        if (!answer_taint_is_out_of_service(&node->taints[i]))
            write_taint(writer, &node->taints[i]);
    }
    if (taint)
        write_taint(writer, &ours);
    json_close_array(writer);
}

void bodies_write_node_taint(struct bodies *bodies, const struct answer_node *node)
{
    struct json_writer *writer = bodies->writer;

    begin_node(writer, node);
    json_open_object(writer, "annotations");
    write_set(bodies, node, true);
    json_close_object(writer);
    json_close_object(writer);
    json_open_object(writer, "spec");
    write_taints(writer, node, true);
    json_close_object(writer);
    json_close_object(writer);
}

void bodies_write_node_clear(struct json_writer *writer, const struct names *names,
                             const struct answer_node *node)
{
    struct marks marks;

    marks_read(node->set, &marks);
    begin_node(writer, node);
    if (marks.label) {
        json_open_object(writer, "labels");
        json_null(writer, names->node_set);
        json_close_object(writer);
    }
    json_open_object(writer, "annotations");
    if (marks.annotations) {
        json_null(writer, names->node_reason);
        json_null(writer, names->node_by_caller);
    }
    json_null(writer, names->node_set);
    json_close_object(writer);
    json_close_object(writer);
    json_open_object(writer, "spec");
    if (marks.unschedulable)
        json_null(writer, "unschedulable");
    if (marks.out_of_service)
        write_taints(writer, node, false);
    json_close_object(writer);
    json_close_object(writer);
}

static void write_pairs(struct json_writer *writer, const char *key,
                        const struct answer_pairs *pairs)
{
    json_open_object(writer, key);
    for (size_t i = 0; i < pairs->count; i++)
        json_text(writer, pairs->pairs[i].key, pairs->pairs[i].value);
    json_close_object(writer);
}

const char *bodies_kept(struct bodies *bodies, const struct answer_node *node)
{
    struct json_writer *writer = bodies->writer;
    size_t size;

    json_writer_clear(writer);
    json_open_object(writer, NULL);
    write_pairs(writer, "labels", &node->labels);
    write_pairs(writer, "annotations", &node->annotations);
    write_taints(writer, node, false);
    json_close_object(writer);
    return json_written(writer, &size);
}
