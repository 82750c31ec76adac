#include "actuator/incidents_internal.h"

#include "actuator/rights.h"
#include "common/log.h"
#include "common/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

#define WHOLE_ROW                                                                                  \
    "SELECT id, node, uid, boot, cause, reason_code, reason, verdict, words, received_us,"         \
    " expires_us, opened_us, last_answer_us, rtt_us, state, lost_before, address, port,"           \
    " closed_us, detail, outcome FROM incidents"

static const char *const sql[SQL_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_FIND] = "SELECT state, outcome, verdict, cause FROM incidents WHERE id = ?1",
    [SQL_INSERT] = "INSERT INTO incidents (id, node, uid, boot, cause, reason_code, reason, verdict,"
                   " words, received_us, expires_us, opened_us, last_answer_us, rtt_us, state)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
                   " 'open')",
    [SQL_REOPEN] = "UPDATE incidents SET cause = ?5, reason_code = ?6, reason = ?7, verdict = ?8,"
                   " words = ?9, received_us = ?10, expires_us = ?11, opened_us = ?12,"
                   " last_answer_us = ?13, rtt_us = ?14, state = 'open', outcome = NULL,"
                   " detail = NULL, closed_us = NULL, lost_before = NULL"
                   " WHERE id = ?1",
    [SQL_MERGE] = "UPDATE incidents SET expires_us = max(expires_us, ?2),"
                  " last_answer_us = coalesce(last_answer_us, ?3),"
                  " rtt_us = coalesce(rtt_us, ?4) WHERE id = ?1",
    [SQL_SAY_MORE] = "UPDATE incidents SET cause = ?2, reason_code = ?3, reason = ?4, verdict = ?5,"
                     " words = ?6 WHERE id = ?1",
    [SQL_ADD_PANIC] = "INSERT OR IGNORE INTO panics (id, incident) VALUES (?1, ?2)",
    [SQL_FINISH] = "UPDATE incidents SET state = ?2, outcome = ?3, detail = ?4, closed_us = ?5,"
                   " address = coalesce(?6, address), port = coalesce(?7, port),"
                   " kept = coalesce(?8, kept) WHERE id = ?1",
    [SQL_EACH_OPEN] = WHOLE_ROW " WHERE state <> 'closed' ORDER BY opened_us, id",
    [SQL_LOAD] = WHOLE_ROW " WHERE id = ?1",
    [SQL_FIND_BOOT] = "SELECT id FROM incidents WHERE opened_us >= ?3 AND node = ?1 AND boot = ?2"
                      " AND cause <> 'drill' ORDER BY opened_us LIMIT 1",
    [SQL_COUNT_PANICS] = "SELECT count(*) FROM incidents WHERE opened_us BETWEEN ?2 AND ?3"
                         " AND node = ?1 AND cause = 'kernel-panic' AND verdict <> 'late'",
    [SQL_ADD_STEP] = "INSERT INTO steps (incident, at_us, words) VALUES (?1, ?2, ?3)",
    [SQL_SET_STAND] = "UPDATE incidents SET state = ?2 WHERE id = ?1"
                      " AND state IN ('open', 'held', 'acting')",
    [SQL_SET_LOOK] = "UPDATE incidents SET lost_before = ?2 WHERE id = ?1",
    [SQL_SET_SILENT] = "UPDATE incidents SET verdict = 'silent', words = ?2 WHERE id = ?1"
                       " AND verdict = 'reported'",
    [SQL_ADD_POD] = "INSERT OR REPLACE INTO pods (incident, at_us, namespace, name, uid,"
                    " owner_kind, owner_name, done) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_ADD_TRACE] = "INSERT OR REPLACE INTO trace (panic, part, lines, at_us)"
                      " VALUES (?1, ?2, ?3, ?4)",
};

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
    int keep = 1, version = INCIDENTS_SCHEMA_VERSION;
    bool ready = access(incidents->path, F_OK) == 0
                     ? incidents_check_file(incidents->path, &version, error)
                     : incidents_make_file(incidents->path, error);

    if (!ready)
        return false;
    if (sqlite3_open_v2(incidents->path, &incidents->database, SQLITE_OPEN_READWRITE, NULL) !=
            SQLITE_OK ||
        sqlite3_busy_timeout(incidents->database, INCIDENTS_OPEN_MS) != SQLITE_OK ||
        sqlite3_file_control(incidents->database, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep) !=
            SQLITE_OK ||
        sqlite3_exec(incidents->database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
                     NULL, NULL, NULL) != SQLITE_OK) {
        snprintf(error, INCIDENTS_ERROR_SIZE, "%s: %s", incidents->path,
                 sqlite3_errmsg(incidents->database));
        return false;
    }
    if (version < INCIDENTS_SCHEMA_VERSION &&
        !incidents_migrate(incidents->database, incidents->path, error))
        return false;
    if (sqlite3_exec(incidents->database, INCIDENTS_INDEXES, NULL, NULL, NULL) != SQLITE_OK) {
        snprintf(error, INCIDENTS_ERROR_SIZE, "%s: cannot make its indexes: %s", incidents->path,
                 sqlite3_errmsg(incidents->database));
        return false;
    }
    return prepare(incidents, error) &&
           sqlite3_busy_timeout(incidents->database, 0) == SQLITE_OK; /* the loop does not wait */
}

