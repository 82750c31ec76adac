#include "tests/unit/channel_fixture.h"

START_TEST(ten_thousand_deliveries_arrive_in_order)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, EDGE_ITEMS);

    start_server(edge);
    start_client(edge);
    deliver(edge, items, 0, EDGE_ITEMS);
    ck_assert_uint_eq(channel_client_pending(edge->client), EDGE_ITEMS);
    LOOP_UNTIL(edge, edge->acknowledged == EDGE_ITEMS);
    ck_assert_uint_eq(channel_client_pending(edge->client), 0);
    ck_assert_uint_eq(edge->got_count, EDGE_ITEMS);
    assert_numbers(edge->got, edge->got_count, 1);

    const struct counters *counters = channel_client_counters(edge->client);
    ck_assert_uint_eq(counter(counters, "downstream_sent"), EDGE_ITEMS);
    ck_assert_uint_eq(counter(counters, "downstream_acknowledged"), EDGE_ITEMS);
    ck_assert_uint_eq(counter(counters, "downstream_resent"), 0);
    counters = channel_server_counters(edge->server);
    ck_assert_uint_eq(counter(counters, "upstream_records"), EDGE_ITEMS + 1); /* and hello */
    ck_assert_uint_lt(counter(counters, "upstream_packets"), EDGE_ITEMS / 10);
    edge_free(edge);
    free(items);
}
END_TEST

START_TEST(all_acknowledgements_at_once_reach_a_peer_that_reads)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, EDGE_ITEMS);

    edge->ack_at_once = false;
    start_server(edge);
    start_client(edge);
    deliver(edge, items, 0, EDGE_ITEMS);
    LOOP_UNTIL(edge, edge->got_count == EDGE_ITEMS);
    for (unsigned i = 0; i < EDGE_ITEMS; i++)
        channel_server_acknowledge(edge->server, RECORD_HALT, items[i].delivery.id);
    LOOP_UNTIL(edge, edge->acknowledged == EDGE_ITEMS);
    ck_assert_uint_eq(edge->downs, 0);
    edge_free(edge);
    free(items);
}
END_TEST

START_TEST(what_was_not_acknowledged_is_sent_again_in_order)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 6);

    edge->ack_at_once = false;
    edge->refuse_number = 3;
    start_server(edge);
    start_client(edge);
    deliver(edge, items, 0, 5);
    LOOP_UNTIL(edge, edge->got_count == 5 && edge->refused == 1);
    channel_server_acknowledge(edge->server, RECORD_HALT, items[1].delivery.id);
    LOOP_UNTIL(edge, edge->acknowledged == 1);

    stop_server(edge);
    ck_assert_uint_eq(edge->left, 1);
    LOOP_UNTIL(edge, edge->downs == 1);
    ck_assert(!channel_client_is_connected(edge->client));
    deliver(edge, items, 5, 6);
    edge->got_count = 0;
    edge->ack_at_once = true;
    start_server(edge);
    LOOP_UNTIL(edge, edge->acknowledged == 5);
    static const unsigned expected[] = { 1, 4, 5, 6 }; /* 2 is acknowledged, 3 is parked */
    ck_assert_uint_eq(edge->got_count, 4);
    ck_assert_mem_eq(edge->got, expected, sizeof(expected));
    ck_assert_int_eq(items[2].delivery.state, DELIVERY_PARKED);
    ck_assert_uint_eq(channel_client_pending(edge->client), 1);
    ck_assert_uint_eq(counter(channel_client_counters(edge->client), "downstream_resent"), 3);
    ck_assert_uint_eq(counter(channel_client_counters(edge->client), "downstream_connects"), 2);
    edge_free(edge);
    free(items);
}
END_TEST

