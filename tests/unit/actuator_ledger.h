#pragma once

#include "actuator/ledger_object.h"
#include "actuator/ledger_state.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/memory.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* A simulated API server with one Lease, as systemd/kubernetes/ledger.yaml ships it. */
struct lease {
    char *body;
    unsigned version;
};

static const char *const shipped = "{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/"
                                   "v1\",\"metadata\":{\"name\":\"lastgasp\","
                                   "\"namespace\":\"lastgasp\",\"uid\":\"1f6c\","
                                   "\"resourceVersion\":\"1\",\"labels\":{\"team\":\"sre\"},"
                                   "\"managedFields\":[{\"manager\":\"kubectl\",\"fieldsV1\":{\"f:"
                                   "metadata\":{\"f:annotations\":{}}}}]},"
                                   "\"spec\":{}}";

static inline void lease_init(struct lease *lease, const char *body)
{
    lease->body = xstrdup(body);
    lease->version = 1;
}

/* Stores BODY under the next resourceVersion. */
static inline void lease_store(struct lease *lease, const char *body)
{
    char old[48], next[48];
    snprintf(old, sizeof(old), "\"resourceVersion\":\"%u\"", lease->version);
    snprintf(next, sizeof(next), "\"resourceVersion\":\"%u\"", lease->version + 1);
    const char *at = strstr(body, old);
    ck_assert_ptr_nonnull(at);
    char *stored = xasprintf("%.*s%s%s", (int)(at - body), body, next, at + strlen(old));
    free(lease->body);
    lease->body = stored;
    lease->version++;
}

/* A PUT: 200, or 409 where its resourceVersion is not the current one. */
static inline unsigned lease_put(struct lease *lease, const char *body)
{
    struct ledger_object *object = ledger_object_read(body, strlen(body));
    ck_assert_ptr_nonnull(object);
    bool current = strtoul(object->version, NULL, 10) == lease->version;
    ledger_object_free(object);
    if (!current)
        return 409;
    lease_store(lease, body);
    return 200;
}

/* What kubectl annotate does: KEY=VALUE, or away with it. */
static inline void lease_annotate(struct lease *lease, const char *key, const char *value)
{
    struct ledger_object *object = ledger_object_read(lease->body, strlen(lease->body));
    struct json_writer *writer = json_writer_new();
    struct ledger_change change = { object->holder,     object->acquired, object->renewed,
                                    object->paused,     object->latched,  object->touched,
                                    object->transitions };
    size_t size;
    *(strcmp(key, LEDGER_PAUSED) == 0    ? &change.paused
      : strcmp(key, LEDGER_LATCHED) == 0 ? &change.latched
                                         : &change.touched) = value;
    lease_store(lease, ledger_object_write(object, &change, writer, &size));
    json_writer_free(writer);
    ledger_object_free(object);
}
