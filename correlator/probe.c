#include "correlator/probe.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "correlator/connect.h"
#include "correlator/elapsed.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * A probe ends with the first thing that its socket says, or with its time.  Its round trip is the
 * kernel's own measure where there is one: the time until we looked is longer whenever the loop was
 * busy.
 *
 * What a use of probes may have of our descriptors is its share of the limit, less a reserve for
 * everything else.  Is that used up, its oldest probe makes room, if it had the time to be
 * answered: a quarter of its own, which is the round trip of a slow machine (SETTLE_ATTEMPTS).
 */
#define RESERVE    128 /* descriptors for the rest of the program */
#define LIFE_PARTS 4
#define POLL_MAX   64

static const unsigned shares[PROBE_USES] = { /* of 8 */
                                             [PROBE_SWEEP] = 1,
                                             [PROBE_WITNESS] = 3,
                                             [PROBE_SUSPECT] = 4
};

enum counter {
    PROBES,
    ANSWERS = PROBES + PROBE_USES,
    NO_ANSWERS,
    LOCAL_FAILURES,
    CUT_SHORT,
    COUNTERS,
};
static const char *const counter_names[COUNTERS] = {
    [PROBES + PROBE_SWEEP] = "probes_sweep",
    [PROBES + PROBE_WITNESS] = "probes_witness",
    [PROBES + PROBE_SUSPECT] = "probes_suspect",
    [ANSWERS] = "probes_answered",
    [NO_ANSWERS] = "probes_unanswered",
    [LOCAL_FAILURES] = "probes_failed_here",
    [CUT_SHORT] = "probes_cut_short",
};

struct probe {
    LIST_ENTRY(probe) in_list;
    TAILQ_ENTRY(probe) by_age;
    struct prober *prober;
    struct probe_list *list;
    enum probe_use use;
    int fd;
    struct event *event;
    struct address address;
    uint64_t node, begun_us, life_us;
};
TAILQ_HEAD(probes, probe);

struct prober {
    struct event_base *base;
    void (*heard)(void *, struct probe_list *, enum probe_use, const struct probe_result *);
    void *arg;
    struct probes of_use[PROBE_USES]; /* oldest first */
    size_t count[PROBE_USES], most[PROBE_USES];
    struct log_sample failure_sample;
    uint64_t values[COUNTERS];
    struct counters counters;
};

size_t prober_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warning("cannot raise the limit of open files to %llu: %s",
                    (unsigned long long)limit.rlim_max, strerror(errno));
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 2 * RESERVE ? limit.rlim_cur - RESERVE : RESERVE;
}

struct prober *prober_new(struct event_base *base, size_t descriptors,
                          void (*heard)(void *arg, struct probe_list *list, enum probe_use use,
                                        const struct probe_result *result),
                          void *arg)
{
    struct prober *prober = xcalloc(1, sizeof(*prober));
    prober->base = base;
    prober->heard = heard;
    prober->arg = arg;
    prober->counters = (struct counters){ counter_names, COUNTERS, prober->values };
    for (unsigned use = 0; use < PROBE_USES; use++) {
        TAILQ_INIT(&prober->of_use[use]);
        prober->most[use] = descriptors * shares[use] / 8;
    }
    return prober;
}

void prober_free(struct prober *prober)
{
    free(prober);
}

static void end(struct probe *probe)
{
    struct prober *prober = probe->prober;
    LIST_REMOVE(probe, in_list);
    TAILQ_REMOVE(&prober->of_use[probe->use], probe, by_age);
    prober->count[probe->use]--;
    event_free(probe->event);
    close(probe->fd);
    free(probe);
}

static void note_failure(struct prober *prober, const struct address *address, int error)
{
    char text[ADDRESS_TEXT_SIZE];
    uint64_t skipped;
    prober->values[LOCAL_FAILURES]++;
    if (log_sample_due(&prober->failure_sample, clock_monotonic_us(), &skipped))
        log_warning("cannot probe %s: %s (and %llu like it)", address_print(address, text),
                    strerror(error), (unsigned long long)skipped);
}

