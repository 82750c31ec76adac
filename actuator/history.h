#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The reader's side of the incidents' database, and how it is shown to people: opened read-only,
 * beside an actuator that runs or one that does not.
 */
struct history;

#define HISTORY_ERROR_SIZE 512

/* NULL with path and reason in ERROR. */
struct history *history_open(const char *state_dir, char error[HISTORY_ERROR_SIZE]);
void history_close(struct history *history);

/* These return false, with a message on standard error, when the database could not be read. */
bool history_print_list(struct history *history, FILE *out);
/* ID may be the beginning of one; none or several that match are an error. */
bool history_print_one(struct history *history, const char *id, FILE *out);

/* For `follow`: where the history ends now, and what came since *END, which moves on. */
int64_t history_end(struct history *history);
bool history_print_new(struct history *history, int64_t *end, FILE *out);
