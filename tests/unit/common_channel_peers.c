#include "tests/unit/channel_fixture.h"

/* What the server does with peers that are not its own client. */

#define HALT                                                                                     \
    "{\"v\":1,\"type\":\"halt\",\"id\":\"7\",\"source\":\"192.0.2.1\",\"port\":6666,"             \
    "\"received_us\":7,\"kind\":\"halted\"}\n"
#define HALT_ACK "{\"v\":1,\"type\":\"ack\",\"of\":\"halt\",\"id\":\"7\"}\n"

START_TEST(a_peer_without_hello_is_served)
{
    struct edge *edge = edge_new();

    start_server(edge);
    int fd = raw_connect(edge);
    raw_send(fd, HALT);
    raw_read_until(edge, fd, HALT_ACK);
    ck_assert_uint_eq(edge->got_count, 1);
    close(fd);
    LOOP_UNTIL(edge, edge->left == 1);
    edge_free(edge);
}
END_TEST

START_TEST(a_peer_that_stops_sending_still_gets_its_answer)
{
    struct edge *edge = edge_new();

    start_server(edge);
    int fd = raw_connect(edge);
    raw_send(fd, HALT);
    shutdown(fd, SHUT_WR);
    ck_assert_ptr_nonnull(strstr(raw_read_to_end(edge, fd), HALT_ACK));
    close(fd);
    edge_free(edge);
}
END_TEST

/* The packets that close a peer, and what it is told. */
static const struct {
    const char *packet, *told;
} garbage[] = {
    { "garbage\n", "\"type\":\"error\"" },
    { "\n", "\"type\":\"error\"" },
    { "{}\n", "\"type\":\"error\"" },
    { "\x01\x02\xff\xfe", "\"type\":\"error\"" },
    { "{\"v\":1,\"type\":\"nonsense\"}\n", "nonsense" },
    { "{\"v\":9,\"type\":\"heard\",\"addresses\":[]}\n", "version 9" },
    { "{\"v\":9,\"type\":\"hello\",\"min_v\":8,\"role\":\"listener\",\"version\":\"9\"}\n",
      "version 8 to 9, and this program reads 1 to 1" },
    { "{\"v\":1,\"type\":\"hello\",\"min_v\":1,\"role\":\"actuator\",\"version\":\"1\"}\n",
      "the correlator expects the listener here, not the actuator" },
    { "{\"v\":1,\"type\":\"sources\",\"op\":\"begin\"}\n",
      "the listener may not send sources to the correlator" },
    { "{\"v\":1,\"type\":\"ack\",\"of\":\"halt\",\"id\":\"7\"}\n",
      "the listener may not send ack to the correlator" },
    { HALT "garbage\n", "line 2" },
};

START_TEST(garbage_is_told_closed_and_harms_nobody_else)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 2);

    start_server(edge);
    start_client(edge);
    deliver(edge, items, 0, 1);
    LOOP_UNTIL(edge, edge->acknowledged == 1);

    int fd = raw_connect(edge);
    raw_send(fd, garbage[_i].packet);
    raw_send(fd, HALT); /* not read any more */
    const char *all = raw_read_to_end(edge, fd);
    ck_assert_msg(strstr(all, garbage[_i].told) != NULL, "%s", all);
    close(fd);
    LOOP_UNTIL(edge, edge->left == 1);
    ck_assert_uint_eq(counter(channel_server_counters(edge->server), "upstream_garbage"), 1);

    deliver(edge, items, 1, 2);
    LOOP_UNTIL(edge, edge->acknowledged == 2);
    ck_assert_uint_eq(edge->downs, 0);
    ck_assert_uint_eq(edge->got_count, 2); /* nothing of the garbage packet was used */
    assert_numbers(edge->got, 2, 1);
    edge_free(edge);
    free(items);
}
END_TEST

START_TEST(a_newer_peer_that_reads_our_version_is_served)
{
    struct edge *edge = edge_new();

    start_server(edge);
    int fd = raw_connect(edge);
    raw_send(fd, "{\"v\":9,\"type\":\"hello\",\"min_v\":1,\"role\":\"listener\",\"version\":\"9\","
                 "\"colour\":\"blue\"}\n" HALT);
    raw_read_until(edge, fd, HALT_ACK);
    close(fd);
    edge_free(edge);
}
END_TEST

