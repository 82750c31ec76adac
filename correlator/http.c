/*
 * libevent's evhttp would do all this, but it neither limits connections nor says when one has
 * ended, and whoever keeps a thousand open must not take the prober's descriptors.  So here a
 * request line is read, a page written and the connection closed.
 *
 * There are at most CONNECTIONS of them.  One more displaces one that has not asked for anything
 * yet, the oldest, or else the oldest of all: so idle connections keep nobody out, and nothing has
 * to wait for them.  Few are accepted a turn of the loop, which has more important things to do.
 */
#include "correlator/http.h"

#include "common/address.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define CONNECTIONS     32
#define ACCEPTS         8 /* a turn */
#define BACKLOG         64
#define HEAD_MAX        4096
#define READ_US         (5 * US_PER_SECOND)  /* for the whole head of a request */
#define WRITE_US        (60 * US_PER_SECOND) /* for the next part of a page to be read */
#define LINGER_US       US_PER_SECOND        /* for the end of a page to be read */
#define TRY_AGAIN_US    (10 * US_PER_SECOND)
#define ACCEPT_LATER_US US_PER_SECOND

enum counter { REQUESTS, REFUSED, DISPLACED, COUNTERS };
static const char *const counter_names[COUNTERS] = { "metrics_requests", "metrics_refused",
                                                     "metrics_displaced" };

enum phase { READING, WRITING, ENDING };

struct connection {
    TAILQ_ENTRY(connection) link;
    struct http *http;
    struct bufferevent *stream;
    struct event *deadline;
    enum phase phase;
    const struct http_page *page; /* of which more is to come; NULL: none */
    uint64_t cursor;
};

struct http {
    struct event_base *base;
    const char *endpoint;
    const struct http_page *pages;
    void *arg;
    int fd; /* -1: not ours yet */
    struct event *acceptor, *retry;
    bool said_busy;
    TAILQ_HEAD(, connection) all; /* the oldest first */
    size_t count;
    struct log_sample refusals;
    uint64_t values[COUNTERS];
    struct counters counters;
};

static void set_timer(struct event *timer, uint64_t us)
{
    event_add(timer,
              &(struct timeval){ (time_t)(us / US_PER_SECOND), (suseconds_t)(us % US_PER_SECOND) });
}

/* A connection. */
static void end(struct connection *connection)
{
    struct http *http = connection->http;
    TAILQ_REMOVE(&http->all, connection, link);
    http->count--;
    event_free(connection->deadline);
    bufferevent_free(connection->stream);
    free(connection);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    end(arg);
}

/* The other side reads to the end before the connection is gone: what it may still be sending must
 * not make the kernel reset it. */
static void finish(struct connection *connection)
{
    connection->phase = ENDING;
    shutdown(bufferevent_getfd(connection->stream), SHUT_WR);
    set_timer(connection->deadline, LINGER_US);
}

static void write_more(struct connection *connection)
{
    const struct http_page *page = connection->page;
    struct evbuffer *out = bufferevent_get_output(connection->stream);
    if (!page->more(connection->http->arg, &connection->cursor, out))
        connection->page = NULL;
    set_timer(connection->deadline, WRITE_US);
}

/* All that was written is with the kernel. */
static void on_written(struct bufferevent *stream, void *arg)
{
    struct connection *connection = arg;
    (void)stream;
    if (connection->phase == WRITING && connection->page != NULL)
        write_more(connection);
    else if (connection->phase == WRITING)
        finish(connection);
}

static void refuse(struct connection *connection, const char *status, const char *more)
{
    connection->http->values[REFUSED]++;
    evbuffer_add_printf(bufferevent_get_output(connection->stream),
                        "HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: text/plain\r\n%s"
                        "Content-Length: %zu\r\n\r\n%s\n",
                        status, more, strlen(status) + 1, status);
}

/* Its length is known when the first part is the whole; else its end is the connection's. */
static void answer(struct connection *connection, const struct http_page *page, bool with_body)
{
    struct evbuffer *body = evbuffer_new(), *out = bufferevent_get_output(connection->stream);
    bool more = page->more(connection->http->arg, &connection->cursor, body);
    evbuffer_add_printf(out, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: %s\r\n",
                        page->type);
    if (!more)
        evbuffer_add_printf(out, "Content-Length: %zu\r\n", evbuffer_get_length(body));
    evbuffer_add(out, "\r\n", 2);
    if (with_body)
        evbuffer_add_buffer(out, body);
    if (with_body && more)
        connection->page = page;
    evbuffer_free(body);
}

/* LINE is "GET /metrics?... HTTP/1.1", and is cut up. */
static void take_request(struct connection *connection, char *line)
{
    const struct http_page *page = connection->http->pages;
    char *rest = line;
    const char *method = strsep(&rest, " "), *target = strsep(&rest, " ");
    connection->http->values[REQUESTS]++;
    if (target == NULL || rest == NULL || strncmp(rest, "HTTP/1.", 7) != 0) {
        refuse(connection, "400 Bad Request", "");
        return;
    }
    size_t size = strcspn(target, "?");
    while (page->path != NULL &&
           (strlen(page->path) != size || strncmp(page->path, target, size) != 0))
        page++;
    bool get = strcmp(method, "GET") == 0, head = strcmp(method, "HEAD") == 0;
    if (!get && !head)
        refuse(connection, "405 Method Not Allowed", "Allow: GET, HEAD\r\n");
    else if (page->path == NULL)
        refuse(connection, "404 Not Found", "");
    else
        answer(connection, page, get);
}

