#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Where the API server is and who we are there: from a kubeconfig file or, in a pod, from the
 * service account's folder.  Data is decoded (base64); relative file names are resolved against
 * the kubeconfig's folder, as kubectl does.  All texts are owned by the struct; NULL: not given.
 */
struct kube_config {
    char *origin;     /* what it was read from, for messages */
    char *server;     /* "https://host:port", without a path's trailing slash */
    char *tls_server_name;
    bool insecure_skip_tls_verify;
    char *ca_file, *ca_data;
    char *certificate_file, *certificate_data;
    char *key_file, *key_data;
    char *token, *token_file; /* token_file wins, as in client-go */
};

#define KUBE_ERROR_SIZE 512

/*
 * PATH NULL: in-cluster identity (KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT and
 * /var/run/secrets/kubernetes.io/serviceaccount).  NULL with file, line and field in ERROR when it
 * cannot be read, is not YAML, lacks something, or asks for what lastgasp refuses: exec,
 * auth-provider, proxy-url, username/password (what may delete does not run programs that a file
 * names); the message names the way out.
 */
struct kube_config *kube_config_load(const char *path, char error[KUBE_ERROR_SIZE]);
void kube_config_free(struct kube_config *config);
