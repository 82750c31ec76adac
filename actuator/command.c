#include "actuator/history.h"

#include "common/clock.h"
#include "common/options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * lastgasp-incidents: what people look with.  It reads the actuator's database while the actuator
 * runs, changes nothing, and holds no transaction longer than one query.
 */

#define FOLLOW_PERIOD_US (200 * US_PER_MS)

static const char *state_dir = "/var/lib/lastgasp-actuator";

static const struct option_row rows[] = {
    { "state", OPTION_TEXT, &state_dir, "DIR", "the actuator's state directory" },
    { NULL },
};

static const struct options spec = {
    "lastgasp-incidents",
    "Shows what the actuator knows of nodes that died: list (one line each, the newest last),\n"
    "show ID (everything about one; the beginning of its id is enough), follow (each step as it\n"
    "happens, until interrupted).",
    rows,
    "list | show ID | follow",
};

static int follow(struct history *history)
{
    int64_t end = history_end(history);

    for (;;) {
        if (!history_print_new(history, &end, stdout) || fflush(stdout) != 0)
            return 1;
        usleep(FOLLOW_PERIOD_US);
    }
}

static int usage(const char *what)
{
    fprintf(stderr, "%s: %s; see --help\n", spec.program, what);
    return 2;
}

static int run(struct history *history, const char *verb, const char *id)
{
    if (strcmp(verb, "list") == 0)
        return history_print_list(history, stdout) ? 0 : 1;
    if (strcmp(verb, "show") == 0)
        return history_print_one(history, id, stdout) ? 0 : 1;
    return follow(history);
}

int main(int argc, char **argv)
{
    int operands;
    char error[HISTORY_ERROR_SIZE];

    switch (options_parse(&spec, argc, argv, &operands)) {
    case OPTIONS_DONE:
        return 0;
    case OPTIONS_USAGE:
        return 2;
    case OPTIONS_RUN:
        break;
    }

    const char *verb = argv[operands], *id = verb != NULL ? argv[operands + 1] : NULL;
    if (verb == NULL)
        return usage("say what: list, show ID or follow");
    bool shows = strcmp(verb, "show") == 0;
    if (!shows && strcmp(verb, "list") != 0 && strcmp(verb, "follow") != 0)
        return usage("knows only list, show ID and follow");
    if (shows != (id != NULL) || (id != NULL && argv[operands + 2] != NULL))
        return usage(shows ? "show takes one id" : "list and follow take nothing more");

    struct history *history = history_open(state_dir, error);
    if (history == NULL) {
        fprintf(stderr, "%s: %s\n", spec.program, error);
        return 1;
    }
    int status = run(history, verb, id);
    history_close(history);
    return status;
}
