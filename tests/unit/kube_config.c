#include "tests/unit/unit.h"

#include "common/kube/config.h"
#include "common/kube/server.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Lines 1-4, 5-8 and the user from 9 on; what is between them moves what follows down. */
#define CONTEXT                    \
    "current-context: here\n"      \
    "contexts:\n"                  \
    "- name: here\n"               \
    "  context: {cluster: c, user: u}\n"
#define CLUSTER                    \
    "clusters:\n"                  \
    "- name: c\n"                  \
    "  cluster:\n"                 \
    "    server: https://host:6443\n"
#define USER                       \
    "users:\n"                     \
    "- name: u\n"                  \
    "  user:\n"
#define NOBODY "users: [{name: u, user: {}}]\n"

#define PEM_BASE64 "LS0tLS1CRUdJTiA=" /* "-----BEGIN " */
#define PEM        "-----BEGIN "

/* A struct kube_config of constants. */
struct wanted {
    const char *server, *tls_server_name;
    bool insecure_skip_tls_verify;
    const char *ca_file, *ca_data;
    const char *certificate_file, *certificate_data;
    const char *key_file, *key_data;
    const char *token, *token_file;
};

static char folder[64], path[96];

static void make_folder(void)
{
    strcpy(folder, "/tmp/kube_config.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/config", folder);
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static void write_file(const char *text, size_t size)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static void same_text(const char *what, const char *field, const char *got, const char *wanted)
{
    char full[256];
    /* '@' is the kubeconfig's folder. */
    snprintf(full, sizeof(full), "%s%s", wanted && wanted[0] == '@' ? folder : "",
             !wanted ? "" : wanted + (wanted[0] == '@'));
    ck_assert_msg(!got == !wanted && (!got || strcmp(got, full) == 0),
                  "%s: %s is \"%s\" instead of \"%s\"", what, field, got ? got : "(none)",
                  wanted ? full : "(none)");
}

static void same_config(const char *what, const struct kube_config *got,
                        const struct wanted *wanted)
{
    same_text(what, "server", got->server, wanted->server ? wanted->server : "https://host:6443");
    same_text(what, "tls-server-name", got->tls_server_name, wanted->tls_server_name);
    same_text(what, "ca_file", got->ca_file, wanted->ca_file);
    same_text(what, "ca_data", got->ca_data, wanted->ca_data);
    same_text(what, "certificate_file", got->certificate_file, wanted->certificate_file);
    same_text(what, "certificate_data", got->certificate_data, wanted->certificate_data);
    same_text(what, "key_file", got->key_file, wanted->key_file);
    same_text(what, "key_data", got->key_data, wanted->key_data);
    same_text(what, "token", got->token, wanted->token);
    same_text(what, "token_file", got->token_file, wanted->token_file);
    ck_assert_msg(got->insecure_skip_tls_verify == wanted->insecure_skip_tls_verify,
                  "%s: insecure_skip_tls_verify", what);
}

static const struct {
    const char *what, *yaml;
    struct wanted config;
} good[] = {
    { "the least", CONTEXT CLUSTER NOBODY, { 0 } },
    { "data", CONTEXT CLUSTER "    certificate-authority-data: " PEM_BASE64 "\n" USER
      "    client-certificate-data: " PEM_BASE64 "\n    client-key-data: " PEM_BASE64 "\n",
      { .ca_data = PEM, .certificate_data = PEM, .key_data = PEM } },
    { "base64 over several lines", CONTEXT CLUSTER
      "    certificate-authority-data: |\n      LS0tLS1C\n      RUdJTiA=\n" NOBODY,
      { .ca_data = PEM } },
    { "files, relative and absolute", CONTEXT CLUSTER "    certificate-authority: ca.crt\n" USER
      "    client-certificate: /etc/x.crt\n    client-key: keys/x.key\n    tokenFile: token\n",
      { .ca_file = "@/ca.crt", .certificate_file = "/etc/x.crt", .key_file = "@/keys/x.key",
        .token_file = "@/token" } },
    { "data and file: both are kept, for the credentials to choose", CONTEXT CLUSTER
      "    certificate-authority: /ca\n    certificate-authority-data: " PEM_BASE64 "\n" NOBODY,
      { .ca_file = "/ca", .ca_data = PEM } },
    { "token, server name, insecure", CONTEXT CLUSTER
      "    tls-server-name: kubernetes.default\n    insecure-skip-tls-verify: true\n" USER
      "    token: abc.def-123\n",
      { .tls_server_name = "kubernetes.default", .insecure_skip_tls_verify = true,
        .token = "abc.def-123" } },
    { "fields that are unknown, null or empty", CONTEXT CLUSTER
      "    disable-compression: true\n    proxy-url: ''\n    extensions: [{name: x}]\n" USER
      "    exec: null\n    auth-provider: ~\n    username: \"\"\n    token:\n",
      { 0 } },
    { "only what the context names is looked at", CONTEXT
      "- {name: other, context: {cluster: nowhere, user: robot}}\n" CLUSTER
      USER "    token: t\n- name: robot\n  user: {exec: {command: rm}}\n",
      { .token = "t" } },
    { "anchors and aliases", "current-context: &name here\ncontexts:\n- name: *name\n"
      "  context: {cluster: c, user: u}\n" CLUSTER USER "    token: &t abc\n    tokenFile: *t\n",
      { .token = "abc", .token_file = "@/abc" } },
    { "an alias that contains itself", "loop: &loop [*loop]\n" CONTEXT CLUSTER NOBODY, { 0 } },
    { "JSON", "{\"current-context\": \"x\", \"contexts\": [{\"name\": \"x\", \"context\":"
      " {\"cluster\": \"c\", \"user\": \"u\"}}],\n\"clusters\": [{\"name\": \"c\", \"cluster\":"
      " {\"server\": \"https://host:6443\"}}], \"users\": [{\"name\": \"u\", \"user\":"
      " {\"token\": \"t\"}}]}\n",
      { .token = "t" } },
    { "a path before all paths, slashes at its end", CONTEXT
      "clusters: [{name: c, cluster: {server: 'https://rancher/k8s/clusters/c-1//'}}]\n" NOBODY,
      { .server = "https://rancher/k8s/clusters/c-1" } },
    { "an IPv6 address without TLS", CONTEXT
      "clusters: [{name: c, cluster: {server: 'http://[::1]:8080/'}}]\n" NOBODY,
      { .server = "http://[::1]:8080" } },
};

START_TEST(a_good_kubeconfig_is_understood)
{
    char error[KUBE_ERROR_SIZE];
    write_file(good[_i].yaml, strlen(good[_i].yaml));
    struct kube_config *config = kube_config_load(path, error);
    ck_assert_msg(config, "%s: %s", good[_i].what, error);
    same_text(good[_i].what, "origin", config->origin, path);
    same_config(good[_i].what, config, &good[_i].config);
    kube_config_free(config);
}
END_TEST

static const struct {
    const char *what, *yaml, *error;
} bad[] = {
    { "nothing", "", "1: is empty" },
    { "a text", "hello\n", "1: must be a mapping" },
    { "no YAML", "a: [b\nc: d\n", "2: is not YAML: " },
    { "a tab", "users:\n\t- a\n", "2: is not YAML: " },
    { "two documents", CONTEXT CLUSTER NOBODY "---\na: b\n", "10: a second YAML document" },
    { "no current-context", "contexts: []\n", "1: current-context: is missing" },
    { "an empty current-context", "contexts: []\ncurrent-context: ''\n",
      "2: current-context: is missing" },
    { "no contexts", "current-context: x\n", "1: current-context: contexts has no \"x\"" },
    { "another context", "current-context: x\ncontexts:\n- name: y\n",
      "1: current-context: contexts has no \"x\"" },
    { "contexts is a mapping", "current-context: x\ncontexts: {x: y}\n",
      "2: contexts: must be a list" },
    { "two contexts of one name", CONTEXT "- {name: here}\n",
      "5: contexts[1]: is a second one named \"here\"" },
    { "a context without its inside", "current-context: x\ncontexts:\n- name: x\n",
      "3: contexts[0].context: is missing" },
    { "no cluster named", "current-context: x\ncontexts:\n- name: x\n  context: {user: u}\n",
      "4: contexts[0].context.cluster: is missing" },
    { "a cluster that is not there", CONTEXT "clusters: []\n" NOBODY,
      "4: contexts[0].context.cluster: clusters has no \"c\"" },
    { "a user that is not there", CONTEXT CLUSTER,
      "4: contexts[0].context.user: users has no \"u\"" },
    { "no server", CONTEXT "clusters:\n- name: c\n  cluster: {}\n" NOBODY,
      "7: clusters[0].cluster.server: is missing" },
    { "a server without scheme", CONTEXT
      "clusters: [{name: c, cluster: {server: 'host:6443'}}]\n" NOBODY,
      "5: clusters[0].cluster.server: must begin with https://" },
    { "a server with a user", CONTEXT
      "clusters: [{name: c, cluster: {server: 'https://me:pw@host'}}]\n" NOBODY,
      "5: clusters[0].cluster.server: must hold no user" },
    { "a server with a query", CONTEXT
      "clusters: [{name: c, cluster: {server: 'https://host?a=b'}}]\n" NOBODY,
      "5: clusters[0].cluster.server: must hold no query" },
    { "a server with a bad port", CONTEXT
      "clusters: [{name: c, cluster: {server: 'https://host:65536'}}]\n" NOBODY,
      "5: clusters[0].cluster.server: Port number" },
    { "a server with a line break", CONTEXT
      "clusters: [{name: c, cluster: {server: \"https://host\\r\\nX: y\"}}]\n" NOBODY,
      "5: clusters[0].cluster.server: " },
    { "a proxy", CONTEXT CLUSTER "    proxy-url: http://p:3128\n" NOBODY,
      "9: clusters[0].cluster.proxy-url: is not supported: lastgasp uses no proxy" },
    { "a bad server name", CONTEXT CLUSTER "    tls-server-name: a:b\n" NOBODY,
      "9: clusters[0].cluster.tls-server-name: is no host name" },
    { "neither true nor false", CONTEXT CLUSTER "    insecure-skip-tls-verify: 'true'\n" NOBODY,
      "9: clusters[0].cluster.insecure-skip-tls-verify: must be true or false" },
    { "insecure beside a CA", CONTEXT CLUSTER
      "    insecure-skip-tls-verify: true\n    certificate-authority: x\n" NOBODY,
      "9: clusters[0].cluster.insecure-skip-tls-verify: contradicts" },
    { "data that is no base64", CONTEXT CLUSTER "    certificate-authority-data: LS0t*\n" NOBODY,
      "9: clusters[0].cluster.certificate-authority-data: must be PEM in base64: it is not" },
    { "data that is no PEM", CONTEXT CLUSTER "    certificate-authority-data: aGVsbG8=\n" NOBODY,
      "9: clusters[0].cluster.certificate-authority-data: must be PEM in base64: it holds no" },
    { "exec", CONTEXT CLUSTER USER "    token: t\n    exec:\n      command: aws\n",
      "14: users[0].user.exec: is not supported: lastgasp runs no programs named in a file; use "
      "tokenFile or client-certificate" },
    { "an auth provider", CONTEXT CLUSTER USER "    auth-provider: {name: gcp}\n",
      "12: users[0].user.auth-provider: is not supported" },
    { "a password", CONTEXT CLUSTER USER "    password: secret\n",
      "12: users[0].user.password: is not supported" },
    { "impersonation", CONTEXT CLUSTER USER "    as: admin\n",
      "12: users[0].user.as: is not supported" },
    { "impersonated groups", CONTEXT CLUSTER USER "    as-groups: [admin]\n",
      "12: users[0].user.as-groups: is not supported" },
    { "a key without certificate", CONTEXT CLUSTER USER "    client-key: x\n",
      "12: users[0].user: has a client-key but no client-certificate" },
    { "a certificate without key", CONTEXT CLUSTER USER "    client-certificate: x\n",
      "12: users[0].user: has a client-certificate but no client-key" },
    { "a token with a line break", CONTEXT CLUSTER USER "    token: \"a\\r\\nX: y\"\n",
      "12: users[0].user.token: has a space" },
    { "a token with a NUL", CONTEXT CLUSTER USER "    token: \"a\\0b\"\n",
      "12: users[0].user.token: has a NUL" },
    { "a token that is a list", CONTEXT CLUSTER USER "    token: [a]\n",
      "12: users[0].user.token: must be a text" },
    { "a token given twice", CONTEXT CLUSTER USER "    token: a\n    token: b\n",
      "13: users[0].user.token: is given twice" },
    { "a merge key", CONTEXT CLUSTER USER "    <<: {token: a}\n",
      "12: users[0].user: YAML merge keys (<<) are not supported" },
};

START_TEST(a_bad_kubeconfig_is_refused_with_line_and_field)
{
    char error[KUBE_ERROR_SIZE], wanted[KUBE_ERROR_SIZE];
    write_file(bad[_i].yaml, strlen(bad[_i].yaml));
    struct kube_config *config = kube_config_load(path, error);
    ck_assert_msg(!config, "%s: was accepted", bad[_i].what);
    snprintf(wanted, sizeof(wanted), "%s:%s", path, bad[_i].error);
    ck_assert_msg(strncmp(error, wanted, strlen(wanted)) == 0, "%s: \"%s\" instead of \"%s\"",
                  bad[_i].what, error, wanted);
}
END_TEST

static void refused_file(const char *file, const char *why)
{
    char error[KUBE_ERROR_SIZE], wanted[KUBE_ERROR_SIZE];
    ck_assert_ptr_null(kube_config_load(file, error));
    snprintf(wanted, sizeof(wanted), "%s: %s", file, why);
    ck_assert_str_eq(error, wanted);
}

START_TEST(what_is_no_readable_file_is_named)
{
    refused_file("/nonexistent/config", "No such file or directory");
    refused_file(folder, "is a directory");
    unlink(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    refused_file(path, "is not a regular file");
    unlink(path);
    size_t size = 1024 * 1024 + 1;
    char *large = calloc(1, size);
    write_file(large, size);
    free(large);
    refused_file(path, "is larger than 1 MiB");
}
END_TEST

/* libyaml alone would take minutes. */
START_TEST(a_deep_file_is_refused_at_once)
{
    static char deep[1024 * 1024];
    char error[KUBE_ERROR_SIZE];
    memset(deep, '[', sizeof(deep));
    write_file(deep, sizeof(deep));
    ck_assert_ptr_null(kube_config_load(path, error));
    ck_assert_ptr_nonnull(strstr(error, ":1: is nested too deep"));
}
END_TEST

START_TEST(a_pod_is_known_by_its_environment)
{
    char error[KUBE_ERROR_SIZE];
    unsetenv("KUBERNETES_SERVICE_HOST");
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    ck_assert_ptr_null(kube_config_load(NULL, error));
    ck_assert_ptr_nonnull(strstr(error, "KUBERNETES_SERVICE_HOST is not set"));

    setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    struct kube_config *config = kube_config_in_cluster("/account", error);
    ck_assert_msg(config, "%s", error);
    ck_assert_str_eq(config->server, "https://[fd00::1]:443");
    ck_assert_str_eq(config->ca_file, "/account/ca.crt");
    ck_assert_str_eq(config->token_file, "/account/token");
    kube_config_free(config);

    setenv("KUBERNETES_SERVICE_PORT", "many", 1);
    ck_assert_ptr_null(kube_config_in_cluster("/account", error));
    ck_assert_ptr_nonnull(strstr(error, "https://[fd00::1]:many: "));
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("kubeconfig");
    /* Unchecked: in the process that goes on when a test fails. */
    tcase_add_unchecked_fixture(tests, make_folder, remove_folder);
    tcase_add_loop_test(tests, a_good_kubeconfig_is_understood, 0,
                        (int)(sizeof(good) / sizeof(good[0])));
    tcase_add_loop_test(tests, a_bad_kubeconfig_is_refused_with_line_and_field, 0,
                        (int)(sizeof(bad) / sizeof(bad[0])));
    tcase_add_test(tests, what_is_no_readable_file_is_named);
    tcase_add_test(tests, a_deep_file_is_refused_at_once);
    tcase_add_test(tests, a_pod_is_known_by_its_environment);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("kube config", fill);
}