struct incidents *incidents_open(const char *dir, char error[INCIDENTS_ERROR_SIZE])
{
    struct incidents *incidents = xcalloc(1, sizeof(*incidents));

    incidents->lock = -1;
    incidents->rows_end = &incidents->rows;
    incidents->path = xasprintf("%s/incidents.db", dir);
    if (incidents_lock(incidents, dir, error) && open_database(incidents, error))
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

uint64_t incidents_before(uint64_t wall_us, uint64_t us)
{
    return wall_us > us ? wall_us - us : 0;
}

void incidents_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static void bind_count(sqlite3_stmt *statement, int at, uint64_t count)
{
    if (count != RECORD_ABSENT)
        sqlite3_bind_int64(statement, at, (sqlite3_int64)count);
}

/* What is known of an incident when an intent about it comes. */
struct known {
    bool there, closed;
    enum outcome outcome; /* of a closed one */
    enum verdict verdict;
    enum cause cause;
};

static bool find(struct incidents *incidents, const char *id, struct known *known)
{
    sqlite3_stmt *row = incidents->statements[SQL_FIND];

    *known = (struct known){ 0 };
    incidents_bind_text(row, 1, id);
    int code = sqlite3_step(row);
    if (code == SQLITE_ROW) {
        known->there = true;
        known->closed = strcmp((const char *)sqlite3_column_text(row, 0), "closed") == 0;
        if (known->closed)
            known->outcome = incidents_choice(outcome_names, sqlite3_column_text(row, 1));
        known->verdict = incidents_choice(verdict_names, sqlite3_column_text(row, 2));
        known->cause = incidents_choice(cause_names, sqlite3_column_text(row, 3));
    }
    sqlite3_reset(row);
    sqlite3_clear_bindings(row);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        log_error_of(id, "%s: cannot look for the incident: %s", incidents->path,
                     sqlite3_errmsg(incidents->database));
    return code == SQLITE_ROW || code == SQLITE_DONE;
}

static bool says_more(const struct intent *intent, const struct known *known)
{
    return rights_say_more(intent->verdict, intent->cause, known->verdict, known->cause);
}

/*
 * A closed incident is opened again by a panic that was not known then, or by better evidence of
 * the same one, unless it came to an end that nothing can be added to: or a forgery, a halt or a
 * weak verdict would shadow the real panic of the same boot.  A machine that had answered and is
 * judged anew needs no new panic.  One more halt is no news; but a machine whose panic was a
 * forgery, or nothing at all, may be halted after that.  What is only reported is no news of a
 * panic that was judged.
 */
static bool reopens(const struct intent *intent, const struct known *known, bool new_panic)
{
    static const bool unfinished[] = {
        [OUTCOME_OBSERVED] = true, [OUTCOME_TOLD] = true,      [OUTCOME_RETRACTED] = true,
        [OUTCOME_EXPIRED] = true,  [OUTCOME_MISMATCH] = true,  [OUTCOME_PARTIAL] = true,
        [OUTCOME_REFUSED] = true,  [OUTCOME_OPTED_OUT] = true, [OUTCOME_STRANDED] = false,
        [OUTCOME_ELSEWHERE] = true,
    };
    bool current = intent->verdict == VERDICT_UNVERIFIED || intent->verdict == VERDICT_SILENT ||
                   intent->verdict == VERDICT_UNPROBABLE || intent->verdict == VERDICT_REPORTED;
    bool hearsay = intent->verdict == VERDICT_REPORTED && known->verdict != VERDICT_REPORTED;
    bool more = (new_panic && intent->cause != CAUSE_HALT && !hearsay) ||
                known->outcome == OUTCOME_RETRACTED || says_more(intent, known);

    return unfinished[known->outcome] && more && current;
}

/* What INTENT says of the panic, from parameter AT on. */
static void bind_said(sqlite3_stmt *statement, int at, const struct intent *intent)
{
    incidents_bind_text(statement, at, cause_names[intent->cause]);
    incidents_bind_text(statement, at + 1, reason_code_names[intent->reason_code]);
    incidents_bind_text(statement, at + 2, intent->reason);
    incidents_bind_text(statement, at + 3, verdict_names[intent->verdict]);
    incidents_bind_text(statement, at + 4, intent->words);
}

static bool store(struct incidents *incidents, enum statement which, const struct intent *intent,
                  uint64_t wall_us)
{
    sqlite3_stmt *statement = incidents->statements[which];

    incidents_bind_text(statement, 1, intent->id);
    if (which == SQL_INSERT) {
        incidents_bind_text(statement, 2, intent->node);
        incidents_bind_text(statement, 3, intent->uid);
        incidents_bind_text(statement, 4, intent->boot);
    }
    bind_said(statement, 5, intent);
    sqlite3_bind_int64(statement, 10, (sqlite3_int64)intent->received_us);
    sqlite3_bind_int64(statement, 11, (sqlite3_int64)intent->expires_us);
    sqlite3_bind_int64(statement, 12, (sqlite3_int64)wall_us);
    bind_count(statement, 13, intent->last_answer_us);
    bind_count(statement, 14, intent->rtt_us);
    return incidents_run(incidents, which, "store an incident");
}

static bool merge(struct incidents *incidents, const struct intent *intent,
                  const struct known *known)
{
    sqlite3_stmt *merged = incidents->statements[SQL_MERGE];
    sqlite3_stmt *more = incidents->statements[SQL_SAY_MORE];

    incidents_bind_text(merged, 1, intent->id);
    sqlite3_bind_int64(merged, 2, (sqlite3_int64)intent->expires_us);
    bind_count(merged, 3, intent->last_answer_us);
    bind_count(merged, 4, intent->rtt_us);
    if (!incidents_run(incidents, SQL_MERGE, "merge an incident"))
        return false;
    if (!says_more(intent, known))
        return true;
    incidents_bind_text(more, 1, intent->id);
    bind_said(more, 2, intent);
    return incidents_run(incidents, SQL_SAY_MORE, "merge an incident");
}

bool incidents_add_panics(struct incidents *incidents, const struct intent *intent,
                          const char *incident, bool *any_new)
{
    *any_new = false;
    for (size_t i = 0; i < intent->panics.count; i++) {
        incidents_bind_text(incidents->statements[SQL_ADD_PANIC], 1, intent->panics.line[i]);
        incidents_bind_text(incidents->statements[SQL_ADD_PANIC], 2, incident);
        if (!incidents_run(incidents, SQL_ADD_PANIC, "store a panic's id"))
            return false;
        *any_new = *any_new || sqlite3_changes(incidents->database) > 0;
    }
    return true;
}

enum incident_taken incidents_take(struct incidents *incidents, const struct intent *intent,
                                   uint64_t wall_us, struct incident **opened)
{
    struct known known;
    bool new_panic, joined = false;

    *opened = NULL;
    if (!incidents_begin(incidents) || !find(incidents, intent->id, &known))
        return INCIDENT_FAILED;
    if (intent->verdict == VERDICT_LATE &&
        !incidents_join_late(incidents, intent, known.there, wall_us, &joined))
        return INCIDENT_FAILED;
    if (joined)
        return INCIDENT_MERGED;
    if (!incidents_add_panics(incidents, intent, intent->id, &new_panic))
        return INCIDENT_FAILED;
    if (known.there && !known.closed)
        return merge(incidents, intent, &known) ? INCIDENT_MERGED : INCIDENT_FAILED;
    if (known.there && !reopens(intent, &known, new_panic))
        return INCIDENT_MERGED;
    if (!store(incidents, known.there ? SQL_REOPEN : SQL_INSERT, intent, wall_us))
        return INCIDENT_FAILED;
    *opened = incidents_of_intent(intent, wall_us);
    incidents_count_panics(incidents, *opened);
    return known.there ? INCIDENT_REOPENED : INCIDENT_NEW;
}

bool incidents_finish(struct incidents *incidents, const char *id, const struct incident_end *end,
                      uint64_t wall_us)
{
    sqlite3_stmt *statement = incidents->statements[SQL_FINISH];

    if (!incidents_begin(incidents))
        return false;
    incidents_bind_text(statement, 1, id);
    incidents_bind_text(statement, 2, incident_state_names[end->watching ? INCIDENT_WATCHING
                                                               : INCIDENT_CLOSED]);
    incidents_bind_text(statement, 3, outcome_names[end->outcome]);
    incidents_bind_text(statement, 4, end->detail);
    sqlite3_bind_int64(statement, 5, (sqlite3_int64)wall_us);
    incidents_bind_text(statement, 6, end->address);
    if (end->address != NULL)
        sqlite3_bind_int64(statement, 7, (sqlite3_int64)end->port);
    incidents_bind_text(statement, 8, end->kept);
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
