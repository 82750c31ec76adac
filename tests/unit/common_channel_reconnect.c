#include "tests/unit/channel_fixture.h"

/* What the client does with a server that is away, refuses it, or sends nonsense. */

#define HELLO "{\"v\":1,\"type\":\"hello\",\"min_v\":1,\"role\":\"correlator\",\"version\":\"1\"}\n"
#define ACK                                                                                      \
    "{\"v\":1,\"type\":\"ack\",\"of\":\"halt\",\"id\":\"00000000000000000000000000000001\"}\n"
#define ERROR "{\"v\":1,\"type\":\"error\",\"why\":\"go away\"}\n"

/* Takes every connection for SPAN_US, sends TEXT over it, and closes it; returns how many came. */
static unsigned answer_and_close(struct edge *edge, int listener, const char *text,
                                 uint64_t span_us)
{
    uint64_t until = clock_monotonic_us() + span_us;
    unsigned count = 0;

    while (clock_monotonic_us() < until) {
        event_base_loop(edge->base, EVLOOP_ONCE);
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        count++;
        send(fd, text, strlen(text), MSG_NOSIGNAL);
        close(fd);
    }
    return count;
}

START_TEST(the_client_says_hello_first)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 1);
    int listener = raw_listen(edge);
    char packet[4096];
    ssize_t size = -1;

    start_client(edge);
    deliver(edge, items, 0, 1);
    int fd = raw_accept(edge, listener);
    LOOP_UNTIL(edge, (size = recv(fd, packet, sizeof(packet) - 1, 0)) > 0);
    packet[size] = '\0';
    const char *hello = strstr(packet, "\"type\":\"hello\""), *halt = strstr(packet, "\"halt\"");
    ck_assert(hello != NULL && halt != NULL && hello < halt);
    ck_assert_ptr_nonnull(strstr(packet, "\"role\":\"listener\""));
    close(fd);
    close(listener);
    edge_free(edge);
    free(items);
}
END_TEST

START_TEST(a_server_that_says_nothing_is_served)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 1);
    int listener = raw_listen(edge);

    start_client(edge);
    deliver(edge, items, 0, 1);
    int fd = raw_accept(edge, listener);
    raw_read_until(edge, fd, items[0].delivery.id);
    raw_send(fd, ACK);
    LOOP_UNTIL(edge, items[0].acknowledged);
    close(fd);
    close(listener);
    edge_free(edge);
    free(items);
}
END_TEST

/* 0, 50, 150, 350, 750 ms after the first; without growth there would be 20. */
START_TEST(a_server_that_refuses_is_asked_less_and_less_often)
{
    struct edge *edge = edge_new();
    int listener = raw_listen(edge);

    start_client(edge);
    unsigned count = answer_and_close(edge, listener, HELLO ERROR, US_PER_SECOND);
    ck_assert_uint_ge(count, 2);
    ck_assert_uint_le(count, 6);
    uint64_t errors = counter(channel_client_counters(edge->client), "downstream_errors");
    ck_assert_uint_ge(errors, count - 1);
    ck_assert_uint_le(errors, count);
    close(listener);
    edge_free(edge);
}
END_TEST

START_TEST(a_server_that_said_hello_is_tried_again_soon)
{
    struct edge *edge = edge_new();
    int listener = raw_listen(edge);

    start_client(edge);
    ck_assert_uint_ge(answer_and_close(edge, listener, HELLO, US_PER_SECOND), 8);
    close(listener);
    edge_free(edge);
}
END_TEST

START_TEST(a_server_of_another_version_is_told_so)
{
    struct edge *edge = edge_new();
    int listener = raw_listen(edge);

    start_client(edge);
    int fd = raw_accept(edge, listener);
    raw_send(fd, "{\"v\":3,\"type\":\"hello\",\"min_v\":2,\"role\":\"correlator\","
                 "\"version\":\"3\"}\n");
    const char *all = raw_read_to_end(edge, fd);
    ck_assert_msg(strstr(all, "version 2 to 3, and this program reads 1 to 1") != NULL, "%s", all);
    LOOP_UNTIL(edge, edge->downs == 1);
    ck_assert_uint_eq(counter(channel_client_counters(edge->client), "downstream_garbage"), 1);
    close(fd);
    close(listener);
    edge_free(edge);
}
END_TEST

/* The server closes with records of ours unread (ECONNRESET) right after its last words. */
START_TEST(an_acknowledgement_before_a_reset_counts)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 1);
    int listener = raw_listen(edge);

    start_client(edge);
    deliver(edge, items, 0, 1);
    int fd = raw_accept(edge, listener);
    loop_for(edge, 20 * US_PER_MS);
    raw_send(fd, ACK);
    close(fd);
    LOOP_UNTIL(edge, edge->downs == 1);
    ck_assert(items[0].acknowledged);
    close(listener);
    edge_free(edge);
    free(items);
}
END_TEST

