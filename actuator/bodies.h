#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "actuator/incidents.h"
#include "actuator/names.h"
#include "actuator/remedy.h"
#include "common/json.h"

/*
 * What goes over the wire for each request of a remedy: verb, path and body.  Pure.  This is the
 * only file of all programs that names the verbs that write.
 *
 * Everything that comes from a datagram or an intent is made printable and cut here, once more.
 * Bodies hold no clock reading of their own (times in them are the panic's), so that the same
 * incident always makes the same bytes, also after a restart.
 */
struct bodies;

/*
 * INCIDENT, NAMES, INSTANCE (which lastgasp is speaking) and WRITER outlive the bodies; WRITER may
 * be shared with others.
 */
struct bodies *bodies_new(const struct incident *incident, const struct names *names,
                          enum remedy_dry dry, const char *instance, struct json_writer *writer);
void bodies_free(struct bodies *bodies);

struct bodies_call {
    const char *verb;
    const char *content_type; /* NULL without a body */
    const char *body;         /* valid until the next call on these bodies or their writer */
    size_t size;
    bool writes;
    char resource[384]; /* for messages: "pods default/web-1" */
    char path[4096];
};

void bodies_build(struct bodies *bodies, const struct remedy_request *request,
                  struct bodies_call *call);

/* "Kernel panic on node N: Fatal exception ..." */
const char *bodies_text(const struct bodies *bodies);

/* For keeping the connection warm, and for --check: requests of no incident. */
void bodies_build_version(struct bodies_call *call);
void bodies_build_check(struct bodies_call *call);
