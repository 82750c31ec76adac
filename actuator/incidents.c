#include "actuator/incidents_internal.h"

#include "common/log.h"
#include "common/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/*
 * The incidents' database.
 *
 * Control-plane disks also carry etcd, and an fsync can take 200 ms there.  So an incident costs
 * two of them: one when it is opened, before its intent is acknowledged, and one when it is
 * closed; and all incidents of one turn of the event loop share a transaction.  In WAL mode with
 * synchronous=FULL a commit is one fdatasync of the log.  Everything else (which step was taken
 * when, what became of each pod, the kernel's trace) is for people: it waits in memory for at most
 * 200 ms and is written with synchronous=NORMAL, which in WAL mode does not wait for the disk.
 *
 * Readers (lastgasp-incidents) open the same file read-only while we run; WAL lets them.  The WAL
 * is kept when we close (PERSIST_WAL), because a reader without the right to write the folder
 * could not make one.  Two writers are kept apart by a lock on DIR/lock, since SQLite's own would
 * let a second actuator start and then fail at random moments.
 */

const char *const incident_state_names[] = { "open", "held", "acting", "watching", "closed", NULL };

static const char *const sql[SQL_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_FIND] = "SELECT state, outcome FROM incidents WHERE id = ?1",
    [SQL_INSERT] = "INSERT INTO incidents (id, node, uid, boot, cause, reason_code, reason, verdict,"
                   " words, received_us, expires_us, opened_us, state)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'open')",
    [SQL_REOPEN] = "UPDATE incidents SET cause = ?5, reason_code = ?6, reason = ?7, verdict = ?8,"
                   " words = ?9, received_us = ?10, expires_us = ?11, opened_us = ?12,"
                   " state = 'open', outcome = NULL, detail = NULL, closed_us = NULL"
                   " WHERE id = ?1",
    [SQL_MERGE] = "UPDATE incidents SET words = ?2 WHERE id = ?1 AND state <> 'closed'",
    [SQL_ADD_PANIC] = "INSERT OR IGNORE INTO panics (id, incident) VALUES (?1, ?2)",
    [SQL_FINISH] = "UPDATE incidents SET state = 'closed', outcome = ?2, detail = ?3,"
                   " closed_us = ?4 WHERE id = ?1",
    [SQL_EACH_OPEN] = "SELECT id, node, uid, boot, cause, reason_code, reason, verdict, words,"
                      " received_us, expires_us, opened_us FROM incidents"
                      " WHERE state <> 'closed' ORDER BY opened_us, id",
    [SQL_ADD_STEP] = "INSERT INTO steps (incident, at_us, words) VALUES (?1, ?2, ?3)",
    [SQL_ADD_POD] = "INSERT OR REPLACE INTO pods (incident, at_us, namespace, name, uid,"
                    " owner_kind, owner_name, done) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_ADD_TRACE] = "INSERT OR REPLACE INTO trace (panic, part, lines) VALUES (?1, ?2, ?3)",
};

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
    free(incident);
}

static bool take_lock(struct incidents *incidents, const char *dir,
                      char error[INCIDENTS_ERROR_SIZE])
{
    char *path = xasprintf("%s/lock", dir);
    bool taken = false;

    incidents->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (incidents->lock < 0)
        snprintf(error, INCIDENTS_ERROR_SIZE, "%s: %s", path, strerror(errno));
    else if (flock(incidents->lock, LOCK_EX | LOCK_NB) != 0)
        snprintf(error, INCIDENTS_ERROR_SIZE, "%s: %s", path,
                 errno == EWOULDBLOCK ? "another actuator works in this state directory"
                                      : strerror(errno));
    else
        taken = true;
    free(path);
    return taken;
}

static bool prepare(struct incidents *incidents, char error[INCIDENTS_ERROR_SIZE])
{
    for (size_t i = 0; i < SQL_STATEMENTS; i++) {
        if (sqlite3_prepare_v3(incidents->database, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &incidents->statements[i], NULL) != SQLITE_OK) {
            snprintf(error, INCIDENTS_ERROR_SIZE, "%s: %s", incidents->path,
                     sqlite3_errmsg(incidents->database));
            return false;
        }
    }
    return true;
}

static bool open_database(struct incidents *incidents, char error[INCIDENTS_ERROR_SIZE])
{
    int keep = 1;
    bool ready = access(incidents->path, F_OK) == 0 ? incidents_check_file(incidents->path, error)
                                                    : incidents_make_file(incidents->path, error);

    if (!ready)
        return false;
    if (sqlite3_open_v2(incidents->path, &incidents->database, SQLITE_OPEN_READWRITE, NULL) !=
            SQLITE_OK ||
        sqlite3_file_control(incidents->database, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep) !=
            SQLITE_OK ||
        sqlite3_exec(incidents->database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
                     NULL, NULL, NULL) != SQLITE_OK) {
        snprintf(error, INCIDENTS_ERROR_SIZE, "%s: %s", incidents->path,
                 sqlite3_errmsg(incidents->database));
        return false;
    }
    return prepare(incidents, error);
}

