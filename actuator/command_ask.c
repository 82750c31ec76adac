#include "actuator/command.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actuator/control.h"
#include "actuator/history.h"
#include "common/digest.h"
#include "common/memory.h"
#include "common/record.h"
#include "common/text.h"

static struct {
    const char *node, *reason;
    unsigned cause; /* from CAUSE_PREEMPTED on: what is before is the kernel's to say */
} report;

const struct option_row command_pause_rows[] = { COMMAND_CONTROL_ROW, { NULL } };
const struct option_row command_undo_rows[] = { COMMAND_STATE_ROW, COMMAND_CONTROL_ROW, { NULL } };
const struct option_row command_report_rows[] = {
    { "node", OPTION_TEXT, &report.node, "NODE", "the Node's name", .required = true },
    { "reason-code", OPTION_CHOICE, &report.cause, "CODE",
      "what has become of it: its pods' pod-termination-reason-code",
      .choices = cause_names + CAUSE_PREEMPTED, .required = true },
    { "reason", OPTION_TEXT, &report.reason, "WORDS", "the same in words, for people",
      .required = true },
    COMMAND_CONTROL_ROW,
    { NULL },
};

/* Who asks, for the history: whoever became root for it. */
static const char *who(void)
{
    static char name[64];
    const struct passwd *user = getpwuid(getuid());
    const char *given = getenv("SUDO_USER");

    if (!given || !*given)
        given = user ? user->pw_name : "somebody";
    text_printable(name, sizeof(name), given, strlen(given), sizeof(name) - 1);
    return name;
}

static bool ask(const struct record *command)
{
    char error[CONTROL_ERROR_SIZE];
    bool done = control_ask(command_control, command, error);

    if (!done)
        fprintf(stderr, COMMAND ": %s\n", error);
    return done;
}

int command_pause(const char *operand)
{
    (void)operand;
    if (!ask(&(struct record){ .kind = RECORD_PAUSE }))
        return 1;
    puts("paused on all hosts");
    return 0;
}

int command_resume(const char *operand)
{
    (void)operand;
    if (!ask(&(struct record){ .kind = RECORD_RESUME }))
        return 1;
    puts("resumed on all hosts");
    return 0;
}

static void print_outcome(void *arg, const struct history_incident *row)
{
    (void)arg;
    printf("%s of node %s is %s: %s\n", row->id, row->node, row->outcome, row->detail);
}

/* The whole id of the incident that PREFIX begins; of a whole one no history has to be read. */
static char *find_id(struct history *history, const char *error, const char *prefix)
{
    if (strlen(prefix) == DIGEST_TEXT_SIZE - 1)
        return xstrdup(prefix);
    if (history)
        return history_find(history, prefix);
    fprintf(stderr, COMMAND ": %s\n", error);
    return NULL;
}

int command_undo(const char *prefix)
{
    char error[HISTORY_ERROR_SIZE];
    struct history *history = history_open(command_state, error);
    char *id = find_id(history, error, prefix);
    bool done =
        id && ask(&(struct record){ .kind = RECORD_UNDO, .undo = { .incident = id, .by = who() } });

    if (done && history)
        history_incidents(history, id, print_outcome, NULL);
    else if (done)
        printf("%s is undone\n", id);
    free(id);
    if (history)
        history_close(history);
    return done ? 0 : 1;
}

int command_report(const char *operand)
{
    (void)operand;
    if (!ask(&(struct record){ .kind = RECORD_REPORT,
                               .report = { .node = report.node,
                                           .cause = CAUSE_PREEMPTED + report.cause,
                                           .reason = report.reason,
                                           .by = who() } }))
        return 1;
    printf("reported: %s is lost, %s; it is removed once its machine is found silent and its Lease "
           "lapsed\n",
           report.node, cause_names[CAUSE_PREEMPTED + report.cause]);
    return 0;
}
