/*
 * One host, as far as the ledger is concerned: it wants to touch what it reads from standard input,
 * one node a line, for 10 s each once it is let in, if that is within 30 s, and says on standard
 * output when it might have written: "granted NODE TIME", by the machine's monotonic clock in
 * microseconds.  So a test can freeze several of these at random moments and add up what they say.
 *
 *   ledger-host KUBECONFIG STATE-DIRECTORY LIMIT
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actuator/incidents.h"
#include "actuator/ledger.h"
#include "common/clock.h"
#include "common/kube/config.h"
#include "common/kube/http.h"
#include "common/log.h"
#include "common/memory.h"

#define NODES_MAX 1024
#define WORK_US   (10 * US_PER_SECOND)
#define WANT_US   (30 * US_PER_SECOND)

static struct {
    struct event_base *base;
    struct ledger *ledger;
    char *nodes[NODES_MAX];
    uint64_t told_us[NODES_MAX];
    uint64_t begun_us[NODES_MAX]; /* 0: not let in yet */
    size_t count;
} host;

static void work(size_t i)
{
    uint64_t now_us = clock_monotonic_us();
    bool begun = host.begun_us[i] > 0;

    if (now_us > (begun ? host.begun_us[i] + WORK_US : host.told_us[i] + WANT_US))
        return;
    if (ledger_ask(host.ledger, host.nodes[i], "") != LEDGER_GRANTED ||
        !ledger_may_write(host.ledger))
        return;
    now_us = clock_monotonic_us();
    if (!begun)
        host.begun_us[i] = now_us;
    printf("granted %s %llu\n", host.nodes[i], (unsigned long long)now_us);
    fflush(stdout);
}

static void on_changed(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < host.count; i++)
        work(i);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    on_changed(arg);
}

static void add(const char *node)
{
    if (host.count == NODES_MAX)
        return;
    host.told_us[host.count] = clock_monotonic_us();
    host.nodes[host.count++] = xstrdup(node);
}

static void on_line(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    char line[256];

    if (!fgets(line, sizeof(line), stdin)) {
        event_base_loopbreak(host.base);
        return;
    }
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, "resume") == 0)
        ledger_pause(host.ledger, false, on_changed, NULL);
    else
        add(line);
    on_changed(NULL);
}

static int run(const struct kube_config *config, const char *identity, const struct limits *limits)
{
    char error[KUBE_ERROR_SIZE];
    static const struct timeval tick = { .tv_usec = 200000 };
    static uint64_t failures;
    struct kube_client *client = kube_client_new(host.base, config, KUBE_REQUESTS, error);

    if (!client) {
        log_error("%s", error);
        return 1;
    }
    host.ledger = ledger_new(&(struct ledger_setup){ .base = host.base,
                                                     .client = client,
                                                     .identity = identity,
                                                     .limits = limits,
                                                     .failures = &failures,
                                                     .changed = on_changed });
    setvbuf(stdin, NULL, _IONBF, 0); /* what the loop sees to be there must be there */
    struct event *input = event_new(host.base, 0, EV_READ | EV_PERSIST, on_line, NULL);
    struct event *timer = event_new(host.base, -1, EV_PERSIST, on_tick, NULL);
    event_add(input, NULL);
    event_add(timer, &tick);
    event_base_dispatch(host.base);
    event_free(input);
    event_free(timer);
    ledger_free(host.ledger);
    kube_client_free(client);
    return 0;
}

int main(int argc, char **argv)
{
    char kube_error[KUBE_ERROR_SIZE], error[INCIDENTS_ERROR_SIZE], why[LIMITS_WHY_SIZE];
    struct limits limits = { 0 };

    log_open("ledger-host", LOG_INFO);
    if (argc != 4 || !limits_parse(LIMITS_COUNT, argv[3], &limits.rule[LIMITS_COUNT], why))
        return 2;
    struct kube_config *config = kube_config_load(argv[1], kube_error);
    struct incidents *incidents = incidents_open(argv[2], error);
    struct event_config *choices = event_config_new();
    /* Files and pipes of a test are no sockets: poll takes them all. */
    event_config_avoid_method(choices, "epoll");
    host.base = event_base_new_with_config(choices);
    event_config_free(choices);
    int status = config && incidents ? run(config, incidents_identity(incidents), &limits) : 1;
    for (size_t i = 0; i < host.count; i++)
        free(host.nodes[i]);
    event_base_free(host.base);
    if (incidents)
        incidents_close(incidents);
    if (config)
        kube_config_free(config);
    return status;
}
