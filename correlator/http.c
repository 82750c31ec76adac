/*
 * A thin shell on evhttp, which neither limits connections nor says when one has ended; and whoever
 * keeps a thousand open must not take the prober's descriptors.  So we make the bufferevent of each
 * connection and keep a reference: evhttp takes its callbacks off one that it has done with.  (A
 * filter's free_context would say it too, but evhttp then frees before the kernel has the answer.)
 *
 * There are at most CONNECTIONS of them.  One more displaces one that is not being answered, the
 * oldest, or else the oldest of all, by shutting it down: so idle connections keep nobody out.
 * While all places are taken one is accepted each FULL_US.
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
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECTIONS 32
#define BACKLOG     64
#define HEAD_MAX    4096
#define IDLE_S      5 /* without anything read or written */
#define TRY_AGAIN_S 10
#define SWEEP_S     1    /* ended ones keep a descriptor until then */
#define FULL_US     1000 /* until the next is accepted when all places are taken */

enum counter { REQUESTS, REFUSED, DISPLACED, COUNTERS };
static const char *const counter_names[COUNTERS] = { "metrics_requests", "metrics_refused",
                                                     "metrics_displaced" };

struct http {
    struct event_base *base;
    const char *endpoint;
    const struct http_page *pages;
    void *arg;
    struct evhttp *server;
    struct evconnlistener *listener; /* NULL: not ours yet */
    struct event *retry, *sweep;
    bool said_busy;
    struct bufferevent *all[CONNECTIONS]; /* referenced; the oldest first */
    size_t count;
    uint64_t values[COUNTERS];
    struct counters counters;
};

/* A page that is being sent. */
struct answer {
    struct http *http;
    struct evhttp_request *request;
    const struct http_page *page;
    uint64_t cursor;
    bool more;
};

/* Connections. */
static void forget(struct http *http, size_t i)
{
    bufferevent_decref(http->all[i]);
    http->count--;
    memmove(&http->all[i], &http->all[i + 1], (http->count - i) * sizeof(http->all[0]));
}

static bool has_ended(struct bufferevent *stream)
{
    bufferevent_data_cb readable;
    bufferevent_getcb(stream, &readable, NULL, NULL, NULL);
    return readable == NULL;
}

static void forget_ended(struct http *http)
{
    for (size_t i = http->count; i-- > 0;) {
        if (has_ended(http->all[i]))
            forget(http, i);
    }
}

static void displace_one(struct http *http)
{
    size_t i = 0;
    while (i < http->count && evbuffer_get_length(bufferevent_get_output(http->all[i])) > 0)
        i++;
    if (i == http->count)
        i = 0;
    shutdown(bufferevent_getfd(http->all[i]), SHUT_RDWR);
    http->values[DISPLACED]++;
    forget(http, i);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct http *http = arg;
    (void)fd, (void)what;
    forget_ended(http);
    evconnlistener_enable(http->listener);
    if (http->count > 0)
        event_add(http->sweep, &(struct timeval){ SWEEP_S, 0 });
}

static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
    struct http *http = arg;
    forget_ended(http);
    if (http->count == CONNECTIONS)
        displace_one(http);
    struct bufferevent *stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (stream == NULL)
        return NULL;
    bufferevent_incref(stream);
    http->all[http->count++] = stream;
    if (http->count == CONNECTIONS)
        evconnlistener_disable(http->listener);
    event_add(http->sweep, http->count == CONNECTIONS ? &(struct timeval){ 0, FULL_US }
                                                      : &(struct timeval){ SWEEP_S, 0 });
    return stream;
}

/* Requests. */
/* evhttp leaves a request to us when its connection fails while we answer it. */
static void on_gone(struct evhttp_connection *connection, void *arg)
{
    struct answer *answer = arg;
    (void)connection;
    if (evhttp_request_get_connection(answer->request) == NULL)
        evhttp_request_free(answer->request);
    free(answer);
}

