#include "common/service.h"

#include "common/clock.h"
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager; /* plays systemd's end of NOTIFY_SOCKET */

static void open_manager(void)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };

    /* An abstract name: nothing to clean up. */
    int size = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "lastgasp-unit-%d", getpid());
    manager = socket(AF_UNIX, SOCK_DGRAM, 0);
    ck_assert_int_eq(bind(manager, (struct sockaddr *)&name,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size)),
                     0);
    name.sun_path[0] = '@';
    setenv("NOTIFY_SOCKET", name.sun_path, 1);
}

static const char *told(void)
{
    static char message[256];
    struct pollfd poll_manager = { .fd = manager, .events = POLLIN };

    if (poll(&poll_manager, 1, 1000) != 1)
        return "(nothing)";
    ssize_t size = recv(manager, message, sizeof(message) - 1, 0);
    message[size > 0 ? size : 0] = '\0';
    return message;
}

static void on_stop(void *arg)
{
    event_base_loopexit(arg, NULL);
}

START_TEST(systemd_is_told_what_happens)
{
    open_manager();
    service_ready();
    ck_assert_str_eq(told(), "READY=1");
    service_status("watching %d nodes", 3);
    ck_assert_str_eq(told(), "STATUS=watching 3 nodes");
    service_status("watching %d nodes", 3);
    service_status("watching %d nodes", 4);
    ck_assert_str_eq(told(), "STATUS=watching 4 nodes");
}
END_TEST

START_TEST(sigterm_stops_the_loop_in_order)
{
    struct event_base *base = service_loop();

    open_manager();
    ck_assert(service_start(base, on_stop, base));
    raise(SIGTERM);
    event_base_dispatch(base);
    ck_assert_str_eq(told(), "STOPPING=1");
    service_end();
    event_base_free(base);
}
END_TEST

START_TEST(the_watchdog_is_answered_from_the_loop)
{
    struct event_base *base = service_loop();
    struct timeval end = { 0, 300000 };

    open_manager();
    setenv("WATCHDOG_USEC", "100000", 1);
    ck_assert(service_start(base, on_stop, base));
    event_base_loopexit(base, &end);
    event_base_dispatch(base);
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(told(), "WATCHDOG=1");
    service_end();
    event_base_free(base);
}
END_TEST

START_TEST(sockets_meant_for_another_process_are_not_taken)
{
    char pid[16];

    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_PID", "1", 1);
    ck_assert_int_eq(service_passed_sockets(), 0);
    snprintf(pid, sizeof(pid), "%d", getpid());
    setenv("LISTEN_PID", pid, 1);
    ck_assert_int_eq(service_passed_sockets(), 2);
    setenv("LISTEN_FDS", "-1", 1);
    ck_assert_int_eq(service_passed_sockets(), 0);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *service = tcase_create("service");
    tcase_add_test(service, systemd_is_told_what_happens);
    tcase_add_test(service, sigterm_stops_the_loop_in_order);
    tcase_add_test(service, the_watchdog_is_answered_from_the_loop);
    tcase_add_test(service, sockets_meant_for_another_process_are_not_taken);
    suite_add_tcase(suite, service);
}

int main(void)
{
    return unit_run("service", fill);
}
