#include "tests/unit/kube_play.h"

START_TEST(a_whole_answer_arrives)
{
    struct outcome outcome = { 0 };
    PLAY(KUBE_REQUESTS, { OK(5) "hello", AFTER_NEXT, 1 });
    struct kube_request request = get(&outcome);
    ask(&request);
    ck_assert_uint_eq(outcome.status, 200);
    ck_assert_str_eq(outcome.body, "hello");
    ck_assert_uint_eq(outcome.size, 5);
    ck_assert_str_eq(outcome.message, "");
}
END_TEST

static void has(const struct outcome *outcome, const char *line)
{
    ck_assert_msg(strstr(outcome->body, line), "\"%s\" is not in:\n%s", line, outcome->body);
}

static void lacks(const struct outcome *outcome, const char *word)
{
    ck_assert_msg(!strstr(outcome->body, word), "\"%s\" is in:\n%s", word, outcome->body);
}

START_TEST(the_request_is_what_was_asked_for)
{
    config.token = (char[]){ "secret" };
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    PLAY(KUBE_REQUESTS, { NULL, AFTER_NEXT, 0 });
    struct outcome patched = { 0 }, deleted = { 0 }, got = { 0 };
    struct kube_request patch = { .verb = "PATCH", .path = "/a/../b?dryRun=All",
                                  .content_type = "application/merge-patch+json", .body = "{...}",
                                  .body_size = 2, .done = on_done, .arg = &patched };
    ask(&patch);
    has(&patched, "PATCH /a/../b?dryRun=All HTTP/1.1\r\n");
    has(&patched, "Authorization: Bearer secret\r\n");
    has(&patched, "User-Agent: lastgasp/" LASTGASP_VERSION "\r\n");
    has(&patched, "Accept: application/json\r\n");
    has(&patched, "Content-Type: application/merge-patch+json\r\n");
    has(&patched, "Content-Length: 2\r\n");
    has(&patched, "\r\n\r\n{.");
    lacks(&patched, "{..");
    /* The handle is used again: nothing of the last call may be left. */
    struct kube_request request = { .verb = "DELETE", .path = "/c", .done = on_done,
                                    .arg = &deleted };
    ask(&request);
    has(&deleted, "DELETE /c HTTP/1.1\r\n");
    lacks(&deleted, "Content-");
    request = get(&got);
    ask(&request);
    has(&got, "GET /api/v1/nodes HTTP/1.1\r\n");
    lacks(&got, "Accept-Encoding");
}
END_TEST

START_TEST(a_tls_server_name_does_not_change_the_host)
{
    struct outcome outcome = { 0 };
    int fd = listen_somewhere();
    static const struct play echo[] = { { NULL, AFTER_NEXT, 0 } };
    server = fork();
    if (server == 0)
        serve(fd, echo, 1);
    close(fd);
    config.tls_server_name = (char[]){ "kubernetes.invalid" };
    client = kube_client_new(base, &config, KUBE_REQUESTS, error);
    struct kube_request request = get(&outcome);
    ask(&request);
    char host[80];
    snprintf(host, sizeof(host), "Host: %s\r\n", url + strlen("http://"));
    has(&outcome, host);
}
END_TEST

START_TEST(a_refusal_carries_the_servers_reason)
{
    struct outcome outcome = { 0 };
    PLAY(KUBE_REQUESTS, { "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 58\r\n\r\n"
         "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\",\"message\":\"x\"}", AFTER_NEXT, 3 });
    struct kube_request request = get(&outcome);
    request.bytes = on_bytes;
    ask(&request);
    ck_assert_uint_eq(outcome.status, 429);
    ck_assert_str_eq(outcome.reason, "TooManyRequests");
    ck_assert_str_eq(outcome.message, "x");
    ck_assert_uint_eq(outcome.retry_after_us, 7 * US_PER_SECOND);
    ck_assert_uint_eq(outcome.received, 0);
}
END_TEST

