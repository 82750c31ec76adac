#pragma once

#include <stdio.h>

#include "actuator/history.h"

/*
 * The history for programs: one JSON object a line.  The members of an incident are the columns of
 * the database, and named as in the records: times are microseconds since the epoch, what is not
 * there is left out.  False, with a message on standard error, when the database could not be read.
 */

/* An object an incident, oldest first. */
bool history_list_json(struct history *history, FILE *out);

/* The incident ID, with `steps`, `pods`, `panics`, `trace` and, of a deleted Node, `kept`. */
bool history_show_json(struct history *history, const char *id, FILE *out);

/* For `follow`: one step, with the `incident` and its `node`. */
void history_step_json(const struct history_step *step, FILE *out);
