#include "common/service.h"
#include "listener/udp.h"

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <linux/filter.h>
#include <string.h>
#include <unistd.h>

/*
 * The batch in the file, and a listener that is killed: what it had handled but may need again, and
 * what it had not handled, is offered by the next one.
 */
static struct event_base *base;
static struct batch *batch;
static struct udp *udp;
static char heard[1024][32];
static size_t heard_count, refuse_at;
static bool unsettled, knows_nodes;
static unsigned narrowed;
static uint64_t lost;
static struct sockaddr_in name;
static int sender, receiver;

static bool on_datagram(void *arg, const struct datagram *datagram)
{
    (void)arg;
    if (heard_count == refuse_at)
        return false;
    memcpy(heard[heard_count], datagram->bytes.bytes, datagram->bytes.size);
    heard[heard_count++][datagram->bytes.size] = '\0';
    return true;
}

static bool on_unsettled(void *arg)
{
    (void)arg;
    return unsettled;
}

static void on_dropped(void *arg, uint64_t count)
{
    (void)arg;
    lost += count;
}

static bool on_narrow(void *arg, struct sock_fprog *program)
{
    static struct sock_filter nobody[] = { { BPF_RET | BPF_K, 0, 0, 0 } };
    (void)arg;
    narrowed++;
    *program = (struct sock_fprog){ 1, nobody };
    return knows_nodes;
}
static const struct udp_handler handler = { on_datagram, on_unsettled, on_dropped, on_narrow };

static void open_udp(void)
{
    heard_count = 0;
    udp = udp_new(base, batch, &handler, NULL);
}

static void listen_on_it(void)
{
    int fd = receiver = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socklen_t size = sizeof(name);
    name = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, size), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&name, &size), 0);
    ck_assert(udp_take(udp, fd));
    udp_start(udp);
}

static void setup(void)
{
    base = service_loop();
    batch = calloc(1, sizeof(*batch));
    sender = socket(AF_INET, SOCK_DGRAM, 0);
    unsettled = false;
    knows_nodes = true;
    narrowed = 0;
    lost = 0;
    refuse_at = SIZE_MAX;
    open_udp();
    ck_assert(udp_restore(udp)); /* a new file */
    listen_on_it();
}

static void teardown(void)
{
    udp_free(udp);
    event_base_free(base);
    free(batch);
    close(sender);
}

static void send_it(const char *text)
{
    ck_assert_int_eq(sendto(sender, text, strlen(text), 0, (struct sockaddr *)&name, sizeof(name)),
                     (ssize_t)strlen(text));
}