static uint64_t round_trip_us(const struct probe *probe, uint64_t now_us)
{
    struct tcp_info info;
    socklen_t size = sizeof(info);
    uint64_t took_us = now_us - probe->begun_us;
    if (getsockopt(probe->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_rtt > 0 &&
        info.tcpi_state == TCP_ESTABLISHED && info.tcpi_rtt < took_us)
        return info.tcpi_rtt;
    return took_us;
}

static void tell(struct probe *probe, int error)
{
    struct prober *prober = probe->prober;
    struct probe_list *list = probe->list;
    enum probe_use use = probe->use;
    struct address address = probe->address;
    struct probe_result result = {
        .address = &address,
        .node = probe->node,
        .answer = answer_of(error),
        .begun_us = probe->begun_us,
        .now_us = clock_monotonic_us(),
    };
    result.rtt_us = round_trip_us(probe, result.now_us);
    if (result.answer == ANSWER_OURS)
        note_failure(prober, &address, error);
    else
        prober->values[result.answer == ANSWER_YES ? ANSWERS : NO_ANSWERS]++;
    end(probe);
    prober->heard(prober->arg, list, use, &result);
}

static bool has_ended(int fd)
{
    return poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, 0) > 0;
}

/* Its time may be over because the loop did not come to its answer. */
static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct probe *probe = arg;
    if (!(what & EV_WRITE) && !has_ended(fd)) {
        probe->prober->values[NO_ANSWERS]++;
        end(probe);
        return;
    }
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    tell(probe, error);
}

static bool make_room(struct prober *prober, enum probe_use use, uint64_t now_us)
{
    if (prober->count[use] < prober->most[use])
        return true;
    struct probe *oldest = TAILQ_FIRST(&prober->of_use[use]);
    if (oldest == NULL || elapsed_us(oldest->begun_us, now_us) < oldest->life_us / LIFE_PARTS)
        return false;
    prober->values[CUT_SHORT]++;
    end(oldest);
    return true;
}

enum probe_begun probe_begin(struct prober *prober, struct probe_list *list, enum probe_use use,
                             const struct address *address, uint16_t port, uint64_t node,
                             uint64_t life_us)
{
    uint64_t now_us = clock_monotonic_us();
    if (!make_room(prober, use, now_us))
        return PROBE_NO_ROOM;
    prober->values[PROBES + use]++;
    int fd = connect_begin(address, port);
    if (fd < 0) {
        note_failure(prober, address, errno);
        return PROBE_FAILED;
    }
    struct probe *probe = xmalloc(sizeof(*probe));
    *probe = (struct probe){ .prober = prober,
                             .list = list,
                             .use = use,
                             .fd = fd,
                             .address = *address,
                             .node = node,
                             .begun_us = now_us,
                             .life_us = life_us };
    probe->event = event_new(prober->base, fd, EV_WRITE, on_event, probe);
    event_add(probe->event, &(struct timeval){ .tv_sec = (time_t)(life_us / US_PER_SECOND),
                                               .tv_usec = (suseconds_t)(life_us % US_PER_SECOND) });
    LIST_INSERT_HEAD(list, probe, in_list);
    TAILQ_INSERT_TAIL(&prober->of_use[use], probe, by_age);
    prober->count[use]++;
    return PROBE_BEGUN;
}

void probe_close(struct probe_list *list)
{
    while (!LIST_EMPTY(list))
        end(LIST_FIRST(list));
}

/* True when one of them had something to say; what it says may close the others. */
static bool poll_once(struct probe_list *list)
{
    struct pollfd fds[POLL_MAX];
    struct probe *probes[POLL_MAX], *probe;
    nfds_t count = 0;
    LIST_FOREACH(probe, list, in_list)
    {
        if (count == POLL_MAX)
            break;
        probes[count] = probe;
        fds[count++] = (struct pollfd){ .fd = probe->fd, .events = POLLOUT };
    }
    nfds_t at = 0;
    if (count == 0 || poll(fds, count, 0) <= 0)
        return false;
    while (at < count - 1 && fds[at].revents == 0)
        at++;
    on_event(fds[at].fd, EV_WRITE, probes[at]);
    return true;
}

void probe_poll(struct probe_list *list)
{
    while (poll_once(list))
        continue;
}

bool prober_has_room(const struct prober *prober, enum probe_use use)
{
    return prober->count[use] < prober->most[use];
}

const struct counters *prober_counters(const struct prober *prober)
{
    return &prober->counters;
}
