#include "actuator/control.h"
#include "actuator/history.h"

#include "common/clock.h"
#include "common/options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * lastgasp-incidents: what people look with.  It reads the actuator's database while the actuator
 * runs, changes nothing in it, and holds no transaction longer than one query.  Only `pause` and
 * `resume` need an actuator that runs: they ask it, by its control socket.
 */

#define FOLLOW_PERIOD_US (200 * US_PER_MS)

static const char *state_dir = "/var/lib/lastgasp-actuator";
static const char *control = "/run/lastgasp-actuator/control.sock";

static const struct option_row rows[] = {
    { "state", OPTION_TEXT, &state_dir, "DIR", "the actuator's state directory" },
    { "control", OPTION_TEXT, &control, "PATH", "the actuator's control socket" },
    { NULL },
};

static const struct options spec = {
    "lastgasp-incidents",
    "Shows what the actuator knows of nodes that died: list (one line each, the newest last),\n"
    "show ID (everything about one; the beginning of its id is enough), follow (each step as it\n"
    "happens, until interrupted).  And stops it: pause (no host touches a node any more), resume\n"
    "(after a pause, or when too many nodes at once have latched it).",
    rows,
    "list | show ID | follow | pause | resume",
};

static int follow(struct history *history)
{
    int64_t end = history_end(history);

    printf("%-12s  %-8s  %-24s %s\n", "AT", "ID", "NODE", "STEP");
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

static int ask(enum record_kind kind)
{
    char error[CONTROL_ERROR_SIZE];

    if (control_ask(control, kind, error)) {
        printf("%s on all hosts\n", kind == RECORD_PAUSE ? "paused" : "resumed");
        return 0;
    }
    fprintf(stderr, "%s: %s\n", spec.program, error);
    return 1;
}

enum verb { VERB_LIST, VERB_SHOW, VERB_FOLLOW, VERB_PAUSE, VERB_RESUME, VERBS };
static const char *const verbs[VERBS] = { "list", "show", "follow", "pause", "resume" };

static int look(enum verb verb, const char *id)
{
    char error[HISTORY_ERROR_SIZE];
    struct history *history = history_open(state_dir, error);
    int status;

    if (history == NULL) {
        fprintf(stderr, "%s: %s\n", spec.program, error);
        return 1;
    }
    if (verb == VERB_LIST)
        status = history_print_list(history, stdout) ? 0 : 1;
    else if (verb == VERB_SHOW)
        status = history_print_one(history, id, stdout) ? 0 : 1;
    else
        status = follow(history);
    history_close(history);
    return status;
}

int main(int argc, char **argv)
{
    int operands;

    switch (options_parse(&spec, argc, argv, &operands)) {
    case OPTIONS_DONE:
        return 0;
    case OPTIONS_USAGE:
        return 2;
    case OPTIONS_RUN:
        break;
    }

    const char *word = argv[operands], *id = word != NULL ? argv[operands + 1] : NULL;
    enum verb verb = VERB_LIST;
    if (word == NULL)
        return usage("say what: list, show ID, follow, pause or resume");
    while (verb < VERBS && strcmp(word, verbs[verb]) != 0)
        verb++;
    if (verb == VERBS)
        return usage("knows only list, show ID, follow, pause and resume");
    if ((verb == VERB_SHOW) != (id != NULL) || (id != NULL && argv[operands + 2] != NULL))
        return usage(verb == VERB_SHOW ? "show takes one id" : "only show takes anything more");
    if (verb == VERB_PAUSE || verb == VERB_RESUME)
        return ask(verb == VERB_PAUSE ? RECORD_PAUSE : RECORD_RESUME);
    return look(verb, id);
}
