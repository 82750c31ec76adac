#include "actuator/bodies_internal.h"

#include <stdio.h>
#include <string.h>

#include "common/digest.h"
#include "common/text.h"

#define NOTE_MAX      BODIES_TEXT_SIZE
#define NOTE_WHAT_MIN 256

static struct json_writer *begin(struct bodies *bodies)
{
    json_writer_clear(bodies->writer);
    json_open_object(bodies->writer, NULL);
    return bodies->writer;
}

static void write_condition(struct bodies *bodies, const char *type, const char *status)
{
    struct json_writer *writer = bodies->writer;

    json_open_object(writer, NULL);
    json_text(writer, "type", type);
    json_text(writer, "status", status);
    json_text(writer, "reason", names_reason(bodies->incident->cause));
    json_text(writer, "message", bodies->text);
    json_text(writer, "lastTransitionTime", bodies->time);
    json_close_object(writer);
}

static void write_pod_annotations(struct bodies *bodies)
{
    const struct incident *incident = bodies->incident;
    const struct names *names = bodies->names;
    struct json_writer *writer = bodies->writer;

    json_open_object(writer, "annotations");
    json_text(writer, names->pod_reason, bodies->text);
    json_text(writer, names->pod_reason_code, cause_names[incident->cause]);
    json_text(writer, names->pod_reason_detail, reason_code_names[incident->reason_code]);
    json_text(writer, names->pod_by_caller, NAMES_CALLER);
    json_close_object(writer);
}

static void write_pod_status(struct bodies *bodies, enum remedy_mark mark)
{
    const struct incident *incident = bodies->incident;
    struct json_writer *writer = bodies->writer;

    json_open_object(writer, "status");
    if (mark == REMEDY_MARK_REMOVE) {
        json_text(writer, "phase", "Failed");
        json_text(writer, "reason", names_reason(incident->cause));
        json_text(writer, "message", bodies->text);
    }
    json_open_array(writer, "conditions");
    if (mark == REMEDY_MARK_REMOVE) {
        write_condition(bodies, NAMES_DISRUPTION_TARGET, "True");
        write_condition(bodies, bodies->names->condition[incident->cause], "True");
    } else {
        write_condition(bodies, "Ready", "False");
    }
    json_close_array(writer);
    json_close_object(writer);
}

void bodies_write_pod(struct bodies *bodies, enum remedy_mark mark, bool plain, const char *uid)
{
    struct json_writer *writer = begin(bodies);

    json_open_object(writer, "metadata");
    json_text(writer, "uid", uid);
    if (!plain)
        write_pod_annotations(bodies);
    json_close_object(writer);
    if (mark != REMEDY_MARK_TELL)
        write_pod_status(bodies, mark);
    json_close_object(writer);
}

static void write_delete(struct bodies *bodies, const char *uid, const char *resource_version)
{
    struct json_writer *writer = begin(bodies);

    json_text(writer, "apiVersion", "v1");
    json_text(writer, "kind", "DeleteOptions");
    if (!resource_version)
        json_number(writer, "gracePeriodSeconds", 0);
    json_open_object(writer, "preconditions");
    json_text(writer, "uid", uid);
    if (resource_version)
        json_text(writer, "resourceVersion", resource_version);
    json_close_object(writer);
    if (bodies->dry == REMEDY_DRY_SERVER) {
        json_open_array(writer, "dryRun");
        json_text(writer, NULL, "All");
        json_close_array(writer);
    }
    json_close_object(writer);
}

void bodies_write_pod_delete(struct bodies *bodies, const char *uid)
{
    write_delete(bodies, uid, NULL);
}

void bodies_write_node_delete(struct bodies *bodies, const struct answer_node *node)
{
    write_delete(bodies, node->uid, node->resource_version);
}

/* What an Event is about. */
struct object {
    const char *api, *kind, *namespace, *name, *uid;
};

static struct object regarding(const struct bodies *bodies, const struct remedy_event *event)
{
    const struct remedy_owner *owner = event->owner;
    const struct remedy_pod *pod = event->pod;

    if (owner)
        return (struct object){ owner->api, owner->kind, owner->namespace, owner->name,
                                owner->uid };
    if (pod)
        return (struct object){ "v1", "Pod", pod->namespace, pod->name, pod->uid };
    return (struct object){ "v1", "Node", NULL, bodies->incident->node, bodies->incident->uid };
}

