#pragma once

#include "tests/unit/unit.h"

#include "common/clock.h"
#include "common/kube/internal.h"
#include "common/log.h"
#include "common/memory.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The client against a process that plays a server without TLS: one connection after the other, it
 * answers each request with the next of a list of answers (the last one again and again).  What
 * only TLS and HTTP/2 have (one connection for many calls, certificates that change) is tested in
 * tests/integration.
 */
enum after { AFTER_NEXT, AFTER_CLOSE, AFTER_SILENCE };

struct play {
    const char *answer; /* NULL: the request itself comes back */
    enum after after;
    size_t piece; /* bytes a write; 0: all at once */
};

#define OK(length) "HTTP/1.1 200 OK\r\nContent-Length: " #length "\r\n\r\n"
#define CHUNKED    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define SHORT_US   (200 * US_PER_MS) /* for what ends in a time-out; valgrind needs more */

static struct event_base *base;
static struct kube_config config;
static struct kube_client *client;
static pid_t server;
static char error[KUBE_ERROR_SIZE], url[64], origin[] = "test";

/* The server's side. */

static inline void send_all(int fd, const char *bytes, size_t size, size_t piece)
{
    while (size) {
        ssize_t sent = send(fd, bytes, piece && piece < size ? piece : size, MSG_NOSIGNAL);
        if (sent < 0)
            return;
        bytes += sent;
        size -= (size_t)sent;
        if (piece)
            usleep(200);
    }
}

static inline void answer_with(int fd, const struct play *play, const char *request, size_t size)
{
    if (play->answer) {
        send_all(fd, play->answer, strlen(play->answer), play->piece);
        return;
    }
    char head[128];
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
    send_all(fd, head, strlen(head), 0);
    send_all(fd, request, size, 0);
}

/* Requests are small: over loopback each comes in one piece. */
static inline void serve(int listener, const struct play *plays, size_t count)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t next = 0;;) {
        char request[8192];
        ssize_t got;
        int fd = accept(listener, NULL, NULL);
        while ((got = recv(fd, request, sizeof(request), 0)) > 0) {
            const struct play *play = &plays[next < count - 1 ? next++ : count - 1];
            answer_with(fd, play, request, (size_t)got);
            while (play->after == AFTER_SILENCE && recv(fd, request, sizeof(request), 0) > 0)
                continue;
            if (play->after != AFTER_NEXT)
                break;
        }
        close(fd);
    }
}

static inline int listen_somewhere(void)
{
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, size), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&name, &size), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(name.sin_port));
    config.server = url;
    return fd;
}

static inline void play_plays(enum kube_use use, const struct play *plays, size_t count)
{
    int fd = listen_somewhere();
    server = fork();
    ck_assert_int_ge(server, 0);
    if (server == 0)
        serve(fd, plays, count);
    close(fd);
    client = kube_client_new(base, &config, use, error);
    ck_assert_msg(client, "%s", error);
}

#define PLAY(use, ...)                                                          \
    do {                                                                        \
        const struct play plays_[] = { __VA_ARGS__ };                           \
        play_plays(use, plays_, sizeof(plays_) / sizeof(plays_[0]));            \
    } while (0)

/* The client's side. */

struct outcome {
    unsigned times, status;
    char reason[64], message[512], body[8192];
    size_t size;
    uint64_t retry_after_us;
    size_t received, refuse_after; /* by `bytes` */
};

static unsigned awaited;

static inline void on_done(void *arg, const struct kube_answer *answer)
{
    struct outcome *outcome = arg;
    outcome->times++;
    outcome->status = answer->status;
    snprintf(outcome->reason, sizeof(outcome->reason), "%s", answer->reason);
    snprintf(outcome->message, sizeof(outcome->message), "%s", answer->message);
    snprintf(outcome->body, sizeof(outcome->body), "%s", answer->body);
    outcome->size = answer->size;
    outcome->retry_after_us = answer->retry_after_us;
    if (--awaited == 0)
        event_base_loopbreak(base);
}

static inline bool on_bytes(void *arg, const char *bytes, size_t size)
{
    struct outcome *outcome = arg;
    if (outcome->refuse_after && outcome->received + size > outcome->refuse_after)
        return false;
    memcpy(outcome->body + outcome->received, bytes, size);
    outcome->received += size;
    return true;
}

static inline struct kube_request get(struct outcome *outcome)
{
    return (struct kube_request){ .verb = "GET", .path = "/api/v1/nodes", .done = on_done,
                                  .arg = outcome };
}

static inline struct kube_call *submit(const struct kube_request *request)
{
    awaited++;
    return kube_submit(client, request);
}

static inline void run_for(uint64_t us)
{
    struct timeval limit = { .tv_sec = (time_t)(us / US_PER_SECOND),
                             .tv_usec = (suseconds_t)(us % US_PER_SECOND) };
    event_base_loopexit(base, &limit);
    event_base_dispatch(base);
}

static inline void run_until_done(void)
{
    for (int i = 0; awaited && i < 2000; i++)
        run_for(10 * US_PER_MS);
    ck_assert_uint_eq(awaited, 0);
    ck_assert_uint_eq(kube_in_flight(client), 0);
}

static inline void ask(const struct kube_request *request)
{
    submit(request);
    run_until_done();
    ck_assert_uint_eq(((struct outcome *)request->arg)->times, 1);
}

static inline void set_up(void)
{
    log_open("test", LOG_ALERT);
    base = event_base_new();
    memset(&config, 0, sizeof(config));
    config.origin = origin;
    client = NULL;
    server = 0;
    awaited = 0;
}

static inline void tear_down(void)
{
    kube_client_free(client);
    event_base_free(base);
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
}
