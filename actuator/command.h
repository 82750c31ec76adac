#pragma once

#include "common/options.h"

/*
 * lastgasp-incidents: one program, a verb at a time.  Each verb is a row of a table (command.c),
 * with options of its own, which may stand before or behind its operand; those that more than one
 * has are here.
 */
#define COMMAND "lastgasp-incidents"

extern const char *command_state;   /* the actuator's state directory */
extern const char *command_control; /* its control socket */
extern bool command_json;           /* for programs instead of people */

#define COMMAND_STATE_ROW                                                                          \
    {                                                                                              \
        "state", OPTION_TEXT, &command_state, "DIR", "the actuator's state directory"              \
    }
#define COMMAND_CONTROL_ROW                                                                        \
    {                                                                                              \
        "control", OPTION_TEXT, &command_control, "PATH", "the actuator's control socket"          \
    }
#define COMMAND_JSON_ROW                                                                           \
    {                                                                                              \
        "json", OPTION_FLAG, &command_json, NULL,                                                  \
            "for programs: a JSON object a line, times in microseconds since the epoch"            \
    }

struct verb {
    const char *name;
    const char *operand; /* "ID"; NULL: it takes none */
    const char *help;    /* what it does, in a few words */
    const struct option_row *rows;
    int (*run)(const char *operand); /* returns the exit status */
};

/* command_look.c: what reads the database, beside an actuator that runs or one that does not. */
extern const struct option_row command_look_rows[];
int command_list(const char *operand);
int command_show(const char *id);
int command_follow(const char *operand);

/* command_ask.c: what asks the actuator, by its control socket. */
extern const struct option_row command_pause_rows[], command_undo_rows[], command_report_rows[];
int command_pause(const char *operand);
int command_resume(const char *operand);
int command_undo(const char *id);
int command_report(const char *operand);

/* command_nodes.c: what asks the correlator, over HTTP. */
extern const struct option_row command_nodes_rows[];
int command_nodes(const char *operand);