/* HALT in a packet of SIZE bytes, by a field that nobody knows. */
static char *padded_halt(size_t size)
{
    static const char end[] = "\"}\n";
    char *packet = xmalloc(size);
    int start = snprintf(packet, size, "%.*s,\"pad\":\"", (int)strlen(HALT) - 2, HALT);

    memset(packet + start, 'x', size - (size_t)start);
    memcpy(packet + size - strlen(end), end, strlen(end));
    return packet;
}

START_TEST(the_largest_packet_passes)
{
    struct edge *edge = edge_new();
    char *packet = padded_halt(RECORD_PACKET_MAX);

    start_server(edge);
    int fd = raw_connect(edge);
    ck_assert_int_eq(send(fd, packet, RECORD_PACKET_MAX, 0), RECORD_PACKET_MAX);
    raw_read_until(edge, fd, HALT_ACK);
    close(fd);
    edge_free(edge);
    free(packet);
}
END_TEST

START_TEST(a_packet_that_is_cut_by_our_buffer_is_never_used)
{
    struct edge *edge = edge_new();
    char *packet = padded_halt(RECORD_PACKET_MAX + 4096);

    memcpy(packet, HALT, strlen(HALT)); /* a good line in front */
    packet[RECORD_PACKET_MAX - 1] = '\n';
    start_server(edge);
    int fd = raw_connect(edge);
    ck_assert_int_eq(send(fd, packet, RECORD_PACKET_MAX + 4096, 0), RECORD_PACKET_MAX + 4096);
    const char *all = raw_read_to_end(edge, fd);
    ck_assert_msg(strstr(all, "a packet is longer than 65536 bytes") != NULL, "%s", all);
    ck_assert_uint_eq(edge->got_count, 0);
    close(fd);
    edge_free(edge);
    free(packet);
}
END_TEST

START_TEST(an_empty_packet_closes_that_peer_only)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 1);

    start_server(edge);
    start_client(edge);
    int fd = raw_connect(edge);
    LOOP_UNTIL(edge, edge->joined == 2);
    ck_assert_int_eq(send(fd, "", 0, 0), 0);
    raw_read_to_end(edge, fd);
    close(fd);
    deliver(edge, items, 0, 1);
    LOOP_UNTIL(edge, edge->acknowledged == 1);
    ck_assert_uint_eq(channel_server_peers(edge->server), 1);
    edge_free(edge);
    free(items);
}
END_TEST

START_TEST(descriptors_that_a_peer_passes_are_not_kept)
{
    struct edge *edge = edge_new();
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
                              .cmsg_type = SCM_RIGHTS } };
    struct iovec part = { (void *)(uintptr_t)HALT, strlen(HALT) };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space,
                              .msg_controllen = sizeof(control.space) };
    int ends[2];
    char byte;

    ck_assert_int_eq(pipe(ends), 0);
    memcpy(CMSG_DATA(&control.header), &ends[1], sizeof(int));
    start_server(edge);
    int fd = raw_connect(edge);
    ck_assert_int_eq(sendmsg(fd, &message, 0), (ssize_t)strlen(HALT));
    raw_read_until(edge, fd, HALT_ACK);
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &byte, 1), 0); /* nobody else holds the other end */
    close(ends[0]);
    close(fd);
    edge_free(edge);
}
END_TEST

/* More acknowledgements than any peer has a right to leave unread. */
static void owe_too_much(struct edge *edge)
{
    char id[DIGEST_TEXT_SIZE];

    for (unsigned i = 0; i < 40000; i++) {
        snprintf(id, sizeof(id), "%032u", i);
        channel_server_acknowledge(edge->server, RECORD_HALT, id);
    }
}

START_TEST(a_peer_that_does_not_read_its_acknowledgements_is_closed)
{
    struct edge *edge = edge_new();

    start_server(edge);
    int fd = raw_connect(edge);
    LOOP_UNTIL(edge, edge->joined == 1);
    owe_too_much(edge);
    LOOP_UNTIL(edge, edge->left == 1);
    ck_assert_uint_eq(counter(channel_server_counters(edge->server), "upstream_slow"), 1);
    ck_assert_uint_eq(channel_server_peers(edge->server), 0);
    close(fd);
    edge_free(edge);
}
END_TEST