/* Each server acknowledges what it got, and is gone in the middle with acks on their way. */
START_TEST(nothing_is_lost_when_the_server_is_replaced_again_and_again)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 5000);

    start_client(edge);
    deliver(edge, items, 0, 5000);
    for (unsigned i = 1; i <= 5; i++) {
        start_server(edge);
        LOOP_UNTIL(edge, edge->acknowledged >= i * 500);
        stop_server(edge);
    }
    start_server(edge);
    LOOP_UNTIL(edge, edge->acknowledged == 5000);
    unsigned seen = 0;
    for (size_t i = 0; i < edge->got_count; i++) {
        ck_assert_uint_le(edge->got[i], seen + 1); /* nothing overtakes what was not seen yet */
        if (edge->got[i] == seen + 1)
            seen++;
    }
    ck_assert_uint_eq(seen, 5000);
    edge_free(edge);
    free(items);
}
END_TEST

START_TEST(an_acknowledgement_reaches_every_peer_that_sent_the_record)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 1), *again = new_items(edge, 1);

    edge->ack_at_once = false;
    start_server(edge);
    start_client(edge);
    static const struct channel_client_handler quiet = { client_fill, client_acknowledged };
    struct channel_client *second = channel_client_new(edge->base, edge->path, ROLE_LISTENER,
                                                       ROLE_CORRELATOR, &quiet, edge);
    channel_client_deliver(edge->client, &items[0].delivery);
    channel_client_deliver(second, &again[0].delivery);
    LOOP_UNTIL(edge, edge->got_count == 2);
    channel_server_acknowledge(edge->server, RECORD_HALT, items[0].delivery.id);
    LOOP_UNTIL(edge, edge->acknowledged == 2);
    channel_client_free(second);
    edge_free(edge);
    free(items);
    free(again);
}
END_TEST

START_TEST(a_delivery_is_acknowledged_over_the_connection_after_the_one_that_took_it)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 1);

    edge->ack_at_once = false;
    start_server(edge);
    start_client(edge);
    deliver(edge, items, 0, 1);
    LOOP_UNTIL(edge, edge->got_count == 1);
    stop_server(edge);
    start_server(edge);
    LOOP_UNTIL(edge, edge->got_count == 2);
    channel_server_acknowledge(edge->server, RECORD_HALT, items[0].delivery.id);
    LOOP_UNTIL(edge, items[0].acknowledged);
    edge_free(edge);
    free(items);
}
END_TEST

START_TEST(a_refused_delivery_is_parked_and_the_rest_go_on)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 3);

    edge->refuse_number = 1;
    start_server(edge);
    start_client(edge);
    deliver(edge, items, 0, 3);
    LOOP_UNTIL(edge, edge->acknowledged == 2 && edge->refused == 1);
    ck_assert(items[0].refused && items[1].acknowledged && items[2].acknowledged);
    ck_assert_str_eq(edge->why, "not this one");
    ck_assert_uint_eq(channel_client_pending(edge->client), 1);
    ck_assert_uint_eq(edge->downs, 0);
    ck_assert_uint_eq(counter(channel_client_counters(edge->client), "downstream_parked"), 1);
    ck_assert_uint_eq(counter(channel_server_counters(edge->server), "upstream_refused"), 1);
    channel_server_acknowledge(edge->server, RECORD_HALT, items[0].delivery.id);
    LOOP_UNTIL(edge, items[0].acknowledged);
    edge_free(edge);
    free(items);
}
END_TEST

START_TEST(a_withdrawn_delivery_is_not_sent_and_its_late_acknowledgement_is_ignored)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 3);

    edge->ack_at_once = false;
    start_client(edge);
    deliver(edge, items, 0, 3);
    channel_client_withdraw(edge->client, &items[1].delivery);
    start_server(edge);
    LOOP_UNTIL(edge, edge->got_count == 2);
    ck_assert_uint_eq(edge->got[0], 1);
    ck_assert_uint_eq(edge->got[1], 3);
    channel_client_withdraw(edge->client, &items[0].delivery);
    channel_server_acknowledge(edge->server, RECORD_HALT, items[0].delivery.id);
    channel_server_acknowledge(edge->server, RECORD_HALT, items[2].delivery.id);
    LOOP_UNTIL(edge, items[2].acknowledged);
    ck_assert(!items[0].acknowledged && !items[1].acknowledged);
    edge_free(edge);
    free(items);
}
END_TEST