static void send_more(struct evhttp_connection *connection, void *arg)
{
    struct answer *answer = arg;
    if (!answer->more) {
        struct evhttp_request *request = answer->request;
        evhttp_connection_set_closecb(connection, NULL, NULL);
        free(answer);
        evhttp_send_reply_end(request);
        return;
    }
    struct evbuffer *part = evbuffer_new();
    answer->more = answer->page->more(answer->http->arg, &answer->cursor, part);
    evhttp_send_reply_chunk_with_cb(answer->request, part, send_more, answer);
    evbuffer_free(part);
}

/* Its length is known when the first part is the whole. */
static void on_page(struct http *http, struct evhttp_request *request, const struct http_page *page)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    struct evbuffer *part = evbuffer_new();
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    bool head = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
    struct answer *answer = xcalloc(1, sizeof(*answer));
    *answer = (struct answer){ http, request, page, 0, false };
    answer->more = page->more(http->arg, &answer->cursor, part);
    evhttp_add_header(headers, "Content-Type", page->type);
    if (answer->more && !head) {
        evhttp_connection_set_closecb(connection, on_gone, answer);
        evhttp_send_reply_start(request, HTTP_OK, "OK");
        evhttp_send_reply_chunk_with_cb(request, part, send_more, answer);
    } else {
        char size[24];
        snprintf(size, sizeof(size), "%zu", evbuffer_get_length(part));
        if (!answer->more)
            evhttp_add_header(headers, "Content-Length", size);
        evhttp_send_reply(request, HTTP_OK, "OK", head ? NULL : part);
        free(answer);
    }
    evbuffer_free(part);
}

static void on_request(struct evhttp_request *request, void *arg)
{
    struct http *http = arg;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    const struct http_page *page = http->pages;
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    enum evhttp_cmd_type method = evhttp_request_get_command(request);
    http->values[REQUESTS]++;
    evhttp_add_header(headers, "Connection", "close");
    while (page->path != NULL && (path == NULL || strcmp(page->path, path) != 0))
        page++;
    if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
        http->values[REFUSED]++;
        evhttp_add_header(headers, "Allow", "GET, HEAD");
        evhttp_send_reply(request, HTTP_BADMETHOD, "Method Not Allowed", NULL);
    } else if (page->path == NULL) {
        http->values[REFUSED]++;
        evhttp_send_reply(request, HTTP_NOTFOUND, "Not Found", NULL);
    } else {
        on_page(http, request, page);
    }
}

/* The socket. */
static void open_socket(struct http *http)
{
    struct sockaddr_storage name;
    socklen_t size = address_parse_endpoint(http->endpoint, &name);
    http->listener = evconnlistener_new_bind(
        http->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
        BACKLOG, (const struct sockaddr *)&name, (int)size);
    if (http->listener != NULL) {
        evhttp_bind_listener(http->server, http->listener);
        log_info("metrics are at http://%s/metrics", http->endpoint);
        return;
    }
    if (!http->said_busy)
        log_error("--metrics=%s: %s: there are no metrics until that can be listened on (tried "
                  "again each 10 s); everything else goes on",
                  http->endpoint, strerror(errno));
    http->said_busy = true;
    event_add(http->retry, &(struct timeval){ TRY_AGAIN_S, 0 });
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    open_socket(arg);
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
    http->retry = evtimer_new(base, on_retry, http);
    http->sweep = evtimer_new(base, on_sweep, http);
    http->server = evhttp_new(base);
    evhttp_set_allowed_methods(http->server, 0xffff); /* on_request() refuses them with 405 */
    evhttp_set_max_headers_size(http->server, HEAD_MAX);
    evhttp_set_max_body_size(http->server, HEAD_MAX);
    evhttp_set_timeout(http->server, IDLE_S);
    evhttp_set_bevcb(http->server, on_connection, http);
    evhttp_set_gencb(http->server, on_request, http);
    open_socket(http);
    return http;
}

void http_free(struct http *http)
{
    if (http == NULL)
        return;
    evhttp_free(http->server);
    while (http->count > 0)
        forget(http, http->count - 1);
    event_free(http->retry);
    event_free(http->sweep);
    free(http);
}

const struct counters *http_counters(const struct http *http)
{
    return &http->counters;
}