static void on_readable(struct bufferevent *stream, void *arg)
{
    struct connection *connection = arg;
    struct evbuffer *in = bufferevent_get_input(stream);
    if (connection->phase != READING) {
        evbuffer_drain(in, evbuffer_get_length(in));
        return;
    }
    bool whole = evbuffer_search(in, "\r\n\r\n", 4, NULL).pos >= 0;
    if (!whole && evbuffer_get_length(in) < HEAD_MAX)
        return;
    connection->phase = WRITING;
    set_timer(connection->deadline, WRITE_US);
    char *line = whole ? evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF_STRICT) : NULL;
    evbuffer_drain(in, evbuffer_get_length(in));
    if (line != NULL)
        take_request(connection, line);
    else
        refuse(connection, "431 Request Header Fields Too Large", "");
    free(line);
}

/* Who only shuts his side down still reads. */
static void on_end(struct bufferevent *stream, short what, void *arg)
{
    struct connection *connection = arg;
    (void)stream;
    if ((what & BEV_EVENT_EOF) == 0 || connection->phase != WRITING)
        end(connection);
}

static void displace_one(struct http *http)
{
    struct connection *victim;
    TAILQ_FOREACH(victim, &http->all, link)
    {
        if (victim->phase != WRITING)
            break;
    }
    http->values[DISPLACED]++;
    end(victim != NULL ? victim : TAILQ_FIRST(&http->all));
}

static void begin(struct http *http, int fd)
{
    if (http->count == CONNECTIONS)
        displace_one(http);
    struct connection *connection = xcalloc(1, sizeof(*connection));
    connection->http = http;
    connection->stream = bufferevent_socket_new(http->base, fd, BEV_OPT_CLOSE_ON_FREE);
    connection->deadline = evtimer_new(http->base, on_deadline, connection);
    TAILQ_INSERT_TAIL(&http->all, connection, link);
    http->count++;
    bufferevent_setcb(connection->stream, on_readable, on_written, on_end, connection);
    bufferevent_setwatermark(connection->stream, EV_READ, 0, HEAD_MAX);
    bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
    set_timer(connection->deadline, READ_US);
}

/* The socket. */
static void on_connection(evutil_socket_t fd, short what, void *arg)
{
    struct http *http = arg;
    uint64_t skipped;
    (void)what;
    for (int i = 0; i < ACCEPTS; i++) {
        int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            begin(http, accepted);
            continue;
        }
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            return;
        if (log_sample_due(&http->refusals, clock_monotonic_us(), &skipped))
            log_warning("--metrics=%s: nobody can be accepted, tried again each second: %s",
                        http->endpoint, strerror(errno));
        event_del(http->acceptor);
        set_timer(http->retry, ACCEPT_LATER_US);
        return;
    }
}

static int listen_on(const struct sockaddr_storage *name, socklen_t size)
{
    int fd = socket(name->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (bind(fd, (const struct sockaddr *)name, size) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static void open_socket(struct http *http)
{
    struct sockaddr_storage name;
    http->fd = listen_on(&name, address_parse_endpoint(http->endpoint, &name));
    if (http->fd >= 0) {
        http->acceptor = event_new(http->base, http->fd, EV_READ | EV_PERSIST, on_connection, http);
        event_add(http->acceptor, NULL);
        log_info("metrics are at http://%s/metrics", http->endpoint);
        return;
    }
    if (!http->said_busy)
        log_error("--metrics=%s: %s: there are no metrics until that can be listened on (tried "
                  "again each 10 s); everything else goes on",
                  http->endpoint, strerror(errno));
    http->said_busy = true;
    set_timer(http->retry, TRY_AGAIN_US);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    struct http *http = arg;
    (void)fd, (void)what;
    if (http->fd < 0)
        open_socket(http);
    else
        event_add(http->acceptor, NULL);
}

bool http_is_endpoint(const char *text)
{
    struct sockaddr_storage name;
    return address_parse_endpoint(text, &name) != 0;
}

struct http *http_new(struct event_base *base, const char *endpoint, const struct http_page *pages,
                      void *arg)
{
    struct http *http = xcalloc(1, sizeof(*http));
    http->base = base;
    http->endpoint = endpoint;
    http->pages = pages;
    http->arg = arg;
    http->counters = (struct counters){ counter_names, COUNTERS, http->values };
    TAILQ_INIT(&http->all);
    http->retry = evtimer_new(base, on_retry, http);
    open_socket(http);
    return http;
}

void http_free(struct http *http)
{
    if (http == NULL)
        return;
    while (!TAILQ_EMPTY(&http->all))
        end(TAILQ_FIRST(&http->all));
    if (http->acceptor != NULL)
        event_free(http->acceptor);
    event_free(http->retry);
    if (http->fd >= 0)
        close(http->fd);
    free(http);
}

const struct counters *http_counters(const struct http *http)
{
    return &http->counters;
}
