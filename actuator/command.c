#include "actuator/command.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"

const char *command_state = "/var/lib/lastgasp-actuator";
const char *command_control = "/run/lastgasp-actuator/control.sock";
bool command_json;

static const struct option_row common_rows[] = { COMMAND_STATE_ROW, COMMAND_CONTROL_ROW, { NULL } };

static const struct verb verbs[] = {
    { "list", NULL, "a line each incident, the newest last", command_look_rows, command_list },
    { "show", "ID", "everything about one; the beginning of its id is enough", command_look_rows,
      command_show },
    { "follow", NULL, "each step as it happens, until interrupted", command_look_rows,
      command_follow },
    { "nodes", NULL, "which Nodes are heard, and which could be judged by their silence",
      command_nodes_rows, command_nodes },
    { "pause", NULL, "no host touches a node any more", command_pause_rows, command_pause },
    { "resume", NULL, "after a pause, or when too many nodes at once have latched it",
      command_pause_rows, command_resume },
    { "undo", "ID", "takes off the Node what was set on it, and closes the incident",
      command_undo_rows, command_undo },
    { "report", NULL, "says that a node is lost, and why; it is removed on evidence only",
      command_report_rows, command_report },
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static char summary[2048];

static void write_summary(void)
{
    size_t used = 0;

    text_append(summary, sizeof(summary), &used,
                "Shows what the actuator knows of nodes that died, and tells it what people want.\n"
                "\n");
    for (const struct verb *verb = verbs; verb < verbs + VERBS; verb++)
        text_append(summary, sizeof(summary), &used, "  %-6s %-3s  %s\n", verb->name,
                    verb->operand ? verb->operand : "", verb->help);
    text_append(summary, sizeof(summary), &used,
                "\n" COMMAND " VERB --help says what options a verb has.");
}

static int usage(const char *program, const char *what)
{
    fprintf(stderr, "%s: %s; see --help\n", program, what);
    return 2;
}

static const struct verb *find(const char *name)
{
    for (const struct verb *verb = verbs; verb < verbs + VERBS; verb++) {
        if (strcmp(verb->name, name) == 0)
            return verb;
    }
    return NULL;
}

/* ARGV[0] is the verb's name. */
static int run(const struct verb *verb, int argc, char **argv)
{
    char program[64];
    const struct options spec = { program, verb->help, verb->rows, verb->operand };
    int operand, behind;

    snprintf(program, sizeof(program), COMMAND " %s", verb->name);
    enum options_outcome outcome = options_parse(&spec, argc, argv, &operand);
    if (outcome == OPTIONS_RUN && verb->operand) {
        if (operand == argc)
            return usage(program, "takes one id");
        outcome = options_parse(&spec, argc - operand, argv + operand, &behind);
        if (outcome == OPTIONS_RUN && operand + behind != argc)
            return usage(program, "takes one id only");
    }
    if (outcome != OPTIONS_RUN)
        return outcome == OPTIONS_USAGE ? 2 : 0;
    return verb->run(verb->operand ? argv[operand] : NULL);
}

int main(int argc, char **argv)
{
    const struct options spec = { COMMAND, summary, common_rows, "VERB" };
    int operands;

    write_summary();
    switch (options_parse(&spec, argc, argv, &operands)) {
    case OPTIONS_DONE:
        return 0;
    case OPTIONS_USAGE:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    if (operands == argc)
        return usage(COMMAND, "say what is to be done");
    const struct verb *verb = find(argv[operands]);
    if (!verb)
        return usage(COMMAND, "there is no such verb");
    return run(verb, argc - operands, argv + operands);
}
