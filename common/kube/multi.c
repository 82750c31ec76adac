#include "common/kube/internal.h"

#include "common/clock.h"
#include "common/memory.h"

#include <event2/event.h>
#include <stdlib.h>

/*
 * libcurl tells which sockets and which time-out it waits for; libevent does the waiting and
 * calls curl_multi_socket_action().  libcurl must not be called from inside its own callbacks, so
 * that a time-out of 0 is a timer of 0 ms, and results are taken after each action, never during.
 *
 * A stream that trickles is let gather: to be woken for an event costs several times what it costs
 * to read it while awake.  What comes in bulk is read on at once, or the peer would wait for us,
 * and so is whatever has gathered when its reader needs to know it.
 */
#define TRICKLE ((size_t)256 * 1024)

struct kube_socket {
    struct event *event;
    LIST_ENTRY(kube_socket) link;
};

static void wake_after(struct event *timer, uint64_t us)
{
    struct timeval after = { .tv_sec = (time_t)(us / US_PER_SECOND),
                             .tv_usec = (suseconds_t)(us % US_PER_SECOND) };
    evtimer_add(timer, &after);
}

static void rest(struct kube_multi *multi)
{
    struct kube_socket *socket;
    LIST_FOREACH(socket, &multi->sockets, link)
    {
        event_del(socket->event);
    }
    wake_after(multi->rested, multi->rest_us);
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct kube_multi *multi = arg;
    struct kube_socket *socket;
    LIST_FOREACH(socket, &multi->sockets, link)
    {
        event_add(socket->event, NULL);
    }
}

static void act(struct kube_multi *multi, curl_socket_t fd, int events)
{
    int running;
    multi->streamed = 0;
    curl_multi_socket_action(multi->curl, fd, events, &running);
    if (multi->rest_us != 0 && multi->streamed != 0 && multi->streamed < TRICKLE)
        rest(multi);
    calls_collect(multi);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    act(arg, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

void multi_read_on(struct kube_multi *multi)
{
    struct kube_socket *socket = LIST_FIRST(&multi->sockets);
    if (!socket)
        return;
    if (evtimer_pending(multi->rested, NULL)) {
        evtimer_del(multi->rested);
        on_rested(-1, 0, multi);
    }
    act(multi, event_get_fd(socket->event), CURL_CSELECT_IN);
}

static void forget_socket(struct kube_socket *socket)
{
    event_free(socket->event);
    LIST_REMOVE(socket, link);
    free(socket);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    (void)easy;
    struct kube_multi *multi = arg;
    struct kube_socket *socket = known;
    if (what == CURL_POLL_REMOVE) {
        if (socket)
            forget_socket(socket);
        return 0;
    }
    if (!socket) {
        socket = xcalloc(1, sizeof(*socket));
        LIST_INSERT_HEAD(&multi->sockets, socket, link);
        curl_multi_assign(multi->curl, fd, socket);
    } else {
        event_free(socket->event);
    }
    short events = EV_PERSIST;
    events |= what & CURL_POLL_IN ? EV_READ : 0;
    events |= what & CURL_POLL_OUT ? EV_WRITE : 0;
    socket->event = event_new(multi->client->base, fd, events, on_socket, multi);
    event_add(socket->event, NULL);
    return 0;
}

static int set_timer(CURLM *curl, long timeout_ms, void *arg)
{
    (void)curl;
    struct kube_multi *multi = arg;
    if (timeout_ms < 0) {
        evtimer_del(multi->timer);
        return 0;
    }
    wake_after(multi->timer, (uint64_t)timeout_ms * US_PER_MS);
    return 0;
}

struct kube_multi *multi_new(struct kube_client *client)
{
    struct kube_multi *multi = xcalloc(1, sizeof(*multi));
    multi->client = client;
    LIST_INIT(&multi->sockets);
    multi->timer = evtimer_new(client->base, on_timer, multi);
    multi->rested = evtimer_new(client->base, on_rested, multi);
    multi->curl = curl_multi_init();
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
    curl_multi_setopt(multi->curl, CURLMOPT_MAX_CONCURRENT_STREAMS, 100L);
    if (client->use == KUBE_REQUESTS)
        curl_multi_setopt(multi->curl, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
    return multi;
}

void multi_free(struct kube_multi *multi)
{
    while (multi->idle_count)
        curl_easy_cleanup(multi->idle[--multi->idle_count]);
    curl_multi_cleanup(multi->curl);
    while (!LIST_EMPTY(&multi->sockets))
        forget_socket(LIST_FIRST(&multi->sockets));
    event_free(multi->timer);
    event_free(multi->rested);
    free(multi);
}