struct incidents *incidents_open(const char *dir, char error[INCIDENTS_ERROR_SIZE])
{
    struct incidents *incidents = xcalloc(1, sizeof(*incidents));

    incidents->lock = -1;
    incidents->rows_end = &incidents->rows;
    incidents->path = xasprintf("%s/incidents.db", dir);
    if (take_lock(incidents, dir, error) && open_database(incidents, error))
        return incidents;
    incidents_close(incidents);
    return NULL;
}

void incidents_close(struct incidents *incidents)
{
    if (incidents == NULL)
        return;
    if (incidents->statements[SQL_STATEMENTS - 1] != NULL)
        incidents_flush(incidents);
    for (size_t i = 0; i < SQL_STATEMENTS; i++)
        sqlite3_finalize(incidents->statements[i]);
    sqlite3_close(incidents->database);
    if (incidents->lock >= 0)
        close(incidents->lock);
    free(incidents->path);
    free(incidents);
}

bool incidents_run(struct incidents *incidents, enum statement statement, const char *what)
{
    int code;

    while ((code = sqlite3_step(incidents->statements[statement])) == SQLITE_ROW)
        ;
    if (code != SQLITE_DONE) {
        log_error("%s: cannot %s: %s", incidents->path, what, sqlite3_errmsg(incidents->database));
        incidents->spoiled = true;
    }
    sqlite3_reset(incidents->statements[statement]);
    sqlite3_clear_bindings(incidents->statements[statement]);
    return code == SQLITE_DONE;
}

bool incidents_begin(struct incidents *incidents)
{
    if (!incidents->in_transaction) {
        incidents->in_transaction = incidents_run(incidents, SQL_BEGIN, "begin a transaction");
        incidents->spoiled = false;
    }
    return incidents->in_transaction;
}

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static unsigned choice_of(const char *const *names, const unsigned char *text)
{
    unsigned i = 0;

    while (names[i] != NULL && strcmp(names[i], (const char *)text) != 0)
        i++;
    return i;
}

static char *column_copy(sqlite3_stmt *row, int at)
{
    return xstrdup((const char *)sqlite3_column_text(row, at));
}

static struct incident *incident_of_row(sqlite3_stmt *row)
{
    struct incident *incident = xcalloc(1, sizeof(*incident));

    incident->id = column_copy(row, 0);
    incident->node = column_copy(row, 1);
    incident->uid = column_copy(row, 2);
    incident->boot = column_copy(row, 3);
    incident->cause = choice_of(cause_names, sqlite3_column_text(row, 4));
    incident->reason_code = choice_of(reason_code_names, sqlite3_column_text(row, 5));
    incident->reason = column_copy(row, 6);
    incident->verdict = choice_of(verdict_names, sqlite3_column_text(row, 7));
    incident->words = column_copy(row, 8);
    incident->received_us = (uint64_t)sqlite3_column_int64(row, 9);
    incident->expires_us = (uint64_t)sqlite3_column_int64(row, 10);
    incident->opened_us = (uint64_t)sqlite3_column_int64(row, 11);
    return incident;
}

static struct incident *incident_of_intent(const struct intent *intent, uint64_t wall_us)
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
    return incident;
}

bool incidents_each_open(struct incidents *incidents,
                         void (*each)(void *arg, struct incident *incident), void *arg)
{
    sqlite3_stmt *statement = incidents->statements[SQL_EACH_OPEN];
    int code;

    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        each(arg, incident_of_row(statement));
    sqlite3_reset(statement);
    if (code != SQLITE_DONE)
        log_error("%s: cannot read the open incidents: %s", incidents->path,
                  sqlite3_errmsg(incidents->database));
    return code == SQLITE_DONE;
}

/* Whether the incident is known and, if so, closed and how. */
static bool find(struct incidents *incidents, const char *id, bool *known, bool *closed,
                 enum outcome *outcome)
{
    sqlite3_stmt *statement = incidents->statements[SQL_FIND];

