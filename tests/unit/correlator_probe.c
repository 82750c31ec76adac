#include "tests/unit/unit.h"

#include "common/clock.h"
#include "correlator/probe.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NODE 77

static struct event_base *base;
static struct prober *prober;
static struct probe_list list;
static struct probe_result last;
static struct address last_address;
static unsigned heard;

static void on_heard(void *arg, struct probe_list *of, enum probe_use use,
                     const struct probe_result *result)
{
    (void)arg;
    ck_assert_ptr_eq(of, &list);
    ck_assert_int_eq(use, PROBE_SUSPECT);
    last = *result;
    last_address = *result->address;
    heard++;
}

static void set_up(void)
{
    base = event_base_new();
    prober = prober_new(base, 256, on_heard, NULL);
    LIST_INIT(&list);
    heard = 0;
}

static void tear_down(void)
{
    probe_close(&list);
    prober_free(prober);
    event_base_free(base);
}

static struct address loopback(void)
{
    struct address address;
    ck_assert(address_parse("127.0.0.1", &address));
    return address;
}

/* A socket that listens on a port of its own. */
static int listen_on(const char *text, int backlog, uint16_t *port)
{
    struct sockaddr_storage name;
    socklen_t size = address_parse_endpoint(text, &name);
    int fd = socket(name.ss_family, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, size), 0);
    ck_assert_int_eq(listen(fd, backlog), 0);
    getsockname(fd, (struct sockaddr *)&name, &size);
    struct address address;
    ck_assert(address_of_sockaddr(&name, &address, port));
    return fd;
}

/* One whose backlog is full: the kernel drops what comes, as if nobody were there. */
static int fall_silent(int fillers[2], uint16_t *port)
{
    int fd = listen_on("127.0.0.1:0", 0, port);
    struct sockaddr_in name;
    socklen_t size = sizeof(name);
    getsockname(fd, (struct sockaddr *)&name, &size);
    for (int i = 0; i < 2; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fillers[i], (struct sockaddr *)&name, size);
    }
    return fd;
}

static enum probe_begun begin(const struct address *address, uint16_t port)
{
    return probe_begin(prober, &list, PROBE_SUSPECT, address, port, NODE, US_PER_SECOND);
}

START_TEST(a_port_that_listens_answers)
{
    static const char *const endpoints[] = { "127.0.0.1:0", "[::1]:0" };
    static const char *const addresses[] = { "127.0.0.1", "::1" };
    uint16_t port;
    struct address address;
    int fd = listen_on(endpoints[_i], 8, &port);
    ck_assert(address_parse(addresses[_i], &address));
    ck_assert_int_eq(begin(&address, port), PROBE_BEGUN);
    event_base_dispatch(base);
    ck_assert_uint_eq(heard, 1);
    ck_assert_int_eq(last.answer, ANSWER_YES);
    ck_assert_uint_eq(last.node, NODE);
    ck_assert(address_equal(&last_address, &address));
    ck_assert_uint_le(last.rtt_us, last.now_us - last.begun_us);
    ck_assert(LIST_EMPTY(&list));
    close(fd);
}
END_TEST

START_TEST(a_reset_is_an_answer)
{
    uint16_t port;
    struct address address = loopback();
    close(listen_on("127.0.0.1:0", 8, &port));
    ck_assert_int_eq(begin(&address, port), PROBE_BEGUN);
    event_base_dispatch(base);
    ck_assert_uint_eq(heard, 1);
    ck_assert_int_eq(last.answer, ANSWER_YES);
}
END_TEST

START_TEST(silence_says_nothing_and_ends_with_its_time)
{
    uint16_t port;
    int fillers[2], fd = fall_silent(fillers, &port);
    struct address address = loopback();
    ck_assert_int_eq(
        probe_begin(prober, &list, PROBE_SUSPECT, &address, port, NODE, 200 * US_PER_MS),
        PROBE_BEGUN);
    uint64_t begun_us = clock_monotonic_us();
    event_base_loop(base, EVLOOP_NONBLOCK);
    probe_poll(&list);
    ck_assert(!LIST_EMPTY(&list));
    event_base_dispatch(base);
    ck_assert_uint_ge(clock_monotonic_us() - begun_us, 190 * US_PER_MS);
    ck_assert(LIST_EMPTY(&list));
    ck_assert_uint_eq(heard, 0);
    close(fd);
    close(fillers[0]);
    close(fillers[1]);
}
END_TEST

