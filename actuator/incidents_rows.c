#include "actuator/incidents_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"

/* Incidents as they are in memory: out of the database, or out of an intent. */

const char *const incident_state_names[] = { "open", "held", "acting", "watching", "closed", NULL };

void incident_free(struct incident *incident)
{
    if (incident == NULL)
        return;
    free(incident->id);
    free(incident->node);
    free(incident->uid);
    free(incident->boot);
    free(incident->reason);
    free(incident->words);
    free(incident->address);
    free(incident->detail);
    free(incident);
}

unsigned incidents_choice(const char *const *names, const unsigned char *text)
{
    unsigned i = 0;

    while (names[i] != NULL && strcmp(names[i], (const char *)text) != 0)
        i++;
    return i;
}

/* NULL for SQL's NULL. */
static char *column_copy(sqlite3_stmt *row, int at)
{
    const char *text = (const char *)sqlite3_column_text(row, at);
    return text != NULL ? xstrdup(text) : NULL;
}

static uint64_t column_count(sqlite3_stmt *row, int at)
{
    if (sqlite3_column_type(row, at) == SQLITE_NULL)
        return RECORD_ABSENT;
    return (uint64_t)sqlite3_column_int64(row, at);
}

static enum incident_look column_look(sqlite3_stmt *row, int at)
{
    if (sqlite3_column_type(row, at) == SQLITE_NULL)
        return INCIDENT_NOT_LOOKED;
    return sqlite3_column_int64(row, at) != 0 ? INCIDENT_LOST_BEFORE : INCIDENT_WAS_READY;
}

static struct incident *incident_of_row(sqlite3_stmt *row)
{
    struct incident *incident = xcalloc(1, sizeof(*incident));

    incident->id = column_copy(row, 0);
    incident->node = column_copy(row, 1);
    incident->uid = column_copy(row, 2);
    incident->boot = column_copy(row, 3);
    incident->cause = incidents_choice(cause_names, sqlite3_column_text(row, 4));
    incident->reason_code = incidents_choice(reason_code_names, sqlite3_column_text(row, 5));
    incident->reason = column_copy(row, 6);
    incident->verdict = incidents_choice(verdict_names, sqlite3_column_text(row, 7));
    incident->words = column_copy(row, 8);
    incident->received_us = (uint64_t)sqlite3_column_int64(row, 9);
    incident->expires_us = (uint64_t)sqlite3_column_int64(row, 10);
    incident->opened_us = (uint64_t)sqlite3_column_int64(row, 11);
    incident->silent_until_us = incident->booted_us = RECORD_ABSENT;
    incident->last_answer_us = column_count(row, 12);
    incident->rtt_us = column_count(row, 13);
    incident->state = incidents_choice(incident_state_names, sqlite3_column_text(row, 14));
    incident->look = column_look(row, 15);
    incident->address = column_copy(row, 16);
    incident->port = (uint64_t)sqlite3_column_int64(row, 17);
    incident->closed_us = (uint64_t)sqlite3_column_int64(row, 18);
    incident->detail = column_copy(row, 19);
    if (sqlite3_column_type(row, 20) != SQLITE_NULL)
        incident->outcome = incidents_choice(outcome_names, sqlite3_column_text(row, 20));
    return incident;
}

struct incident *incidents_of_intent(const struct intent *intent, uint64_t wall_us)
{
    struct incident *incident = xcalloc(1, sizeof(*incident));

    incident->id = xstrdup(intent->id);
    incident->node = xstrdup(intent->node);
    incident->uid = xstrdup(intent->uid);
    incident->boot = xstrdup(intent->boot);
    incident->cause = intent->cause;
    incident->reason_code = intent->reason_code;
    incident->reason = xstrdup(intent->reason);
    incident->verdict = intent->verdict;
    incident->words = xstrdup(intent->words);
    incident->received_us = intent->received_us;
    incident->expires_us = intent->expires_us;
    incident->opened_us = wall_us;
    incident->silent_until_us = intent->silent_until_us;
    incident->last_answer_us = intent->last_answer_us;
    incident->rtt_us = intent->rtt_us;
    incident->booted_us = intent->booted_us;
    return incident;
}

bool incidents_each_open(struct incidents *incidents,
                         void (*each)(void *arg, struct incident *incident), void *arg)
{
    sqlite3_stmt *statement = incidents->statements[SQL_EACH_OPEN];
    int code;

    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct incident *incident = incident_of_row(statement);
        incidents_count_panics(incidents, incident);
        each(arg, incident);
    }
    sqlite3_reset(statement);
    if (code != SQLITE_DONE)
        log_error("%s: cannot read the open incidents: %s", incidents->path,
                  sqlite3_errmsg(incidents->database));
    return code == SQLITE_DONE;
}

struct incident *incidents_load(struct incidents *incidents, const char *id)
{
    sqlite3_stmt *statement = incidents->statements[SQL_LOAD];
    struct incident *incident = NULL;

    sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        incident = incident_of_row(statement);
    else if (code != SQLITE_DONE)
        log_error_of(id, "%s: cannot read the incident: %s", incidents->path,
                     sqlite3_errmsg(incidents->database));
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return incident;
}
