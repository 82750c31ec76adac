#include "common/kube/config.h"

#include "common/kube/base64.h"
#include "common/kube/files.h"
#include "common/kube/server.h"
#include "common/kube/yaml.h"
#include "common/memory.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A kubeconfig is three lists (clusters, users, contexts) and the name of one context, which names
 * a cluster and a user.  We follow client-go's rules (tools/clientcmd): only what the current
 * context names is looked at, unknown fields are ignored, data wins over a file, file names are
 * relative to the kubeconfig.  Where client-go would run a program, ask a person for a password,
 * go through a proxy or act as somebody else, we refuse: lastgasp deletes pods, and what it does
 * must be in what its own user may do.
 */
#define TLS_DATA_HINT "must be PEM in base64"

struct refusal {
    const char *field, *way_out;
};

static const struct refusal user_refusals[] = {
    { "exec", "lastgasp runs no programs named in a file; use tokenFile or client-certificate" },
    { "auth-provider", "lastgasp logs in nowhere; use tokenFile or client-certificate" },
    { "username", "Kubernetes has no passwords since 1.19; use tokenFile or client-certificate" },
    { "password", "Kubernetes has no passwords since 1.19; use tokenFile or client-certificate" },
    { "as", "lastgasp acts as nobody else; give it a user of its own" },
    { "as-uid", "lastgasp acts as nobody else; give it a user of its own" },
    { "as-groups", "lastgasp acts as nobody else; give it a user of its own" },
    { "as-user-extra", "lastgasp acts as nobody else; give it a user of its own" },
    { NULL, NULL },
};

static const struct refusal cluster_refusals[] = {
    { "proxy-url", "lastgasp uses no proxy; name a server that it can reach directly" },
    { NULL, NULL },
};

static void refuse(struct source *source, const struct place *at, const struct refusal *table)
{
    for (; table->field; table++) {
        struct place field = source_member(source, at, table->field);
        bool empty = field.node && field.node->type == YAML_SCALAR_NODE &&
                     field.node->data.scalar.length == 0;
        if (field.node && !empty)
            source_fail(source, &field, "is not supported: %s", table->way_out);
    }
}

static char *text_of(struct source *source, const struct place *at, const char *key)
{
    struct place field = source_member(source, at, key);
    return source_text(source, &field);
}

static char *file_of(struct source *source, const struct place *at, const char *key)
{
    char *name = text_of(source, at, key);
    if (!name || name[0] == '/')
        return name;
    char *copy = xstrdup(source->path);
    char *path = xasprintf("%s/%s", dirname(copy), name);
    free(copy);
    free(name);
    return path;
}

static char *data_of(struct source *source, const struct place *at, const char *key)
{
    struct place field = source_member(source, at, key);
    char *text = source_text(source, &field);
    if (!text)
        return NULL;
    size_t size = 0;
    char *data = base64_decode(text, &size);
    free(text);
    if (!data)
        source_fail(source, &field, TLS_DATA_HINT ": it is not base64");
    else if (strlen(data) != size || !strstr(data, "-----BEGIN "))
        source_fail(source, &field, TLS_DATA_HINT ": it holds no \"-----BEGIN\"");
    return data;
}

/* KEY of PARENT, "CLUSTER" of contexts[0].context, names one of the list LIST; what is wanted of
 * it is its member INNER. */
static struct place follow(struct source *source, const struct place *parent, const char *key,
                           const char *list, const char *inner)
{
    struct place none = { 0 };
    struct place reference = source_member(source, parent, key);
    char *name = source_text(source, &reference);
    if (!name) {
        if (!reference.node)
            reference.node = parent->node;
        source_fail(source, &reference, "is missing");
        return none;
    }
    struct place root = source_root(source);
    struct place all = source_member(source, &root, list);
    struct place named = source_named(source, &all, name);
    if (!named.node)
        source_fail(source, &reference, "%s has no \"%s\"", list, name);
    free(name);
    struct place found = source_member(source, &named, inner);
    if (!found.node) {
        found.node = named.node;
        source_fail(source, &found, "is missing");
    }
    return found;
}

