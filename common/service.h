#pragma once

#include <stdbool.h>

struct event_base;

/*
 * What systemd asks of a service, in the small documented protocols (sd_notify(3),
 * sd_listen_fds(3)); all of it does nothing when the program was started by hand.
 */

/* How many sockets systemd passed (LISTEN_FDS for this process), from descriptor 3 on. */
int service_passed_sockets(void);

void service_ready(void);
/* STATUS=, one line for `systemctl status` on what the stage is doing; sent when it changed. */
void service_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Answers the watchdog from the loop of BASE (half of WATCHDOG_USEC), so that a loop that hangs is
 * seen to hang.  Ignores SIGPIPE, and on SIGTERM or SIGINT calls STOP once with ARG, which lets the
 * role drain and leave the loop; a second signal ends the loop at once.  Returns false with a
 * message logged when an event cannot be made.
 */
bool service_start(struct event_base *base, void (*stop)(void *arg), void *arg);
void service_end(void);

/*
 * Opens the loop with the settings that all programs share: libevent's defaults, and above all not
 * EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST, since libcurl closes and reopens descriptors behind
 * libevent's back.  From here to service_start() a signal to stop waits, so that whoever starts up
 * leaves nothing half made behind.  NULL with a message logged.
 */
struct event_base *service_loop(void);
