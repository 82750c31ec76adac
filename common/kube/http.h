#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/kube/config.h"

struct event_base;

/*
 * Requests to the API server: libcurl's multi interface on libevent.
 *
 * A client is one multi handle.  KUBE_REQUESTS shares one HTTP/2 connection between all its calls;
 * KUBE_STREAM speaks HTTP/1.1 over a connection of its own, for a watch, so that gigabytes of list
 * never stand in front of a small GET.  A call has 8 s (a stream has no end, but must begin within
 * 8 s and its peer must be alive: keepalive and TCP_USER_TIMEOUT); after a time-out or a broken
 * connection the client goes on with a new multi handle, because libcurl cannot close one
 * connection of a multi and would send every retry to the dead peer.  Retrying is the caller's.
 *
 * Tokens and certificates in files are read again when they change (looked at once a minute, and
 * at a 401).  Redirects are not followed.  There is no verb in here: whoever may write names it.
 */
enum kube_use { KUBE_REQUESTS, KUBE_STREAM };

struct kube_client;
struct kube_call;

/* CONFIG outlives the client.  NULL with the reason in ERROR (an unreadable certificate, say). */
struct kube_client *kube_client_new(struct event_base *base, const struct kube_config *config,
                                    enum kube_use use, char error[KUBE_ERROR_SIZE]);
/* Calls under way end without being answered. */
void kube_client_free(struct kube_client *client);

struct kube_answer {
    unsigned status; /* HTTP's; 0: no whole answer came */
    /* Status.reason ("Conflict", "NotFound") and .message of an answer that is not 2xx; for status
     * 0 the reason is "" and the message says what broke.  Never NULL. */
    const char *reason, *message;
    /* Status.details.causes[].field, the first one, or "" ("metadata.uid" of an immutable field) */
    const char *field;
    uint64_t retry_after_us; /* 0: the server named none */
    const char *body; /* NUL-terminated, unless it went to `bytes` */
    size_t size;
};

struct kube_request {
    const char *verb; /* GET and so on; shown in messages */
    const char *path; /* with its query; escaped by the caller */
    const char *accept; /* NULL: application/json */
    const char *content_type; /* of the body; NULL without one */
    const char *body;
    size_t body_size;
    uint64_t answer_us; /* how long a whole answer may take; 0: 8 s.  Not for a stream */
    size_t answer_max; /* a larger answer is an error; 0: 4 MiB */
    /* When set, the bytes of a 2xx answer go here as they come; returning false ends the call with
     * status 0.  It may be called from libcurl: it must not call this interface,
     * but for kube_rest(). */
    bool (*bytes)(void *arg, const char *bytes, size_t size);
    /* When set, asked in the moment in which the request goes out, which may be seconds after
     * kube_submit(): it waits for a connection, for a stream on it, or goes out once more because a
     * kept connection was dead.  False: it does not go, and ends with status 0.  It is called from
     * libcurl: it must not call this interface. */
    bool (*may_leave)(void *arg);
    /* Called exactly once, from the loop (never from inside kube_submit), unless cancelled; the
     * call is gone afterwards, and ANSWER with it. */
    void (*done)(void *arg, const struct kube_answer *answer);
    void *arg;
};

/* Everything in REQUEST is copied. */
struct kube_call *kube_submit(struct kube_client *client, const struct kube_request *request);
void kube_cancel(struct kube_call *call);
/* From now on, whenever a little came of this stream, what follows is left to gather for so long.
 * `bytes` may call it. */
void kube_rest(struct kube_call *call, uint64_t us);
/* What has come of this stream by now goes to `bytes` before this returns; `done` is called later.
 * Not from inside `bytes`. */
void kube_read_on(struct kube_call *call);

/* How many calls are under way, which the caller's window bounds. */
size_t kube_in_flight(const struct kube_client *client);

/* "patch pods default/web-1: Forbidden: pods \"web-1\" is forbidden: ..." from what was asked and
 * what came back, into OUT. */
void kube_describe(const char *verb, const char *resource, const struct kube_answer *answer,
                   char *out, size_t cap);

/* Escapes one segment of a path or a query's value (RFC 3986) into OUT; returns OUT.  When it does
 * not fit (CAP is less than three times TEXT and 2), OUT is "-", which is the name of no object:
 * half a name could be another one's, no name would be all of them. */
const char *kube_escape(const char *text, char *out, size_t cap);
