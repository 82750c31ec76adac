#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/record.h"

/*
 * The reader's side of the incidents' database: opened read-only, beside an actuator that runs or
 * one that does not.  Everything is handed out a row at a time; texts are valid during the call and
 * never NULL ("" where there is none), a time that is not there is RECORD_ABSENT.
 *
 * What returns bool returns false, with a message on standard error, when the database could not be
 * read.
 */
struct history;

#define HISTORY_ERROR_SIZE 512

/* NULL with path and reason in ERROR. */
struct history *history_open(const char *state_dir, char error[HISTORY_ERROR_SIZE]);
void history_close(struct history *history);

/* What is read in between is of one moment. */
bool history_begin(struct history *history);
void history_end(struct history *history);

struct history_incident {
    const char *id, *node, *uid, *boot;
    const char *cause, *reason_code, *reason, *verdict, *words;
    const char *state;            /* "closed", or how far it is */
    const char *outcome, *detail; /* of one that has ended */
    const char *kept;             /* JSON: labels, annotations and taints of the deleted Node */
    uint64_t received_us, opened_us, expires_us, closed_us;
};
/* ID: only that one; NULL: all, oldest first. */
bool history_incidents(struct history *history, const char *id,
                       void (*each)(void *arg, const struct history_incident *row), void *arg);

struct history_step {
    const char *incident, *node, *words;
    uint64_t at_us, received_us; /* the second: of the incident, which its times are relative to */
};
/* Those of incident ID, what came before the first one included. */
bool history_steps(struct history *history, const char *id,
                   void (*each)(void *arg, const struct history_step *row), void *arg);
/* Of all incidents, what came after *END, which moves on; it begins as history_now(). */
bool history_news(struct history *history, int64_t *end,
                  void (*each)(void *arg, const struct history_step *row), void *arg);
int64_t history_now(struct history *history);

struct history_pod {
    const char *namespace, *name, *owner_kind, *owner_name, *done;
    uint64_t at_us;
};
bool history_pods(struct history *history, const char *id,
                  void (*each)(void *arg, const struct history_pod *row), void *arg);

/* The ids of the panics (and reports) that were heard of it, oldest first. */
bool history_panics(struct history *history, const char *id,
                    void (*each)(void *arg, const char *panic), void *arg);
/* What the kernel said, line by line. */
bool history_trace(struct history *history, const char *id,
                   void (*each)(void *arg, const char *line), void *arg);

/* The whole id, the caller's to free, of the one incident whose id begins with PREFIX; NULL, with a
 * message on standard error, when there is none or more than one. */
char *history_find(struct history *history, const char *prefix);
