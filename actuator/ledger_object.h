#pragma once

#include <stddef.h>
#include <stdint.h>

struct json_writer;

/*
 * The ledger's Lease (coordination.k8s.io/v1) as bytes.  Pure.  What is written is what was read,
 * member by member, but for the fields of the leader election and our three annotations: an update
 * replaces the whole object, and other people's labels, annotations and finalizers stay in it.
 */
#define LEDGER_PATH    "/apis/coordination.k8s.io/v1/namespaces/lastgasp/leases/lastgasp"
#define LEDGER_NAME    "leases lastgasp/lastgasp"
#define LEDGER_PAUSED  "lastgasp/paused"  /* there, with any value: nobody writes */
#define LEDGER_LATCHED "lastgasp/latched" /* there: no more nodes; its value says why */
#define LEDGER_TOUCHED "lastgasp/touched" /* limits_window_print() */
#define LEDGER_SECONDS 15                 /* spec.leaseDurationSeconds */

struct ledger_object {
    /* Texts as they are in the object; NULL: not there. */
    char *version, *holder, *acquired, *renewed;
    char *paused, *latched, *touched;
    uint64_t transitions;
    char *body;
    size_t size;
};

/* NULL when BODY is no Lease. */
struct ledger_object *ledger_object_read(const char *body, size_t size);
void ledger_object_free(struct ledger_object *object);

/* What a write makes of it; NULL: without it. */
struct ledger_change {
    const char *holder, *acquired, *renewed;
    const char *paused, *latched, *touched;
    uint64_t transitions;
};

/* OBJECT with CHANGE: the body of a PUT, valid until WRITER is used again.  NULL when the object
 * holds what we cannot write again. */
const char *ledger_object_write(const struct ledger_object *object,
                                const struct ledger_change *change, struct json_writer *writer,
                                size_t *size);