static void turn(void)
{
    for (int i = 0; i < 5; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

static bool restart(void)
{
    udp_free(udp); /* which stores nothing */
    open_udp();
    return udp_restore(udp);
}

START_TEST(what_was_handled_is_not_offered_again)
{
    send_it("a");
    send_it("b");
    turn();
    ck_assert_uint_eq(heard_count, 2);
    ck_assert(restart());
    ck_assert_uint_eq(heard_count, 0);
}
END_TEST

START_TEST(what_is_unsettled_is_offered_again_with_what_came_behind_it)
{
    unsettled = true;
    send_it("a");
    turn();
    send_it("b");
    turn();
    ck_assert_uint_eq(heard_count, 2);
    ck_assert(restart());
    ck_assert_uint_eq(heard_count, 2);
    ck_assert_str_eq(heard[0], "a");
    ck_assert_str_eq(heard[1], "b");
    listen_on_it(); /* still unsettled: behind what was restored */
    send_it("c");
    turn();
    ck_assert(restart());
    ck_assert_uint_eq(heard_count, 3);
    ck_assert_str_eq(heard[2], "c");
    unsettled = false;
    udp_settle(udp);
    ck_assert(restart());
    ck_assert_uint_eq(heard_count, 0);
}
END_TEST

START_TEST(a_full_batch_makes_room_though_unsettled)
{
    unsettled = true;
    for (int i = 0; i < 3 * PENDING_BATCH; i++) {
        heard_count = 0;
        send_it("a");
        turn();
        ck_assert_uint_eq(heard_count, 1);
    }
}
END_TEST

START_TEST(what_was_refused_stays_until_it_is_taken)
{
    refuse_at = 1;
    send_it("a");
    send_it("b");
    send_it("c");
    turn();
    ck_assert_uint_eq(heard_count, 1);
    udp_settle(udp); /* of what is not handled nothing is settled */
    ck_assert(!restart());
    refuse_at = SIZE_MAX;
    ck_assert(udp_resume(udp));
    ck_assert_uint_eq(heard_count, 3);
    ck_assert_str_eq(heard[2], "c");
}
END_TEST

static void second(void)
{
    usleep(1100000);
    turn();
}

START_TEST(a_queue_that_is_half_full_lets_in_nobody_who_is_no_node)
{
    int size = 65536;
    setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    refuse_at = 0;
    send_it("refused, so nothing is read");
    turn();
    for (int i = 0; i < 120; i++)
        send_it("a");
    second();
    ck_assert_uint_eq(narrowed, 1);
    for (int i = 0; i < 5; i++)
        send_it("b");
    refuse_at = SIZE_MAX;
    ck_assert(udp_resume(udp));
    udp_start(udp);
    turn();
    ck_assert_uint_eq(heard_count, 1 + 120);
    send_it("c"); /* it has emptied */
    second();
    ck_assert_uint_eq(heard_count, 1 + 120 + 1);
    ck_assert_uint_eq(lost, 5);
}
END_TEST

START_TEST(a_queue_that_was_read_empty_lets_in_everybody)
{
    int size = 65536;
    setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    for (int i = 0; i < 120; i++)
        send_it("a");
    turn();
    ck_assert_uint_eq(narrowed, 1);
    ck_assert_uint_eq(heard_count, 120);
    send_it("b");
    turn();
    ck_assert_uint_eq(heard_count, 121);
    ck_assert_uint_eq(lost, 0);
}
END_TEST

START_TEST(a_socket_that_a_killed_listener_had_narrowed_is_open_again)
{
    int size = 65536;
    setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    refuse_at = 0;
    send_it("refused");
    turn();
    for (int i = 0; i < 120; i++)
        send_it("a");
    second();
    ck_assert_uint_eq(narrowed, 1);
    int passed = dup(receiver); /* as systemd keeps it */
    refuse_at = SIZE_MAX;
    ck_assert(restart());
    ck_assert(udp_take(udp, passed));
    udp_start(udp);
    send_it("b");
    turn();
    ck_assert_str_eq(heard[heard_count - 1], "b");
}
END_TEST

START_TEST(while_no_node_is_known_everybody_is_let_in)
{
    int size = 65536;
    knows_nodes = false;
    setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    for (int i = 0; i < 120; i++)
        send_it("a");
    refuse_at = 0;
    turn();
    refuse_at = SIZE_MAX;
    send_it("b");
    ck_assert(udp_resume(udp));
    udp_start(udp);
    turn();
    ck_assert_uint_eq(heard_count, 121);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *batches = tcase_create("batches");
    tcase_add_checked_fixture(batches, setup, teardown);
    tcase_add_test(batches, what_was_handled_is_not_offered_again);
    tcase_add_test(batches, what_is_unsettled_is_offered_again_with_what_came_behind_it);
    tcase_add_test(batches, a_full_batch_makes_room_though_unsettled);
    tcase_add_test(batches, what_was_refused_stays_until_it_is_taken);
    suite_add_tcase(suite, batches);

    TCase *floods = tcase_create("floods");
    tcase_add_checked_fixture(floods, setup, teardown);
    tcase_add_test(floods, a_queue_that_is_half_full_lets_in_nobody_who_is_no_node);
    tcase_add_test(floods, a_queue_that_was_read_empty_lets_in_everybody);
    tcase_add_test(floods, a_socket_that_a_killed_listener_had_narrowed_is_open_again);
    tcase_add_test(floods, while_no_node_is_known_everybody_is_let_in);
    suite_add_tcase(suite, floods);
}

int main(void)
{
    return unit_run("listener udp", fill);
}