START_TEST(a_garbage_peer_that_does_not_read_is_closed_all_the_same)
{
    struct edge *edge = edge_new();

    start_server(edge);
    int fd = raw_connect(edge);
    LOOP_UNTIL(edge, edge->joined == 1);
    for (unsigned i = 0; i < 10000; i++) /* fills its socket */
        channel_server_acknowledge(edge->server, RECORD_HALT, "7");
    loop_for(edge, 10 * US_PER_MS);
    raw_send(fd, "garbage\n");
    raw_send(fd, HALT);
    LOOP_UNTIL(edge, edge->left == 1);
    ck_assert_uint_eq(edge->got_count, 0);
    ck_assert_uint_eq(counter(channel_server_counters(edge->server), "upstream_garbage"), 1);
    close(fd);
    edge_free(edge);
}
END_TEST

START_TEST(what_was_owed_before_the_garbage_comes_first_and_whole)
{
    struct edge *edge = edge_new();
    unsigned acks = 0, errors = 0;
    ssize_t size = -1;
    char packet[RECORD_PACKET_MAX + 1];

    start_server(edge);
    int fd = raw_connect(edge);
    LOOP_UNTIL(edge, edge->joined == 1);
    for (unsigned i = 0; i < 10000; i++) /* more than its socket holds */
        channel_server_acknowledge(edge->server, RECORD_HALT, "7");
    raw_send(fd, "garbage\n");
    loop_for(edge, 10 * US_PER_MS);
    while (size != 0) {
        LOOP_UNTIL(edge, (size = recv(fd, packet, sizeof(packet) - 1, 0)) >= 0);
        packet[size] = '\0';
        acks += count_of(packet, HALT_ACK);
        errors += count_of(packet, "\"error\"");
    }
    ck_assert_uint_eq(acks, 10000);
    ck_assert_uint_eq(errors, 1);
    close(fd);
    edge_free(edge);
}
END_TEST

START_TEST(one_peer_too_many_is_turned_away)
{
    struct edge *edge = edge_new();
    int fds[16];

    start_server(edge);
    for (int i = 0; i < 16; i++) {
        fds[i] = raw_connect(edge);
        LOOP_UNTIL(edge, edge->joined == (unsigned)i + 1);
    }
    int fd = raw_connect(edge);
    ck_assert_ptr_nonnull(strstr(raw_read_to_end(edge, fd), "16 peers are connected already"));
    close(fd);
    ck_assert_uint_eq(channel_server_peers(edge->server), 16);
    for (int i = 0; i < 16; i++)
        close(fds[i]);
    LOOP_UNTIL(edge, channel_server_peers(edge->server) == 0);
    edge_free(edge);
}
END_TEST

START_TEST(those_who_hung_up_while_reading_was_held_make_room)
{
    struct edge *edge = edge_new();

    start_server(edge);
    channel_server_hold(edge->server, true);
    for (unsigned i = 1; i <= 16; i++) {
        int fd = raw_connect(edge);
        raw_read_until(edge, fd, "hello");
        ck_assert_uint_eq(channel_server_peers(edge->server), i);
        close(fd);
    }
    int fd = raw_connect(edge);
    raw_read_until(edge, fd, "hello");
    close(fd);
    edge_free(edge);
}
END_TEST

static void fill_suite(Suite *suite)
{
    TCase *peers = tcase_create("peers");

    tcase_set_timeout(peers, 60);
    tcase_add_test(peers, a_peer_without_hello_is_served);
    tcase_add_test(peers, a_peer_that_stops_sending_still_gets_its_answer);
    tcase_add_loop_test(peers, garbage_is_told_closed_and_harms_nobody_else, 0,
                        sizeof(garbage) / sizeof(*garbage));
    tcase_add_test(peers, a_newer_peer_that_reads_our_version_is_served);
    tcase_add_test(peers, the_largest_packet_passes);
    tcase_add_test(peers, a_packet_that_is_cut_by_our_buffer_is_never_used);
    tcase_add_test(peers, an_empty_packet_closes_that_peer_only);
    tcase_add_test(peers, descriptors_that_a_peer_passes_are_not_kept);
    tcase_add_test(peers, a_peer_that_does_not_read_its_acknowledgements_is_closed);
    tcase_add_test(peers, a_garbage_peer_that_does_not_read_is_closed_all_the_same);
    tcase_add_test(peers, what_was_owed_before_the_garbage_comes_first_and_whole);
    tcase_add_test(peers, one_peer_too_many_is_turned_away);
    tcase_add_test(peers, those_who_hung_up_while_reading_was_held_make_room);
    suite_add_tcase(suite, peers);
}

int main(void)
{
    return unit_run("channel peers", fill_suite);
}
