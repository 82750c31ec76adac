#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actuator/actuator.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/options.h"
#include "common/service.h"

#define PROGRAM "lastgasp-actuator"
#define DAY_US  (24 * 60 * US_PER_MINUTE)

static struct {
    const char *socket, *kubeconfig, *state, *domain;
    unsigned mode, on_halt, dry, level;
    bool accept_unverified, include_control_plane, check;
    const char *node_selector, *control;
    const char *limits[LIMITS_RULES];
    uint64_t keep_us, keep_mib;
} given = {
    .domain = "titus.netflix.com",
    .mode = MODE_OBSERVE,
    .on_halt = ON_HALT_RECORD,
    .dry = REMEDY_REAL,
    .level = LOG_LEVEL_INITIAL,
    .keep_us = 30 * DAY_US,
    .keep_mib = 1024,
};

static const char *const dry_names[] = { "off", "local", "server", NULL };

static const struct option_row rows[] = {
    { "socket", OPTION_TEXT, &given.socket, "PATH", "the socket to make, where correlators connect",
      .required = true },
    { "kubeconfig", OPTION_TEXT, &given.kubeconfig, "FILE",
      "how to reach the API server; without it the identity of the pod that this runs in" },
    { "state", OPTION_TEXT, &given.state, "DIR",
      "where incidents.db is kept; a dry run has a directory of its own", .required = true },
    { "mode", OPTION_CHOICE, &given.mode, "MODE",
      "how far it may go: observe writes nothing, annotate tells and cordons, pods removes pods, "
      "node removes the Node too",
      .choices = mode_names },
    { "on-halt", OPTION_CHOICE, &given.on_halt, "HOW",
      "how far it may go, within --mode, when a machine was halted, powered down or restarted in "
      "order: record writes a row in the history, annotate tells and cordons, node does what is "
      "done after a panic, but for machines that restart, which it only tells of",
      .choices = on_halt_names },
    { "domain", OPTION_TEXT, &given.domain, "DOMAIN", "the domain of our annotations" },
    { "dry-run", OPTION_CHOICE, &given.dry, "WHERE",
      "local prints what would be written and sends reads only; server sends it with dryRun=All",
      .choices = dry_names },
    { "accept-unverified", OPTION_FLAG, &given.accept_unverified, NULL,
      "act on panics that no probe has confirmed: whoever can send a datagram from a node's "
      "address can have it removed" },
    { "limit", OPTION_TEXT, &given.limits[LIMITS_COUNT], "COUNT/WINDOW",
      "how many nodes may be touched within a time, over all hosts that run lastgasp (20/10m)" },
    { "limit-percent", OPTION_TEXT, &given.limits[LIMITS_PERCENT], "PERCENT/WINDOW",
      "the same as a part of all Nodes, but never less than two; the smaller wins (10%/10m)" },
    { "limit-zone-percent", OPTION_TEXT, &given.limits[LIMITS_ZONE_PERCENT], "PERCENT/WINDOW",
      "the same within each zone (no such limit)" },
    { "control", OPTION_TEXT, &given.control, "PATH",
      "the socket to make for people and other processes: pause, resume, undo, report" },
    { "keep", OPTION_DURATION, &given.keep_us, "TIME",
      "how long closed incidents are kept in the history", .least = 60 * US_PER_MINUTE,
      .most = 3650 * DAY_US },
    { "keep-size", OPTION_COUNT, &given.keep_mib, "MIB", "and how large the history may get",
      .least = 1, .most = 1024 * 1024 },
    { "include-control-plane", OPTION_FLAG, &given.include_control_plane, NULL,
      "act on Nodes of the control plane too, which are otherwise told of and no more" },
    { "node-selector", OPTION_TEXT, &given.node_selector, "K=V,...",
      "touch only Nodes with all these labels" },
    { "log-level", OPTION_CHOICE, &given.level, "LEVEL", "what is logged at least",
      .choices = log_level_names },
    { "check", OPTION_FLAG, &given.check, NULL,
      "check options, kubeconfig, state directory, the API server and the ledger, then exit" },
    { NULL },
};

static const struct options spec = {
    PROGRAM,
    "Acts on the intents of a correlator: tells the owners of a dead node's pods why they died, "
    "and "
    "removes the pods and the Node, as far as --mode allows.",
    rows,
    NULL,
};

/* The prefix of an annotation is a DNS subdomain of at most 253 bytes, and ours adds "node.". */
static bool is_domain(const char *text)
{
    size_t size = strlen(text);

    return size > 0 && size <= 240 && text[0] != '.' && text[size - 1] != '.' &&
           !strstr(text, "..") && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") == size &&
           !strstr(text, "kubernetes.io") && !strstr(text, "k8s.io");
}

static int serve(struct event_base *base, const struct actuator_options *options)
{
    struct actuator *actuator = actuator_new(base, options);
    if (!actuator)
        return 1;
    int status = 1;
    if (service_start(base, actuator_stop, actuator)) {
        service_ready();
        status = event_base_dispatch(base) < 0;
    }
    actuator_free(actuator);
    service_end();
    return status;
}

static bool read_limits(struct limits *limits)
{
    char why[LIMITS_WHY_SIZE];

    for (unsigned rule = 0; rule < LIMITS_RULES; rule++) {
        const char *text = given.limits[rule] ? given.limits[rule] : limits_defaults[rule];
        if (text && !limits_parse(rule, text, &limits->rule[rule], why)) {
            log_error("--%s=%s: %s", limits_options[rule], text, why);
            return false;
        }
    }
    return true;
}

static int run(struct kube_config *config, const struct limits *limits)
{
    char *selector = given.node_selector ? xstrdup(given.node_selector) : NULL;
    const struct actuator_options options = {
        .socket = given.socket,
        .state = given.state,
        .domain = given.domain,
        .kube = config,
        .mode = given.mode,
        .on_halt = given.on_halt,
        .dry = given.dry,
        .accept_unverified = given.accept_unverified,
        .include_control_plane = given.include_control_plane,
        .node_selector = selector,
        .control = given.control,
        .retention = { .age_us = given.keep_us, .bytes = given.keep_mib * 1024 * 1024 },
        .limits = *limits,
    };
    struct event_base *base = service_loop();
    if (!base)
        return 1;
    int status = given.check ? !actuator_check(base, &options) : serve(base, &options);
    event_base_free(base);
    free(selector);
    return status;
}

int main(int argc, char **argv)
{
    char error[KUBE_ERROR_SIZE];
    int operands;

    switch (options_parse(&spec, argc, argv, &operands)) {
    case OPTIONS_DONE:
        return 0;
    case OPTIONS_USAGE:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    log_open(PROGRAM, log_levels[given.level]);
    if (!is_domain(given.domain)) {
        log_error("--domain=%s: not a DNS domain of one's own", given.domain);
        return 2;
    }
    struct limits limits = { 0 };
    if (!read_limits(&limits))
        return 2;
    struct kube_config *config = kube_config_load(given.kubeconfig, error);
    if (!config) {
        log_error("%s", error);
        return 2;
    }
    int status = run(config, &limits);
    kube_config_free(config);
    return status;
}
