#include "common/clock.h"
#include "common/kube/config.h"
#include "common/log.h"
#include "common/options.h"
#include "common/service.h"
#include "correlator/correlator.h"
#include "correlator/http.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2

enum { VERIFY_PROBE, VERIFY_NONE };
static const char *const verify_names[] = { "probe", "none", NULL };

static struct {
    const char *kubeconfig;
    unsigned verify;
    unsigned level; /* index into log_levels */
    bool check, dry_run;
    struct correlator_settings correlator;
} given = {
    .level = LOG_LEVEL_INITIAL,
    .correlator = { .domain = "titus.netflix.com",
                    .metrics = "127.0.0.1:9478",
                    .expire_us = 15 * US_PER_MINUTE,
                    .times = { .settle_us = 3 * US_PER_SECOND,
                               .alive_us = 30 * US_PER_SECOND,
                               .baseline_us = 20 * US_PER_MINUTE,
                               .evidence_us = 2 * US_PER_SECOND,
                               .sweep_us = 10 * US_PER_MINUTE } },
};

static const struct option_row rows[] = {
    { "socket", OPTION_TEXT, &given.correlator.socket, "PATH",
      "The socket to make, where listeners connect.", .required = true },
    { "to", OPTION_TEXT, &given.correlator.to, "SOCKET", "The actuator's socket." },
    { "dry-run", OPTION_FLAG, &given.dry_run, NULL,
      "In place of --to: print the intents, and acknowledge nothing, so that every panic comes "
      "again to the correlator that runs next." },
    { "kubeconfig", OPTION_TEXT, &given.kubeconfig, "FILE",
      "Where the API server is and who we are there; without it the service account of the pod "
      "we run in." },
    { "verify", OPTION_CHOICE, &given.verify, "HOW",
      "How to make sure that a machine is dead: probe connects to its kubelet's port until it is "
      "silent, none says of every panic that it is unverified.",
      .choices = verify_names },
    { "settle", OPTION_DURATION, &given.correlator.times.settle_us, "TIME",
      "A machine that answers no probe for this long is silent.", .least = 300 * US_PER_MS,
      .most = US_PER_MINUTE },
    { "alive", OPTION_DURATION, &given.correlator.times.alive_us, "TIME",
      "A machine that answers for this long and renews its Lease is alive.", .least = US_PER_SECOND,
      .most = 10 * US_PER_MINUTE },
    { "evidence", OPTION_DURATION, &given.correlator.times.evidence_us, "TIME",
      "How often silence is confirmed to the actuator while an incident is open.",
      .least = 100 * US_PER_MS, .most = 3 * US_PER_SECOND },
    { "sweep", OPTION_DURATION, &given.correlator.times.sweep_us, "TIME",
      "How often each kubelet port is tried, so that it is known which ones answer.",
      .least = US_PER_SECOND, .most = 60 * US_PER_MINUTE },
    { "baseline", OPTION_DURATION, &given.correlator.times.baseline_us, "TIME",
      "Silence counts only of a port that answered within this time before the panic.",
      .least = 2 * US_PER_SECOND, .most = 120 * US_PER_MINUTE },
    { "expire", OPTION_DURATION, &given.correlator.expire_us, "TIME",
      "A panic that could not be judged for this long leads to nothing but a row in the history.",
      .least = US_PER_SECOND, .most = 24 * 60 * US_PER_MINUTE },
    { "domain", OPTION_TEXT, &given.correlator.domain, "DOMAIN",
      "The domain of our annotations; node.DOMAIN/netconsole-source of a Node names one more "
      "address of it." },
    { "metrics", OPTION_TEXT, &given.correlator.metrics, "ADDR:PORT",
      "Where to serve the metrics of all three stages, at /metrics, and what is known of each "
      "Node, "
      "at /nodes, to whoever can connect there; none serves nothing." },
    { "log-level", OPTION_CHOICE, &given.level, "LEVEL", "What to log.",
      .choices = log_level_names },
    { "check", OPTION_FLAG, &given.check, NULL,
      "Check the options, the kubeconfig and that the API server lists Nodes, then exit." },
    { NULL },
};

static const struct options spec = {
    .program = "lastgasp-correlator",
    .summary = "Watches the Nodes of a cluster, finds the one that a panic came from, judges "
               "whether the machine is dead, and tells the actuator.",
    .rows = rows,
};

static bool set_metrics(void)
{
    const char **metrics = &given.correlator.metrics;
    if (strcmp(*metrics, "none") == 0)
        *metrics = NULL;
    if (*metrics == NULL || http_is_endpoint(*metrics))
        return true;
    fprintf(stderr, "%s: --metrics=%s: must be ADDR:PORT, [ADDR]:PORT or none\n", spec.program,
            *metrics);
    return false;
}

static void stop(void *arg)
{
    event_base_loopexit(arg, NULL);
}

static int run(struct event_base *base)
{
    struct correlator *correlator = correlator_new(base, &given.correlator);
    if (correlator == NULL || !service_start(base, stop, base))
        return EXIT_FAILURE;
    service_ready();
    event_base_dispatch(base);
    service_end();
    correlator_free(correlator);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    int operands;
    switch (options_parse(&spec, argc, argv, &operands)) {
    case OPTIONS_DONE:
        return EXIT_SUCCESS;
    case OPTIONS_USAGE:
        return EXIT_USAGE;
    case OPTIONS_RUN:
        break;
    }
    if ((given.correlator.to == NULL) != given.dry_run) {
        fprintf(stderr, "%s: give one of --to=SOCKET and --dry-run; see --help\n", spec.program);
        return EXIT_USAGE;
    }
    log_open(spec.program, log_levels[given.level]);
    if (!set_metrics())
        return EXIT_USAGE;

    char error[KUBE_ERROR_SIZE];
    struct kube_config *kube = kube_config_load(given.kubeconfig, error);
    if (kube == NULL) {
        log_error("%s", error);
        return EXIT_USAGE;
    }
    given.correlator.kube = kube;
    given.correlator.verify = given.verify == VERIFY_PROBE;

    struct event_base *base = service_loop();
    if (base == NULL)
        return EXIT_FAILURE;
    int status;
    if (given.check)
        status = correlator_check(base, kube) ? EXIT_SUCCESS : EXIT_FAILURE;
    else
        status = run(base);
    event_base_free(base);
    kube_config_free(kube);
    return status;
}
