#pragma once

#include <stdint.h>

#include "common/kube/http.h"

/* What an answer that is not 2xx says: a Status object (meta/v1), or whatever a proxy sends. */
struct status {
    char reason[64];
    char message[1024];
    char field[256];
    uint64_t retry_after_us;
};

/* Pure.  Of a body that is no Status, the message is its beginning, made printable. */
void status_parse(struct status *status, const char *body, size_t size);