    bind_text(statement, 1, id);
    int code = sqlite3_step(statement);
    *known = code == SQLITE_ROW;
    *closed = false;
    if (*known && sqlite3_column_type(statement, 1) != SQLITE_NULL) {
        *closed = strcmp((const char *)sqlite3_column_text(statement, 0), "closed") == 0;
        *outcome = choice_of(outcome_names, sqlite3_column_text(statement, 1));
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        log_error_of(id, "%s: cannot look for the incident: %s", incidents->path,
                     sqlite3_errmsg(incidents->database));
    return code == SQLITE_ROW || code == SQLITE_DONE;
}

/*
 * A closed incident is opened again by a panic that was not known then, when nothing was removed
 * for it: or a forgery, a halt or a weak verdict would shadow the real panic of the same boot.
 */
static bool reopens(const struct intent *intent, enum outcome outcome, bool new_panic)
{
    bool untouched = outcome == OUTCOME_OBSERVED || outcome == OUTCOME_TOLD ||
                     outcome == OUTCOME_RETRACTED || outcome == OUTCOME_EXPIRED ||
                     outcome == OUTCOME_MISMATCH;
    bool current = intent->verdict == VERDICT_UNVERIFIED || intent->verdict == VERDICT_SILENT ||
                   intent->verdict == VERDICT_UNPROBABLE;

    return untouched && new_panic && current && intent->cause != CAUSE_HALT;
}

static bool store(struct incidents *incidents, enum statement which, const struct intent *intent,
                  uint64_t wall_us)
{
    sqlite3_stmt *statement = incidents->statements[which];

    bind_text(statement, 1, intent->id);
    if (which == SQL_INSERT) {
        bind_text(statement, 2, intent->node);
        bind_text(statement, 3, intent->uid);
        bind_text(statement, 4, intent->boot);
    }
    bind_text(statement, 5, cause_names[intent->cause]);
    bind_text(statement, 6, reason_code_names[intent->reason_code]);
    bind_text(statement, 7, intent->reason);
    bind_text(statement, 8, verdict_names[intent->verdict]);
    bind_text(statement, 9, intent->words);
    sqlite3_bind_int64(statement, 10, (sqlite3_int64)intent->received_us);
    sqlite3_bind_int64(statement, 11, (sqlite3_int64)intent->expires_us);
    sqlite3_bind_int64(statement, 12, (sqlite3_int64)wall_us);
    return incidents_run(incidents, which, "store an incident");
}

static bool merge(struct incidents *incidents, const struct intent *intent)
{
    bind_text(incidents->statements[SQL_MERGE], 1, intent->id);
    bind_text(incidents->statements[SQL_MERGE], 2, intent->words);
    return incidents_run(incidents, SQL_MERGE, "merge an incident");
}

static bool add_panics(struct incidents *incidents, const struct intent *intent, bool *any_new)
{
    *any_new = false;
    for (size_t i = 0; i < intent->panics.count; i++) {
        bind_text(incidents->statements[SQL_ADD_PANIC], 1, intent->panics.line[i]);
        bind_text(incidents->statements[SQL_ADD_PANIC], 2, intent->id);
        if (!incidents_run(incidents, SQL_ADD_PANIC, "store a panic's id"))
            return false;
        *any_new = *any_new || sqlite3_changes(incidents->database) > 0;
    }
    return true;
}

enum incident_taken incidents_take(struct incidents *incidents, const struct intent *intent,
                                   uint64_t wall_us, struct incident **opened)
{
    bool known, closed, new_panic;
    enum outcome outcome = OUTCOME_DELETED;

    *opened = NULL;
    if (!incidents_begin(incidents) || !find(incidents, intent->id, &known, &closed, &outcome) ||
        !add_panics(incidents, intent, &new_panic))
        return INCIDENT_FAILED;
    if (known && !closed)
        return merge(incidents, intent) ? INCIDENT_MERGED : INCIDENT_FAILED;
    if (known && !reopens(intent, outcome, new_panic))
        return INCIDENT_MERGED;
    if (!store(incidents, known ? SQL_REOPEN : SQL_INSERT, intent, wall_us))
        return INCIDENT_FAILED;
    *opened = incident_of_intent(intent, wall_us);
    return known ? INCIDENT_REOPENED : INCIDENT_NEW;
}

bool incidents_finish(struct incidents *incidents, const char *id, enum outcome outcome,
                      const char *detail, uint64_t wall_us)
{
    sqlite3_stmt *statement = incidents->statements[SQL_FINISH];

    if (!incidents_begin(incidents))
        return false;
    bind_text(statement, 1, id);
    bind_text(statement, 2, outcome_names[outcome]);
    bind_text(statement, 3, detail);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)wall_us);
    return incidents_run(incidents, SQL_FINISH, "close an incident");
}

bool incidents_commit(struct incidents *incidents)
{
    if (!incidents->in_transaction)
        return true;
    /* Half of an intent must not be on disk: its panics would not be new when it comes again. */
    if (incidents->spoiled || !incidents_run(incidents, SQL_COMMIT, "commit")) {
        incidents_rollback(incidents);
        return false;
    }
    incidents->in_transaction = false;
    return true;
}

void incidents_rollback(struct incidents *incidents)
{
    incidents->in_transaction = false;
    /* SQLite has rolled back by itself after some errors, and says so by autocommit. */
    if (sqlite3_get_autocommit(incidents->database) == 0)
        incidents_run(incidents, SQL_ROLLBACK, "roll back");
}
