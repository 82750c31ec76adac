#include "common/service.h"

#include "common/clock.h"
#include "common/log.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stddef.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
    struct event *signals[2];
    struct event *watchdog;
    void (*stop)(void *arg);
    void *arg;
    bool stopping;
    char status[512];
} service;

int service_passed_sockets(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");

    if (pid == NULL || count == NULL || strtol(pid, NULL, 10) != getpid())
        return 0;
    long sockets = strtol(count, NULL, 10);
    return sockets > 0 && sockets < 64 ? (int)sockets : 0;
}

/* sd_notify(3): one datagram to the socket that systemd names; '@' stands for the abstract NUL.
 * Whether systemd hears it changes nothing for us, so failures are not reported. */
static void notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un name = { .sun_family = AF_UNIX };

    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(name.sun_path))
        return;
    memcpy(name.sun_path, path, strlen(path));
    if (path[0] == '@')
        name.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&name,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    close(fd);
}

void service_ready(void)
{
    notify("READY=1");
}

void service_status(const char *format, ...)
{
    char status[sizeof(service.status)] = "STATUS=";
    size_t prefix = strlen(status);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(status + prefix, sizeof(status) - prefix, format, arguments);
    va_end(arguments);
    if (strcmp(status, service.status) == 0)
        return;
    memcpy(service.status, status, sizeof(status));
    notify(status);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    notify("WATCHDOG=1");
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    if (service.stopping) {
        log_warning("%s again: stopping at once", strsignal((int)number));
        event_base_loopbreak(arg);
        return;
    }
    service.stopping = true;
    log_info("%s: stopping", strsignal((int)number));
    notify("STOPPING=1");
    service.stop(service.arg);
}

static bool start_watchdog(struct event_base *base)
{
    const char *period = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t us = period != NULL ? strtoull(period, NULL, 10) / 2 : 0;

    if (us == 0 || (pid != NULL && strtol(pid, NULL, 10) != getpid()))
        return true;
    struct timeval every = { (time_t)(us / US_PER_SECOND), (suseconds_t)(us % US_PER_SECOND) };
    service.watchdog = event_new(base, -1, EV_PERSIST, on_watchdog, NULL);
    return service.watchdog != NULL && event_add(service.watchdog, &every) == 0;
}

static const int stop_signals[] = { SIGTERM, SIGINT };

/* Until somebody can stop the role, a signal waits. */
static void set_signals(int how)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < 2; i++)
        sigaddset(&set, stop_signals[i]);
    sigprocmask(how, &set, NULL);
}

bool service_start(struct event_base *base, void (*stop)(void *arg), void *arg)
{
    service.stop = stop;
    service.arg = arg;
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < 2; i++) {
        service.signals[i] = evsignal_new(base, stop_signals[i], on_signal, base);
        if (service.signals[i] == NULL || event_add(service.signals[i], NULL) != 0) {
            log_error("cannot watch for signal %d", stop_signals[i]);
            return false;
        }
    }
    set_signals(SIG_UNBLOCK);
    if (!start_watchdog(base)) {
        log_error("cannot answer the watchdog");
        return false;
    }
    return true;
}

void service_end(void)
{
    for (size_t i = 0; i < 2; i++) {
        if (service.signals[i] != NULL)
            event_free(service.signals[i]);
    }
    if (service.watchdog != NULL)
        event_free(service.watchdog);
    memset(&service, 0, sizeof(service));
}

struct event_base *service_loop(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = config != NULL ? event_base_new_with_config(config) : NULL;

    set_signals(SIG_BLOCK);
    if (config != NULL)
        event_config_free(config);
    if (base == NULL)
        log_error("cannot make the event loop: %s", strerror(errno));
    return base;
}
