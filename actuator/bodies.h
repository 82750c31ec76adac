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

/* The Node's labels, annotations and taints as JSON, for whoever has to make it again; valid until
 * the next call on these bodies or their writer. */
const char *bodies_kept(struct bodies *bodies, const struct answer_node *node);

/* "Kernel panic on node N: Fatal exception ...", "Orderly shutdown of node N: System halted" */
const char *bodies_text(const struct bodies *bodies);

/* Requests of no incident: for keeping the connection warm, for --check, for witnesses, for what
 * is left of earlier incidents. */
void bodies_build_version(struct bodies_call *call);
void bodies_build_check(struct bodies_call *call);
void bodies_build_lease(const char *node, struct bodies_call *call);
void bodies_build_node(const char *node, struct bodies_call *call);
/* At most LIMIT Nodes, of those with the label KEY=VALUE (KEY NULL: of all), as they are now; with
 * LIMIT 0 all of them, out of the server's watch cache.  TOKEN: the page after the one that ended
 * with it; NULL: the first. */
void bodies_build_nodes(const char *key, const char *value, unsigned limit, const char *token,
                        struct bodies_call *call);
/* Takes off NODE what its own annotation lists as ours. */
void bodies_build_clear(struct json_writer *writer, const struct names *names,
                        const struct answer_node *node, struct bodies_call *call);
