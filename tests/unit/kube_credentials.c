#include "tests/unit/kube_play.h"

static char folder[64], path[96], temporary[96];

static void make_folder(void)
{
    strcpy(folder, "/tmp/kube_credentials.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
    snprintf(temporary, sizeof(temporary), "%s/file.new", folder);
}

static void remove_folder(void)
{
    unlink(path);
    unlink(temporary);
    rmdir(folder);
}

static void write_file(const char *text)
{
    FILE *file = fopen(temporary, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    ck_assert_int_eq(rename(temporary, path), 0);
}

static const char *bearer(struct outcome *outcome)
{
    static char token[64];
    memset(outcome, 0, sizeof(*outcome));
    struct kube_request request = get(outcome);
    ask(&request);
    const char *at = strstr(outcome->body, "Bearer ");
    snprintf(token, sizeof(token), "%s", at ? at + strlen("Bearer ") : "");
    token[strcspn(token, "\r")] = '\0';
    return token;
}

#define UNAUTHORIZED "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"

START_TEST(a_token_file_is_read_again_when_it_changed)
{
    config.token_file = path;
    config.token = (char[]){ "loses" };
    write_file(" one\n");
    struct outcome outcome;
    PLAY(KUBE_REQUESTS, { NULL, AFTER_NEXT, 0 }, { NULL, AFTER_NEXT, 0 },
         { UNAUTHORIZED, AFTER_NEXT, 0 }, { NULL, AFTER_NEXT, 0 });
    const struct kube_multi *before = client->current;
    ck_assert_str_eq(bearer(&outcome), "one");
    write_file("two");
    ck_assert_str_eq(bearer(&outcome), "one"); /* not looked at yet */
    bearer(&outcome);
    ck_assert_uint_eq(outcome.status, 401);
    ck_assert_str_eq(bearer(&outcome), "two");
    client->look_us = 0;
    static const char *const bad[] = { "", "\n", "half a token", NULL };
    for (int i = 0; bad[i]; i++) {
        write_file(bad[i]);
        ck_assert_str_eq(bearer(&outcome), "two");
    }
    unlink(path);
    ck_assert_str_eq(bearer(&outcome), "two");
    write_file("three");
    ck_assert_str_eq(bearer(&outcome), "three");
    ck_assert_ptr_eq(client->current, before); /* a token needs no new connection */
}
END_TEST

START_TEST(an_authority_that_changed_needs_a_new_connection)
{
    static const char pem[] = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    char two[2 * sizeof(pem)];
    snprintf(two, sizeof(two), "%s%s", pem, pem);
    config.ca_file = path;
    write_file(pem);
    struct outcome outcome;
    PLAY(KUBE_REQUESTS, { NULL, AFTER_NEXT, 0 });
    client->look_us = 0;
    struct kube_multi *before = client->current;
    bearer(&outcome);
    two[strlen(two) - 10] = '\0';
    write_file(two); /* half written */
    bearer(&outcome);
    ck_assert_ptr_eq(client->current, before);
    ck_assert_str_eq(client->credentials.of[CREDENTIAL_CA].text, pem);
    snprintf(two, sizeof(two), "%s%s", pem, pem);
    write_file(two);
    bearer(&outcome);
    ck_assert_str_eq(client->credentials.of[CREDENTIAL_CA].text, two);
    ck_assert_ptr_ne(client->current, before);
}
END_TEST

START_TEST(credentials_that_cannot_be_read_are_named)
{
    config.server = (char[]){ "https://127.0.0.1:1" };
    config.ca_file = (char[]){ "/nonexistent/ca" };
    ck_assert_ptr_null(kube_client_new(base, &config, KUBE_REQUESTS, error));
    ck_assert_str_eq(error,
                     "test: certificate-authority: /nonexistent/ca: No such file or directory");
    config.ca_file = NULL;
    config.token_file = (char[]){ "/dev/null" };
    ck_assert_ptr_null(kube_client_new(base, &config, KUBE_REQUESTS, error));
    ck_assert_str_eq(error, "test: tokenFile: /dev/null: is not a regular file");
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("credentials");
    tcase_add_unchecked_fixture(tests, make_folder, remove_folder);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_token_file_is_read_again_when_it_changed);
    tcase_add_test(tests, an_authority_that_changed_needs_a_new_connection);
    tcase_add_test(tests, credentials_that_cannot_be_read_are_named);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("kube credentials", fill);
}
