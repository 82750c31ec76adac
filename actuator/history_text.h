#pragma once

#include <stdio.h>

#include "actuator/history.h"

/*
 * The history for people: aligned, in local time with its distance from UTC.  False, with a message
 * on standard error, when the database could not be read.
 */

/* A line an incident, the newest last; what is open has its state in parentheses. */
bool history_list_text(struct history *history, FILE *out);

/* Everything about the incident ID. */
bool history_show_text(struct history *history, const char *id, FILE *out);

/* For `follow`: what its columns are, and one step. */
void history_step_heading(FILE *out);
void history_step_text(const struct history_step *step, FILE *out);
