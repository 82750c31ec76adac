#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/counters.h"

struct event_base;
struct evbuffer;

/*
 * A small HTTP server for a few pages that anybody near may read: GET and HEAD, one request a
 * connection, everything bounded.
 */
struct http_page {
    const char *path; /* a page without one ends the table */
    const char *type; /* the content type */
    /* Writes some of the page to OUT, at most some 100 KB; *CURSOR, 0 at first, is its own.  False
     * when that was the end of it, else it is called again once that was read. */
    bool (*more)(void *arg, uint64_t *cursor, struct evbuffer *out);
};

struct http;

/* Whether TEXT is an ADDR:PORT that a server could be asked to listen on. */
bool http_is_endpoint(const char *text);

/* Serves PAGES on ENDPOINT, which http_is_endpoint().  When it cannot be had that is logged, and
 * tried again now and then: pages are not worth more.  The arguments outlive the server. */
struct http *http_new(struct event_base *base, const char *endpoint, const struct http_page *pages,
                      void *arg);
void http_free(struct http *http); /* NULL: nothing to free */
const struct counters *http_counters(const struct http *http);
