#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <curl/curl.h>

#include "common/kube/credentials.h"
#include "common/kube/http.h"
#include "common/kube/server.h"

struct event;

/* Easy handles that are kept for the next call; more than these come and go. */
#define IDLE_MAX 16

/* multi.c: one multi handle of libcurl on libevent. */
struct kube_multi {
    struct kube_client *client;
    CURLM *curl;
    struct event *timer;
    LIST_HEAD(, kube_socket) sockets;
    struct event *rested; /* the end of a rest, see kube_rest() */
    uint64_t rest_us;
    size_t streamed; /* bytes of a stream in libcurl's last action */
    CURL *idle[IDLE_MAX]; /* set up with the credentials of its time */
    size_t idle_count;
    size_t calls; /* under way on it */
    LIST_ENTRY(kube_multi) link;
};

struct kube_multi *multi_new(struct kube_client *client);
/* Neither from inside a callback of libcurl. */
void multi_free(struct kube_multi *multi);
void multi_read_on(struct kube_multi *multi);

/* easy.c: how a transfer is set up.  NULL when this libcurl lacks something. */
CURL *easy_take(struct kube_multi *multi);
void easy_give_back(struct kube_multi *multi, CURL *easy);

struct kube_client {
    struct event_base *base;
    enum kube_use use;
    const struct kube_config *config;
    struct credentials credentials;
    struct target target;
    struct curl_slist *connect_to;
    /* New calls go to `current`; those in `retired` only finish what they began. */
    struct kube_multi *current;
    LIST_HEAD(, kube_multi) retired;
    TAILQ_HEAD(calls, kube_call) under_way, finished;
    size_t in_flight; /* in both */
    struct event *deliver;
    /* Constants, which only tests make shorter. */
    uint64_t answer_us, look_us;
};

/* http.c */
/* After something was done with MULTI, at the end of it.  BROKEN (a time-out, a broken connection):
 * the next call goes over a new connection.  A multi that was given up goes with its last call. */
void client_settle(struct kube_client *client, struct kube_multi *multi, bool broken);
/* Reads credentials again now. */
void client_look(struct kube_client *client);

/* call.c */
/* Takes the results that libcurl has; the last thing after each of its actions. */
void calls_collect(struct kube_multi *multi);
/* The event that tells callers, one call a turn. */
struct event *calls_deliverer(struct kube_client *client);