static const struct record *halt_record(unsigned number)
{
    static struct record record;

    record = (struct record){ .kind = RECORD_HALT,
                              .halt = { .id = "best-effort", .source = "192.0.2.1",
                                        .received_us = number } };
    return &record;
}

START_TEST(best_effort_without_a_connection_is_dropped_and_counted)
{
    struct edge *edge = edge_new();

    start_client(edge);
    loop_for(edge, 10 * US_PER_MS);
    ck_assert(!channel_client_send(edge->client, halt_record(1)));
    ck_assert_uint_eq(counter(channel_client_counters(edge->client), "downstream_dropped"), 1);
    edge_free(edge);
}
END_TEST

START_TEST(best_effort_is_bounded_counted_and_goes_on_when_the_server_reads_again)
{
    struct edge *edge = edge_new();
    unsigned sent = 0;

    edge->ack_at_once = false;
    start_server(edge);
    channel_server_hold(edge->server, true);
    start_client(edge);
    LOOP_UNTIL(edge, edge->ups == 1 && edge->joined == 1);
    while (channel_client_send(edge->client, halt_record(sent + 1))) {
        sent++;
        event_base_loop(edge->base, EVLOOP_NONBLOCK);
        ck_assert_uint_lt(sent, EDGE_ITEMS);
    }
    ck_assert_uint_eq(counter(channel_client_counters(edge->client), "downstream_dropped"), 1);
    ck_assert_uint_eq(edge->got_count, 0);

    channel_server_hold(edge->server, false);
    LOOP_UNTIL(edge, edge->got_count == sent);
    assert_numbers(edge->got, sent, 1);
    ck_assert(channel_client_send(edge->client, halt_record(sent + 1)));
    edge_free(edge);
}
END_TEST

START_TEST(best_effort_goes_after_the_deliveries_that_wait)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 2000);

    start_server(edge);
    start_client(edge);
    LOOP_UNTIL(edge, edge->ups == 1);
    deliver(edge, items, 0, 1000);
    ck_assert(channel_client_send(edge->client, halt_record(9999)));
    deliver(edge, items, 1000, 2000);
    LOOP_UNTIL(edge, edge->got_count == 2001);
    assert_numbers(edge->got, 2000, 1);
    ck_assert_uint_eq(edge->got[2000], 9999);
    LOOP_UNTIL(edge, edge->acknowledged == 2000);
    edge_free(edge);
    free(items);
}
END_TEST

START_TEST(best_effort_of_the_server_is_dropped_and_counted_when_the_peer_does_not_read)
{
    struct edge *edge = edge_new();
    const char *line = "192.0.2.7";
    struct record record = { .kind = RECORD_SOURCES,
                             .sources = { .op = SOURCES_ADD, .addresses = { 1, &line } } };

    start_server(edge);
    int fd = raw_connect(edge);
    LOOP_UNTIL(edge, edge->joined == 1);
    while (counter(channel_server_counters(edge->server), "upstream_dropped") < 10) {
        channel_server_broadcast(edge->server, &record);
        event_base_loop(edge->base, EVLOOP_NONBLOCK);
    }
    ck_assert_uint_eq(channel_server_peers(edge->server), 1);
    close(fd);
    edge_free(edge);
}
END_TEST