static const struct {
    const char *what;
    struct play play;
    const char *words;
} broken[] = {
    { "a body cut short", { OK(100) "only this", AFTER_CLOSE, 0 }, "91 bytes remaining" },
    { "a chunk cut short", { CHUNKED "9\r\nonly", AFTER_CLOSE, 0 }, "outstanding read data" },
    { "the last chunk missing", { CHUNKED "2\r\nhi\r\n", AFTER_CLOSE, 0 },
      "outstanding read data" },
    { "nothing at all", { "", AFTER_CLOSE, 0 }, "Empty reply" },
    { "no HTTP", { "SSH-2.0-OpenSSH\r\n", AFTER_CLOSE, 0 }, "HTTP/0.9" },
    { "silence", { "", AFTER_SILENCE, 0 }, "no whole answer in 0.2 s" },
    { "silence in the body", { OK(100) "only this", AFTER_SILENCE, 0 },
      "no whole answer in 0.2 s" },
};

START_TEST(an_answer_that_is_not_whole_is_none)
{
    struct outcome outcome = { 0 };
    PLAY(KUBE_REQUESTS, broken[_i].play, { OK(2) "ok", AFTER_NEXT, 0 });
    const struct kube_multi *before = client->current;
    struct kube_request request = get(&outcome);
    if (broken[_i].play.after == AFTER_SILENCE)
        request.answer_us = SHORT_US;
    ask(&request);
    ck_assert_msg(outcome.status == 0, "%s: %u", broken[_i].what, outcome.status);
    ck_assert_msg(strstr(outcome.message, broken[_i].words), "%s: \"%s\"", broken[_i].what,
                  outcome.message);
    ck_assert_str_eq(outcome.body, "");
    ck_assert_ptr_ne(client->current, before);
    ck_assert(LIST_EMPTY(&client->retired));

    struct outcome next = { 0 };
    request = get(&next);
    ask(&request);
    ck_assert_uint_eq(next.status, 200);
}
END_TEST

START_TEST(a_server_that_is_away_is_named_for_every_call)
{
    struct outcome outcomes[8] = { 0 };
    close(listen_somewhere());
    client = kube_client_new(base, &config, KUBE_REQUESTS, error);
    for (int i = 0; i < 8; i++) {
        struct kube_request request = get(&outcomes[i]);
        submit(&request);
    }
    ck_assert_uint_eq(kube_in_flight(client), 8);
    run_until_done();
    for (int i = 0; i < 8; i++) {
        ck_assert_uint_eq(outcomes[i].status, 0);
        ck_assert_ptr_nonnull(strstr(outcomes[i].message, "Failed to connect to 127.0.0.1"));
    }
}
END_TEST

START_TEST(an_answer_that_is_too_large_is_stopped)
{
    struct outcome chunked = { 0 }, counted = { 0 }, fits = { 0 };
    PLAY(KUBE_REQUESTS, { CHUNKED "5\r\nhello\r\n", AFTER_SILENCE, 1 },
         { OK(5) "hello", AFTER_NEXT, 0 });
    struct kube_request request = get(&chunked);
    request.answer_max = 4;
    ask(&request);
    ck_assert_uint_eq(chunked.status, 0);
    ck_assert_str_eq(chunked.message, "the answer is larger than its limit");
    request.arg = &counted;
    ask(&request);
    ck_assert_uint_eq(counted.status, 0);
    request.arg = &fits;
    request.answer_max = 5;
    ask(&request);
    ck_assert_uint_eq(fits.status, 200);
}
END_TEST