/* The same when it is our send that fails (EPIPE) before the last words were read. */
START_TEST(last_words_are_read_when_a_send_fails)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 2);
    int listener = raw_listen(edge);

    start_client(edge);
    deliver(edge, items, 0, 1);
    int fd = raw_accept(edge, listener);
    raw_read_until(edge, fd, items[0].delivery.id);
    raw_send(fd, ACK);
    close(fd);
    deliver(edge, items, 1, 2);
    LOOP_UNTIL(edge, edge->downs == 1);
    ck_assert(items[0].acknowledged);
    ck_assert_int_eq(items[1].delivery.state, DELIVERY_WAITING);
    close(listener);
    edge_free(edge);
    free(items);
}
END_TEST

START_TEST(an_error_about_nothing_that_is_pending_is_counted_and_harmless)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 1);
    int listener = raw_listen(edge);

    start_client(edge);
    deliver(edge, items, 0, 1);
    int fd = raw_accept(edge, listener);
    raw_send(fd, "{\"v\":1,\"type\":\"error\",\"of\":\"halt\",\"id\":\"other\",\"why\":\"no\"}\n"
                 "{\"v\":1,\"type\":\"error\",\"of\":\"heard\",\"why\":\"no\"}\n"
                 "{\"v\":1,\"type\":\"ack\",\"of\":\"panic\","
                 "\"id\":\"00000000000000000000000000000001\"}\n");
    LOOP_UNTIL(edge, counter(channel_client_counters(edge->client), "downstream_errors") == 2);
    ck_assert_uint_eq(edge->refused + edge->acknowledged, 0);
    ck_assert(channel_client_is_connected(edge->client));
    close(fd);
    close(listener);
    edge_free(edge);
    free(items);
}
END_TEST

/* One line when the server goes, one when it is there again, however often it was tried. */
START_TEST(going_and_coming_back_is_logged_once_each)
{
    struct edge *edge = edge_new();

    start_server(edge);
    start_client(edge);
    LOOP_UNTIL(edge, edge->ups == 1);
    capture_log(edge, LOG_NOTICE);
    stop_server(edge);
    loop_for(edge, 400 * US_PER_MS);
    start_server(edge);
    LOOP_UNTIL(edge, edge->ups == 2);
    const char *log = captured_log(edge);
    ck_assert_msg(count_of(log, "is away") == 1 && count_of(log, "connected to") == 1 &&
                  count_of(log, edge->path) == 2, "%s", log);
    edge_free(edge);
}
END_TEST

START_TEST(a_refusal_is_logged_once_until_it_changes)
{
    struct edge *edge = edge_new();
    int listener = raw_listen(edge);

    capture_log(edge, LOG_NOTICE);
    start_client(edge);
    ck_assert_uint_ge(answer_and_close(edge, listener, HELLO ERROR, 500 * US_PER_MS), 2);
    close(listener);
    loop_for(edge, 500 * US_PER_MS);
    unlink(edge->path);
    start_server(edge);
    LOOP_UNTIL(edge, counter(channel_server_counters(edge->server), "upstream_peers") == 1);
    loop_for(edge, 1200 * US_PER_MS); /* it is believed when it has stayed for a second */
    const char *log = captured_log(edge);
    ck_assert_msg(count_of(log, "go away") == 1 && count_of(log, "is away") == 1 &&
                  count_of(log, "connected to") == 2, "%s", log);
    edge_free(edge);
}
END_TEST

static void fill_suite(Suite *suite)
{
    TCase *reconnect = tcase_create("reconnect");

    tcase_set_timeout(reconnect, 60);
    tcase_add_test(reconnect, the_client_says_hello_first);
    tcase_add_test(reconnect, a_server_that_says_nothing_is_served);
    tcase_add_test(reconnect, a_server_that_refuses_is_asked_less_and_less_often);
    tcase_add_test(reconnect, a_server_that_said_hello_is_tried_again_soon);
    tcase_add_test(reconnect, a_server_of_another_version_is_told_so);
    tcase_add_test(reconnect, an_acknowledgement_before_a_reset_counts);
    tcase_add_test(reconnect, last_words_are_read_when_a_send_fails);
    tcase_add_test(reconnect, an_error_about_nothing_that_is_pending_is_counted_and_harmless);
    tcase_add_test(reconnect, going_and_coming_back_is_logged_once_each);
    tcase_add_test(reconnect, a_refusal_is_logged_once_until_it_changes);
    suite_add_tcase(suite, reconnect);
}

int main(void)
{
    return unit_run("channel reconnect", fill_suite);
}