START_TEST(a_stream_to_a_slow_reader_drops_nothing)
{
    struct edge *edge = edge_new();
    unsigned next = 1, records = 0;

    edge->stream_from = 1;
    edge->stream_to = EDGE_ITEMS + 1;
    start_server(edge);
    int fd = raw_connect(edge);
    loop_for(edge, 20 * US_PER_MS);
    ck_assert_uint_lt(edge->stream_from, edge->stream_to); /* it is not gathered in memory */
    while (records < EDGE_ITEMS) {
        char bytes[RECORD_PACKET_MAX], why[RECORD_WHY_SIZE];
        struct packet packet;
        ssize_t size = -1;
        event_base_loop(edge->base, EVLOOP_NONBLOCK); /* many turns for each packet read */
        LOOP_UNTIL(edge, (size = recv(fd, bytes, sizeof(bytes), 0)) > 0);
        ck_assert_msg(packet_decode(bytes, (size_t)size, true, &packet, why), "%s", why);
        for (size_t i = 0; i < packet.count; i++) {
            if (packet.records[i].kind == RECORD_HELLO)
                continue;
            const char *line = packet.records[i].sources.addresses.line[0];
            ck_assert_uint_eq(strtoul(line, NULL, 10), next);
            next++;
            records++;
        }
        packet_free(&packet);
    }
    ck_assert_uint_eq(counter(channel_server_counters(edge->server), "upstream_dropped"), 0);
    close(fd);
    edge_free(edge);
}
END_TEST

START_TEST(a_stream_reaches_the_client)
{
    struct edge *edge = edge_new();

    edge->stream_from = 1;
    edge->stream_to = 501;
    start_server(edge);
    start_client(edge);
    LOOP_UNTIL(edge, edge->sources_count == 500);
    assert_numbers(edge->sources, 500, 1);
    edge_free(edge);
}
END_TEST

START_TEST(who_joins_while_reading_is_held_waits_too)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 1);

    start_server(edge);
    channel_server_hold(edge->server, true);
    start_client(edge);
    deliver(edge, items, 0, 1);
    LOOP_UNTIL(edge, edge->joined == 1);
    loop_for(edge, 20 * US_PER_MS);
    ck_assert_uint_eq(edge->got_count, 0);
    channel_server_hold(edge->server, false);
    LOOP_UNTIL(edge, edge->acknowledged == 1);
    edge_free(edge);
    free(items);
}
END_TEST

static void fill_suite(Suite *suite)
{
    TCase *deliveries = tcase_create("deliveries"), *rest = tcase_create("best effort, streams");

    tcase_set_timeout(deliveries, 60);
    tcase_add_test(deliveries, ten_thousand_deliveries_arrive_in_order);
    tcase_add_test(deliveries, all_acknowledgements_at_once_reach_a_peer_that_reads);
    tcase_add_test(deliveries, what_was_not_acknowledged_is_sent_again_in_order);
    tcase_add_test(deliveries, nothing_is_lost_when_the_server_is_replaced_again_and_again);
    tcase_add_test(deliveries, an_acknowledgement_reaches_every_peer_that_sent_the_record);
    tcase_add_test(deliveries,
                   a_delivery_is_acknowledged_over_the_connection_after_the_one_that_took_it);
    tcase_add_test(deliveries, a_refused_delivery_is_parked_and_the_rest_go_on);
    tcase_add_test(deliveries,
                   a_withdrawn_delivery_is_not_sent_and_its_late_acknowledgement_is_ignored);
    suite_add_tcase(suite, deliveries);

    tcase_set_timeout(rest, 60);
    tcase_add_test(rest, best_effort_without_a_connection_is_dropped_and_counted);
    tcase_add_test(rest, best_effort_is_bounded_counted_and_goes_on_when_the_server_reads_again);
    tcase_add_test(rest, best_effort_goes_after_the_deliveries_that_wait);
    tcase_add_test(rest,
                   best_effort_of_the_server_is_dropped_and_counted_when_the_peer_does_not_read);
    tcase_add_test(rest, a_stream_to_a_slow_reader_drops_nothing);
    tcase_add_test(rest, a_stream_reaches_the_client);
    tcase_add_test(rest, who_joins_while_reading_is_held_waits_too);
    suite_add_tcase(suite, rest);
}

int main(void)
{
    return unit_run("channel", fill_suite);
}
