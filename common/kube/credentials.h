#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/kube/config.h"
#include "common/kube/files.h"

enum credential_kind {
    CREDENTIAL_CA,
    CREDENTIAL_CERTIFICATE,
    CREDENTIAL_KEY,
    CREDENTIAL_TOKEN,
    CREDENTIAL_KINDS,
};

struct credential {
    const char *file; /* NULL: it stands in the kubeconfig itself and never changes */
    char *text;       /* PEM, or a token; NULL: there is none */
    struct file_stamp stamp;
    bool reported; /* a warning about the file stands, which is not repeated */
};

/*
 * Who we are, as it last was whole: a file that is being written, or gone, leaves what was read
 * from it before in force.
 */
struct credentials {
    struct credential of[CREDENTIAL_KINDS];
    uint64_t looked_us;
};

/* CONFIG outlives it.  False with ERROR filled and nothing to free when a file cannot be read or
 * does not hold what it should. */
bool credentials_open(struct credentials *credentials, const struct kube_config *config,
                      char error[KUBE_ERROR_SIZE]);
void credentials_close(struct credentials *credentials);

/* Reads again the files that changed.  True when something that a TLS connection was made with did
 * (a token needs no new connection: it goes with each request). */
bool credentials_look(struct credentials *credentials);
