#include "common/address.h"
#include "common/log.h"
#include "common/options.h"
#include "common/service.h"
#include "listener/listener.h"
#include "listener/token_file.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#define EXIT_USAGE 2


static struct {
    struct option_texts listen;
    const char *to, *pending, *replay, *replay_source, *require_token;
    unsigned level; /* index into log_levels */
    bool silent_oops, check;
} given = { .level = LOG_LEVEL_INITIAL };

static const struct option_row rows[] = {
    { "listen", OPTION_TEXTS, &given.listen, "ADDR:PORT",
      "Where nodes send to by UDP; may be given several times, and is not needed when systemd "
      "passes the sockets." },
    { "to", OPTION_TEXT, &given.to, "SOCKET", "The correlator's socket.", .required = true },
    { "pending", OPTION_TEXT, &given.pending, "FILE",
      "Where panics are kept until they are acknowledged; made when it is not there.",
      .required = true },
    { "replay", OPTION_TEXT, &given.replay, "FILE",
      "Hear this file instead: a capture, or the text of a kernel log; then exit." },
    { "replay-source", OPTION_TEXT, &given.replay_source, "ADDR",
      "The address that the replayed datagrams come from." },
    { "require-token", OPTION_TEXT, &given.require_token, "FILE",
      "Believe a panic only if its userdata has a token= of this file: lines of TOKEN or NODE "
      "TOKEN, read again when it changes; open to its owner alone." },
    { "silent-oops", OPTION_FLAG, &given.silent_oops, NULL,
      "Take an oops that is followed by silence for a panic, of Nodes whose userdata has kdump=1." },
    { "log-level", OPTION_CHOICE, &given.level, "LEVEL", "What to log.",
      .choices = log_level_names },
    { "check", OPTION_FLAG, &given.check, NULL,
      "Check the options, the pending file and that the correlator answers, then exit." },
    { NULL },
};

static const struct options spec = {
    .program = "lastgasp-listener",
    .summary = "Hears what kernels send with netconsole, finds the panics in it, and tells the "
               "correlator until it has acknowledged each.",
    .rows = rows,
};

static bool usage(const char *message, const char *value)
{
    fprintf(stderr, "%s: %s%s\n", spec.program, message, value);
    return false;
}

static bool settings_of_options(struct listener_settings *settings)
{
    *settings = (struct listener_settings){
        .endpoints = given.listen.text,
        .endpoint_count = given.listen.count,
        .passed = service_passed_sockets(),
        .to = given.to,
        .pending = given.pending,
        .silent_oops = given.silent_oops,
        .replay = given.replay,
    };
    for (size_t i = 0; i < given.listen.count; i++) {
        struct sockaddr_storage name;
        if (address_parse_endpoint(given.listen.text[i], &name) == 0)
            return usage("--listen: neither ADDR:PORT nor [ADDR]:PORT: ", given.listen.text[i]);
    }
    bool sockets = given.listen.count > 0 || settings->passed > 0;
    if (given.replay ? given.listen.count > 0 : !sockets)
        return usage("give one of --listen, sockets passed by systemd, and --replay", "");
    if (!given.replay != !given.replay_source)
        return usage("--replay and --replay-source go together", "");
    if (given.replay && !address_parse(given.replay_source, &settings->replay_source))
        return usage("--replay-source: not an address: ", given.replay_source);
    char error[TOKEN_FILE_ERROR_SIZE];
    if (given.require_token && !(settings->tokens = token_file_open(given.require_token, error)))
        return usage("--require-token: ", error);
    return true;
}

static void stop(void *arg)
{
    listener_stop(arg);
}

static int run(const struct listener_settings *settings)
{
    struct event_base *base = service_loop();
    struct listener *listener = base ? listener_new(base, settings) : NULL;
    bool good = listener && service_start(base, stop, listener);
    if (good) {
        listener_start(listener);
        service_ready();
        event_base_dispatch(base);
        service_end();
    }
    if (listener)
        listener_free(listener);
    if (base)
        event_base_free(base);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
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
    struct listener_settings settings;
    if (!settings_of_options(&settings))
        return EXIT_USAGE;
    log_open(spec.program, log_levels[given.level]);
    int status =
        given.check ? listener_check(&settings) ? EXIT_SUCCESS : EXIT_FAILURE : run(&settings);
    if (settings.tokens)
        token_file_free(settings.tokens);
    return status;
}