START_TEST(a_stream_comes_through_in_pieces_and_ends)
{
    struct outcome outcome = { 0 };
    PLAY(KUBE_STREAM, { CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", AFTER_NEXT, 1 });
    struct kube_request request = get(&outcome);
    request.bytes = on_bytes;
    ask(&request);
    ck_assert_uint_eq(outcome.status, 200);
    ck_assert_uint_eq(outcome.received, 11);
    ck_assert_uint_eq(outcome.size, 0);
}
END_TEST

START_TEST(what_trickles_over_a_stream_is_left_to_gather)
{
    struct outcome outcome = { 0 };
    PLAY(KUBE_STREAM, { CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", AFTER_NEXT, 1 });
    struct kube_request request = get(&outcome);
    request.bytes = on_bytes;
    uint64_t begun_us = clock_monotonic_us();
    kube_rest(submit(&request), SHORT_US);
    run_until_done();
    ck_assert_uint_ge(clock_monotonic_us() - begun_us, SHORT_US / 2);
    ck_assert_uint_eq(outcome.status, 200);
    ck_assert_uint_eq(outcome.received, 11);
    /* The next call does not rest. */
    outcome = (struct outcome){ 0 };
    submit(&request);
    ck_assert_uint_eq(client->current->rest_us, 0);
    run_until_done();
    ck_assert_uint_eq(outcome.received, 11);
}
END_TEST

START_TEST(what_has_gathered_is_read_when_it_is_asked_for)
{
    struct outcome outcome = { 0 };
    PLAY(KUBE_STREAM, { CHUNKED "5\r\nhello\r\n6\r\n world\r\n", AFTER_SILENCE, 1 });
    struct kube_request request = get(&outcome);
    request.bytes = on_bytes;
    struct kube_call *call = submit(&request);
    while (outcome.received == 0)
        run_for(US_PER_MS);
    usleep(SHORT_US); /* for the server to send the rest */
    kube_read_on(call);
    ck_assert_uint_eq(outcome.received, 11);
    kube_cancel(call);
}
END_TEST

START_TEST(a_quiet_stream_goes_on_and_one_that_does_not_begin_ends)
{
    struct outcome quiet = { 0 }, mute = { 0 };
    PLAY(KUBE_STREAM, { CHUNKED "2\r\nhi\r\n", AFTER_SILENCE, 0 }, { "", AFTER_SILENCE, 0 });
    client->answer_us = US_PER_SECOND;
    struct kube_request request = get(&quiet);
    request.bytes = on_bytes;
    struct kube_call *call = submit(&request);
    run_for(2 * US_PER_SECOND);
    ck_assert_uint_eq(quiet.times, 0);
    ck_assert_uint_eq(quiet.received, 2);
    kube_cancel(call);
    awaited = 0;
    client->answer_us = SHORT_US;
    request = get(&mute);
    request.bytes = on_bytes;
    ask(&request);
    ck_assert_uint_eq(mute.status, 0);
    ck_assert_str_eq(mute.message, "no answer began in time");
    ck_assert_uint_eq(quiet.times, 0);
}
END_TEST

START_TEST(a_reader_can_end_a_stream)
{
    struct outcome outcome = { .refuse_after = 3 };
    PLAY(KUBE_STREAM, { CHUNKED "5\r\nhello\r\n", AFTER_SILENCE, 1 });
    struct kube_request request = get(&outcome);
    request.bytes = on_bytes;
    ask(&request);
    ck_assert_uint_eq(outcome.status, 0);
    /* On a busy machine the bytes come together, and the first call is the one too much. */
    ck_assert_uint_le(outcome.received, 3);
    ck_assert_str_eq(outcome.message, "ended by its reader");
}
END_TEST

static unsigned asked_to_leave;
static bool leaves;

static bool may_leave(void *arg)
{
    const struct outcome *outcome = arg;
    ck_assert_uint_eq(outcome->times, 0);
    asked_to_leave++;
    return leaves;
}

/* The connection is there, and stays for the next one, which is all that the server sees. */
START_TEST(a_call_that_may_not_leave_any_more_is_not_sent)
{
    struct outcome first = { 0 }, kept = { 0 }, next = { 0 };
    PLAY(KUBE_REQUESTS, { OK(3) "one", AFTER_NEXT, 0 }, { OK(3) "two", AFTER_NEXT, 0 },
         { OK(5) "three", AFTER_NEXT, 0 });
    const struct kube_multi *before = client->current;
    struct kube_request request = get(&first);
    leaves = true;
    request.may_leave = may_leave;
    ask(&request);
    ck_assert_str_eq(first.body, "one");
    leaves = false;
    request.arg = &kept;
    ask(&request);
    ck_assert_uint_eq(kept.status, 0);
    ck_assert_str_eq(kept.message, "held back by its sender when it was to go out");
    request = get(&next);
    ask(&request);
    ck_assert_str_eq(next.body, "two");
    ck_assert_uint_eq(asked_to_leave, 2);
    ck_assert_ptr_eq(client->current, before);
}
END_TEST

START_TEST(calls_that_wait_for_the_connection_do_not_fail)
{
    struct outcome outcomes[40] = { 0 };
    PLAY(KUBE_REQUESTS, { OK(2) "ok", AFTER_NEXT, 0 });
    for (int i = 0; i < 40; i++) {
        struct kube_request request = get(&outcomes[i]);
        submit(&request);
    }
    run_until_done();
    for (int i = 0; i < 40; i++)
        ck_assert_uint_eq(outcomes[i].status, 200);
    ck_assert_uint_le(client->current->idle_count, IDLE_MAX);
}
END_TEST

START_TEST(a_cancelled_call_is_silent_and_the_others_go_on)
{
    struct outcome cancelled = { 0 }, other = { 0 };
    PLAY(KUBE_REQUESTS, { "HTTP/1.1 200 OK\r\n", AFTER_SILENCE, 0 }, { OK(0), AFTER_NEXT, 0 });
    struct kube_request request = get(&cancelled);
    struct kube_call *at_once = kube_submit(client, &request);
    kube_cancel(at_once);
    struct kube_call *in_flight = kube_submit(client, &request);
    run_for(US_PER_SECOND);
    kube_cancel(in_flight);
    request = get(&other);
    ask(&request);
    ck_assert_uint_eq(other.status, 200);
    ck_assert_uint_eq(cancelled.times, 0);
}
END_TEST

/* Its neighbour, finished in the same turn, is cancelled by who hears of the first. */
static struct kube_call *neighbour;

static void cancel_neighbour(void *arg, const struct kube_answer *answer)
{
    ck_assert_ptr_eq(TAILQ_FIRST(&client->finished), neighbour);
    kube_cancel(neighbour);
    awaited--;
    on_done(arg, answer);
}

START_TEST(a_finished_call_can_still_be_cancelled)
{
    struct outcome first = { 0 }, second = { 0 };
    close(listen_somewhere());
    client = kube_client_new(base, &config, KUBE_STREAM, error);
    struct kube_request request = get(&first);
    request.done = cancel_neighbour;
    submit(&request);
    request = get(&second);
    neighbour = submit(&request);
    run_until_done();
    ck_assert_uint_eq(first.times, 1);
    ck_assert_uint_eq(second.times, 0);
}
END_TEST

static void free_client(void *arg, const struct kube_answer *answer)
{
    kube_client_free(client);
    client = NULL;
    on_done(arg, answer);
}

START_TEST(a_client_freed_from_done_or_with_calls_is_quiet)
{
    struct outcome first = { 0 }, rest = { 0 };
    PLAY(KUBE_REQUESTS, { OK(2) "ok", AFTER_NEXT, 0 });
    struct kube_request request = get(&first);
    request.done = free_client;
    submit(&request);
    request = get(&rest);
    for (int i = 0; i < 5; i++)
        kube_submit(client, &request);
    run_for(5 * US_PER_SECOND); /* on_done breaks it off */
    ck_assert_ptr_null(client);
    ck_assert_str_eq(first.body, "ok");
    ck_assert_uint_eq(rest.times, 0);
    run_for(SHORT_US / 4);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("http");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, a_whole_answer_arrives);
    tcase_add_test(tests, the_request_is_what_was_asked_for);
    tcase_add_test(tests, a_tls_server_name_does_not_change_the_host);
    tcase_add_test(tests, a_refusal_carries_the_servers_reason);
    tcase_add_loop_test(tests, an_answer_that_is_not_whole_is_none, 0,
                        (int)(sizeof(broken) / sizeof(broken[0])));
    tcase_add_test(tests, a_server_that_is_away_is_named_for_every_call);
    tcase_add_test(tests, an_answer_that_is_too_large_is_stopped);
    tcase_add_test(tests, a_stream_comes_through_in_pieces_and_ends);
    tcase_add_test(tests, what_trickles_over_a_stream_is_left_to_gather);
    tcase_add_test(tests, what_has_gathered_is_read_when_it_is_asked_for);
    tcase_add_test(tests, a_quiet_stream_goes_on_and_one_that_does_not_begin_ends);
    tcase_add_test(tests, a_reader_can_end_a_stream);
    tcase_add_test(tests, a_call_that_may_not_leave_any_more_is_not_sent);
    tcase_add_test(tests, calls_that_wait_for_the_connection_do_not_fail);
    tcase_add_test(tests, a_cancelled_call_is_silent_and_the_others_go_on);
    tcase_add_test(tests, a_finished_call_can_still_be_cancelled);
    tcase_add_test(tests, a_client_freed_from_done_or_with_calls_is_quiet);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("kube http", fill);
}