static void read_cluster(struct source *source, const struct place *cluster,
                         struct kube_config *config)
{
    refuse(source, cluster, cluster_refusals);
    struct place server = source_member(source, cluster, "server");
    config->server = source_text(source, &server);
    if (!config->server) {
        if (!server.node)
            server.node = cluster->node;
        source_fail(source, &server, "is missing");
        return;
    }
    const char *why = server_flaw(config->server);
    if (why)
        source_fail(source, &server, "%s", why);
    server_trim(config->server);
    struct place name = source_member(source, cluster, "tls-server-name");
    config->tls_server_name = source_text(source, &name);
    if (config->tls_server_name && !server_name_is_clean(config->tls_server_name))
        source_fail(source, &name, "is no host name");
    config->ca_file = file_of(source, cluster, "certificate-authority");
    config->ca_data = data_of(source, cluster, "certificate-authority-data");
    struct place insecure = source_member(source, cluster, "insecure-skip-tls-verify");
    config->insecure_skip_tls_verify = source_flag(source, &insecure);
    if (config->insecure_skip_tls_verify && (config->ca_file || config->ca_data))
        source_fail(source, &insecure, "contradicts the certificate-authority beside it");
}

static void read_user(struct source *source, const struct place *user, struct kube_config *config)
{
    refuse(source, user, user_refusals);
    config->certificate_file = file_of(source, user, "client-certificate");
    config->certificate_data = data_of(source, user, "client-certificate-data");
    config->key_file = file_of(source, user, "client-key");
    config->key_data = data_of(source, user, "client-key-data");
    config->token_file = file_of(source, user, "tokenFile");
    struct place token = source_member(source, user, "token");
    config->token = source_text(source, &token);
    if (config->token && !token_is_clean(config->token))
        source_fail(source, &token, "has a space or another character that no token has");
    bool certificate = config->certificate_file || config->certificate_data;
    bool key = config->key_file || config->key_data;
    if (certificate != key)
        source_fail(source, user, "%s",
                    key ? "has a client-key but no client-certificate"
                        : "has a client-certificate but no client-key");
}

static void read_source(struct source *source, struct kube_config *config)
{
    struct place root = source_root(source);
    if (!root.node) {
        source_fail(source, &root, "is empty");
        return;
    }
    struct place context = follow(source, &root, "current-context", "contexts", "context");
    struct place cluster = follow(source, &context, "cluster", "clusters", "cluster");
    struct place user = follow(source, &context, "user", "users", "user");
    if (source->error[0])
        return;
    read_cluster(source, &cluster, config);
    read_user(source, &user, config);
}

static struct kube_config *load_file(const char *path, char error[KUBE_ERROR_SIZE])
{
    size_t size;
    struct file_stamp stamp;
    const char *why;
    char *bytes = file_read(path, &size, &stamp, &why);
    if (!bytes) {
        snprintf(error, KUBE_ERROR_SIZE, "%s: %s", path, why);
        return NULL;
    }
    struct source source;
    if (!source_open(&source, path, bytes, size, error, KUBE_ERROR_SIZE)) {
        free(bytes);
        return NULL;
    }
    struct kube_config *config = xcalloc(1, sizeof(*config));
    config->origin = xstrdup(path);
    read_source(&source, config);
    source_close(&source);
    free(bytes);
    if (!error[0])
        return config;
    kube_config_free(config);
    return NULL;
}

struct kube_config *kube_config_load(const char *path, char error[KUBE_ERROR_SIZE])
{
    return path ? load_file(path, error) : kube_config_in_cluster(SERVICE_ACCOUNT, error);
}

/* In a pod: what the kubelet puts into every container (client-go's rest.InClusterConfig). */
struct kube_config *kube_config_in_cluster(const char *folder, char error[KUBE_ERROR_SIZE])
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    const char *port = getenv("KUBERNETES_SERVICE_PORT");
    if (!host || !*host || !port || !*port) {
        snprintf(error, KUBE_ERROR_SIZE,
                 "in-cluster identity: %s is not set: this is no pod, and "
                 "needs --kubeconfig",
                 host && *host ? "KUBERNETES_SERVICE_PORT" : "KUBERNETES_SERVICE_HOST");
        return NULL;
    }
    struct kube_config *config = xcalloc(1, sizeof(*config));
    config->origin = xstrdup("in-cluster identity");
    config->server = xasprintf(strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
    config->ca_file = xasprintf("%s/ca.crt", folder);
    config->token_file = xasprintf("%s/token", folder);
    const char *why = server_flaw(config->server);
    if (!why)
        return config;
    snprintf(error, KUBE_ERROR_SIZE, "in-cluster identity: %s: %s", config->server, why);
    kube_config_free(config);
    return NULL;
}

void kube_config_free(struct kube_config *config)
{
    if (!config)
        return;
    free(config->origin);
    free(config->server);
    free(config->tls_server_name);
    free(config->ca_file);
    free(config->ca_data);
    free(config->certificate_file);
    free(config->certificate_data);
    free(config->key_file);
    free(config->key_data);
    free(config->token);
    free(config->token_file);
    free(config);
}