static void write_object(struct json_writer *writer, const char *key, const struct object *object)
{
    json_open_object(writer, key);
    json_text(writer, "apiVersion", object->api);
    json_text(writer, "kind", object->kind);
    if (object->namespace)
        json_text(writer, "namespace", object->namespace);
    json_text(writer, "name", object->name);
    json_text(writer, "uid", object->uid);
    json_close_object(writer);
}

/* A note is 1 KiB at most (events.k8s.io/v1): a long reason gives way to the evidence. */
static void write_note(struct bodies *bodies, const struct remedy_event *event)
{
    const struct incident *incident = bodies->incident;
    char what[NOTE_MAX], evidence[NOTE_MAX - NOTE_WHAT_MIN] = "", raw[2 * NOTE_MAX];
    char note[BODIES_TEXT_SIZE];
    size_t used = 0, whole = 0;

    if (event->more)
        text_append(evidence, sizeof(evidence), &used, "; %s", event->more);
    if (!event->owner && !event->pod && incident->panics > 1)
        text_append(evidence, sizeof(evidence), &used, "; %u panics in 10 minutes",
                    incident->panics);
    if (!event->owner && !event->pod && incident->words[0])
        text_append(evidence, sizeof(evidence), &used, " (%s)", incident->words);
    if (event->owner)
        text_append(raw, sizeof(raw), &whole, "%zu %s died with node %s%s: %s: %s",
                    event->owner->pods, event->owner->pods == 1 ? "pod" : "pods", incident->node,
                    incident->verdict == VERDICT_LATE ? ", which has booted again" : "",
                    names_cause(incident->cause), incident->reason);
    else
        text_append(raw, sizeof(raw), &whole, "%s", bodies->text);
    text_printable(what, sizeof(what) - used, raw, whole, 0);
    whole = 0;
    text_append(raw, sizeof(raw), &whole, "%s%s", what, evidence);
    text_printable(note, sizeof(note), raw, whole, 0);
    json_text(bodies->writer, "note", note);
}

const char *bodies_event_namespace(const struct remedy_event *event)
{
    if (event->owner)
        return event->owner->namespace;
    return event->pod ? event->pod->namespace : "default";
}

/* The same incident, cause and object make the same name, so that sending it again changes nothing.
 */
static void write_event_metadata(struct bodies *bodies, const struct remedy_event *event,
                                 const struct object *about)
{
    const char *id = bodies->incident->id, *more = event->more ? event->more : "";
    const char *cause = cause_names[bodies->incident->cause];
    const struct digest_part parts[] = { { id, strlen(id) },
                                         { cause, strlen(cause) },
                                         { about->uid, strlen(about->uid) },
                                         { more, strlen(more) } };
    char hash[DIGEST_TEXT_SIZE], name[sizeof(NAMES_CALLER) + DIGEST_TEXT_SIZE];

    digest_print(parts, sizeof(parts) / sizeof(parts[0]), hash);
    snprintf(name, sizeof(name), NAMES_CALLER ".%s", hash);
    json_open_object(bodies->writer, "metadata");
    json_text(bodies->writer, "name", name);
    json_text(bodies->writer, "namespace", bodies_event_namespace(event));
    json_close_object(bodies->writer);
}

void bodies_write_event(struct bodies *bodies, const struct remedy_event *event)
{
    static const struct remedy_event of_node;
    struct object about = regarding(bodies, event), node = regarding(bodies, &of_node);
    struct json_writer *writer = begin(bodies);

    json_text(writer, "apiVersion", "events.k8s.io/v1");
    json_text(writer, "kind", "Event");
    write_event_metadata(bodies, event, &about);
    json_text(writer, "eventTime", bodies->micro_time);
    json_text(writer, "reportingController", NAMES_CALLER);
    json_text(writer, "reportingInstance", bodies->instance);
    json_text(writer, "action", "Remedy");
    json_text(writer, "reason", names_reason(bodies->incident->cause));
    json_text(writer, "type", bodies->incident->cause == CAUSE_DRILL ? "Normal" : "Warning");
    write_object(writer, "regarding", &about);
    if (event->owner || event->pod)
        write_object(writer, "related", &node);
    write_note(bodies, event);
    json_close_object(writer);
}
