#pragma once

#include <stdbool.h>

#include "common/kube/config.h"

/* Pure: what a kubeconfig's server and token may look like, and how a server is reached. */

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

/* In-cluster identity with its files in FOLDER (tests have no SERVICE_ACCOUNT). */
struct kube_config *kube_config_in_cluster(const char *folder, char error[KUBE_ERROR_SIZE]);

/* NULL, or why SERVER is no API server's URL. */
const char *server_flaw(const char *server);
/* Cuts the slashes at its end: a path is put behind it. */
void server_trim(char *server);

/* Whether NAME can be a tls-server-name: a host name or an IPv4 address. */
bool server_name_is_clean(const char *name);

/* Whether TOKEN can stand in a header: printable ASCII without spaces, and not empty. */
bool token_is_clean(const char *token);

/*
 * A tls-server-name is what the certificate and SNI must say, while we connect to the server's own
 * address.  libcurl takes the name from the URL, so that the URL names the tls-server-name, and
 * CURLOPT_CONNECT_TO and a Host header say where it really goes.
 */
struct target {
    char *url;        /* what a request's path is put behind */
    char *connect_to; /* NULL: where the URL says */
    char *host;       /* the Host header; NULL: what libcurl makes of the URL */
};

/* SERVER has no flaw, TLS_SERVER_NAME is clean or NULL. */
void target_make(struct target *target, const char *server, const char *tls_server_name);
void target_clear(struct target *target);
