#pragma once

#include "actuator/bodies.h"

/* Inside the bodies: what bodies.c and bodies_documents.c share. */

/* Also the most that Kubernetes takes as an Event's note. */
#define BODIES_TEXT_SIZE 1025
#define BODIES_TIME_SIZE 28

struct bodies {
    const struct incident *incident;
    const struct names *names;
    const char *instance;
    struct json_writer *writer;
    enum remedy_dry dry;
    char text[BODIES_TEXT_SIZE];
    char micro_time[BODIES_TIME_SIZE]; /* of the panic's arrival, for an Event */
    char time[BODIES_TIME_SIZE];       /* the same in whole seconds, as conditions have it */
};

/* Each writes one whole document into bodies->writer, which it clears before. */
void bodies_write_pod(struct bodies *bodies, enum remedy_mark mark, bool plain, const char *uid);
void bodies_write_node_mark(struct bodies *bodies, const struct answer_node *node);
void bodies_write_node_clear(struct json_writer *writer, const struct names *names,
                             const struct answer_node *node);
void bodies_write_node_taint(struct bodies *bodies, const struct answer_node *node);
void bodies_write_pod_delete(struct bodies *bodies, const char *uid);
void bodies_write_node_delete(struct bodies *bodies, const struct answer_node *node);
void bodies_write_event(struct bodies *bodies, const struct remedy_event *event);

/* The namespace that an Event about this goes to: a Node's go to "default". */
const char *bodies_event_namespace(const struct remedy_event *event);
