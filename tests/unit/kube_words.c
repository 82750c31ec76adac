#include "tests/unit/unit.h"

#include "common/clock.h"
#include "common/kube/base64.h"
#include "common/kube/http.h"
#include "common/kube/server.h"
#include "common/kube/status.h"

#include <string.h>

static const struct {
    const char *text, *bytes; /* NULL: no base64 */
} encodings[] = {
    { "", "" },        { "Zg==", "f" },       { "Zm8=", "fo" },   { "Zm9v", "foo" },
    { "Zm\n9v\r\n", "foo" }, { "+/+/", "\xfb\xff\xbf" }, { "Zm9vYmE=", "fooba" },
    { "Z", NULL },     { "Zg", NULL },        { "Zg=", NULL },    { "Zg==Zg==", NULL },
    { "Z===", NULL },  { "====", NULL },      { "Z=g=", NULL },   { "Zm-v", NULL },
    { "Zm 9v", NULL },
};

START_TEST(base64_is_decoded_or_refused)
{
    size_t size;
    char *bytes = base64_decode(encodings[_i].text, &size);
    ck_assert_msg(!bytes == !encodings[_i].bytes, "\"%s\"", encodings[_i].text);
    if (!bytes)
        return;
    ck_assert_uint_eq(size, strlen(encodings[_i].bytes));
    ck_assert_str_eq(bytes, encodings[_i].bytes);
    free(bytes);
}
END_TEST

static const struct {
    const char *text;
    size_t cap;
    const char *escaped;
} escapes[] = {
    { "node-1.a_b~c", 64, "node-1.a_b~c" },
    { "a/b?c=d&e#f", 64, "a%2Fb%3Fc%3Dd%26e%23f" },
    { "spec.nodeName=x y", 64, "spec.nodeName%3Dx%20y" },
    { "\xc3\xa9%", 64, "%C3%A9%25" },
    { "..", 64, ".." }, /* PATH_AS_IS keeps it what it is */
    { "", 64, "" },
    { "abcd", 7, "abcd" },
    { "abcde", 7, "-" },
    { "ab/", 5, "-" },
};

START_TEST(a_name_stays_one_segment_and_is_never_cut)
{
    char out[64];
    ck_assert_str_eq(kube_escape(escapes[_i].text, out, escapes[_i].cap), escapes[_i].escaped);
}
END_TEST

static const struct {
    struct kube_answer answer;
    const char *words;
} descriptions[] = {
    { { 403, "Forbidden", "pods \"web-1\" is forbidden", "" },
      "patch pods default/web-1: Forbidden: pods \"web-1\" is forbidden" },
    { { 502, "", "<html>", "" }, "patch pods default/web-1: HTTP 502: <html>" },
    { { 500, "", "", "" }, "patch pods default/web-1: HTTP 500" },
    { { 0, "", "Connection refused", "" },
      "patch pods default/web-1: Connection refused" },
};

START_TEST(an_error_names_verb_resource_and_reason)
{
    char out[256];
    kube_describe("PATCH", "pods default/web-1", &descriptions[_i].answer, out, sizeof(out));
    ck_assert_str_eq(out, descriptions[_i].words);
}
END_TEST

static const struct {
    const char *body, *reason, *message, *field;
    uint64_t retry_after_us;
} bodies[] = {
    { "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"Pod \\\"a\\\" is invalid\","
      "\"reason\":\"Invalid\",\"details\":{\"name\":\"a\",\"causes\":[{\"reason\":\"x\","
      "\"field\":\"metadata.uid\"},{\"field\":\"second\"}]},\"code\":422}",
      "Invalid", "Pod \"a\" is invalid", "metadata.uid", 0 },
    { "{\"kind\":\"Status\",\"message\":\"slow\",\"reason\":\"TooManyRequests\","
      "\"details\":{\"retryAfterSeconds\":3}}",
      "TooManyRequests", "slow", "", 3 * US_PER_SECOND },
    { "{\"kind\":\"Status\",\"message\":\"two\\nlines\\u001b[31m\",\"reason\":7,"
      "\"details\":{\"retryAfterSeconds\":-1}}",
      "", "two?lines?[31m", "", 0 },
    { "{\"kind\":\"Pod\",\"reason\":\"Evicted\"}", "", "{\"kind\":\"Pod\",\"reason\":\"Evicted\"}",
      "", 0 },
    { "404 page not found\n", "", "404 page not found", "", 0 },
    { "{\"kind\":\"Status\",\"reason\":", "", "{\"kind\":\"Status\",\"reason\":", "", 0 },
    { "", "", "", "", 0 },
};

START_TEST(a_status_is_taken_apart_and_anything_else_quoted)
{
    struct status status;
    status_parse(&status, bodies[_i].body, strlen(bodies[_i].body));
    ck_assert_str_eq(status.reason, bodies[_i].reason);
    ck_assert_str_eq(status.message, bodies[_i].message);
    ck_assert_str_eq(status.field, bodies[_i].field);
    ck_assert_uint_eq(status.retry_after_us, bodies[_i].retry_after_us);
}
END_TEST

START_TEST(a_strange_body_is_quoted_in_part)
{
    char body[5000];
    memset(body, 'x', sizeof(body));
    struct status status;
    status_parse(&status, body, sizeof(body));
    ck_assert_uint_eq(strlen(status.message), 200);
}
END_TEST

static const struct {
    const char *server, *name, *url, *connect_to, *host;
} targets[] = {
    { "https://10.0.0.1:6443", NULL, "https://10.0.0.1:6443", NULL, NULL },
    { "https://10.0.0.1:6443", "kube", "https://kube:6443", "kube:6443:10.0.0.1:6443",
      "10.0.0.1:6443" },
    { "https://[fd00::1]/k8s/c-1", "kube", "https://kube/k8s/c-1", "kube:443:[fd00::1]:443",
      "[fd00::1]:443" },
};

START_TEST(a_tls_server_name_goes_to_the_servers_address)
{
    struct target target;
    target_make(&target, targets[_i].server, targets[_i].name);
    ck_assert_str_eq(target.url, targets[_i].url);
    ck_assert_pstr_eq(target.connect_to, targets[_i].connect_to);
    ck_assert_pstr_eq(target.host, targets[_i].host);
    target_clear(&target);
}
END_TEST

#define ADD(tests, test, table) \
    tcase_add_loop_test(tests, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("words");
    ADD(tests, base64_is_decoded_or_refused, encodings);
    ADD(tests, a_name_stays_one_segment_and_is_never_cut, escapes);
    ADD(tests, an_error_names_verb_resource_and_reason, descriptions);
    ADD(tests, a_status_is_taken_apart_and_anything_else_quoted, bodies);
    ADD(tests, a_tls_server_name_goes_to_the_servers_address, targets);
    tcase_add_test(tests, a_strange_body_is_quoted_in_part);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("kube words", fill);
}