START_TEST(no_probe_is_given_up_with_its_answer_unread)
{
    uint16_t port;
    int fd = listen_on("127.0.0.1:0", 8, &port);
    struct address address = loopback();
    probe_begin(prober, &list, PROBE_SUSPECT, &address, port, NODE, US_PER_MS);
    usleep(20000);
    event_base_dispatch(base);
    ck_assert_uint_eq(heard, 1);
    ck_assert_int_eq(last.answer, ANSWER_YES);
    close(fd);
}
END_TEST

START_TEST(an_answer_is_found_by_polling_before_the_loop_comes_to_it)
{
    uint16_t port, silent_port;
    int fillers[2], silent = fall_silent(fillers, &silent_port);
    int fd = listen_on("127.0.0.1:0", 8, &port);
    struct address address = loopback();
    begin(&address, silent_port);
    begin(&address, port);
    begin(&address, silent_port);
    begin(&address, port);
    usleep(20000);
    probe_poll(&list);
    ck_assert_uint_eq(heard, 2);
    close(fd);
    close(silent);
    close(fillers[0]);
    close(fillers[1]);
}
END_TEST

START_TEST(what_fails_here_is_no_silence)
{
    struct address address;
    ck_assert(address_parse("255.255.255.255", &address));
    ck_assert_int_eq(begin(&address, 10250), PROBE_FAILED);
    ck_assert(LIST_EMPTY(&list));
    ck_assert_uint_eq(heard, 0);
}
END_TEST

START_TEST(a_probe_is_reset_when_it_was_answered)
{
    uint16_t port;
    int fd = listen_on("127.0.0.1:0", 8, &port);
    struct address address = loopback();
    char byte;
    begin(&address, port);
    event_base_dispatch(base);
    int peer = accept(fd, NULL, NULL);
    ck_assert_int_eq(read(peer, &byte, 1), -1);
    ck_assert_int_eq(errno, ECONNRESET);
    close(peer);
    close(fd);
}
END_TEST

/* Of 256 descriptors half are for suspects.  A quarter of their second is
 * theirs. */
START_TEST(the_oldest_makes_room_when_it_had_its_time)
{
    struct prober *small = prober_new(base, 256, on_heard, NULL);
    uint16_t port;
    int fillers[2], fd = fall_silent(fillers, &port);
    struct address address = loopback();
    for (int i = 0; i < 128; i++)
        ck_assert_int_eq(
            probe_begin(small, &list, PROBE_SUSPECT, &address, port, NODE, US_PER_SECOND),
            PROBE_BEGUN);
    ck_assert(!prober_has_room(small, PROBE_SUSPECT));
    ck_assert(prober_has_room(small, PROBE_SWEEP));
    ck_assert_int_eq(probe_begin(small, &list, PROBE_SUSPECT, &address, port, NODE, US_PER_SECOND),
                     PROBE_NO_ROOM);
    usleep(260000);
    ck_assert_int_eq(probe_begin(small, &list, PROBE_SUSPECT, &address, port, NODE, US_PER_SECOND),
                     PROBE_BEGUN);
    ck_assert(!prober_has_room(small, PROBE_SUSPECT));
    probe_close(&list);
    prober_free(small);
    close(fd);
    close(fillers[0]);
    close(fillers[1]);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("probe");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, a_port_that_listens_answers, 0, 2);
    tcase_add_test(cases, a_reset_is_an_answer);
    tcase_add_test(cases, silence_says_nothing_and_ends_with_its_time);
    tcase_add_test(cases, no_probe_is_given_up_with_its_answer_unread);
    tcase_add_test(cases, an_answer_is_found_by_polling_before_the_loop_comes_to_it);
    tcase_add_test(cases, what_fails_here_is_no_silence);
    tcase_add_test(cases, a_probe_is_reset_when_it_was_answered);
    tcase_add_test(cases, the_oldest_makes_room_when_it_had_its_time);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("probe", fill);
}
