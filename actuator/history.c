#include "actuator/history.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actuator/incidents_internal.h"
#include "common/memory.h"

struct history {
    sqlite3 *database;
    char *path;
};

static const char *text_of(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    return text != NULL ? (const char *)text : "";
}

static uint64_t time_of(sqlite3_stmt *row, int column)
{
    if (sqlite3_column_type(row, column) == SQLITE_NULL)
        return RECORD_ABSENT;
    return (uint64_t)sqlite3_column_int64(row, column);
}

static bool broken(const struct history *history)
{
    fprintf(stderr, "lastgasp-incidents: %s: %s\n", history->path,
            sqlite3_errmsg(history->database));
    return false;
}

/* SQL with an optional text ?1 and number ?2; NULL, said, when it cannot be run. */
static sqlite3_stmt *prepare(const struct history *history, const char *sql, const char *text,
                             int64_t number)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(history->database, sql, -1, &statement, NULL) != SQLITE_OK) {
        broken(history);
        return NULL;
    }
    if (text != NULL)
        sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, number);
    return statement;
}

/* Whether STATEMENT, which returned CODE last, came to its end. */
static bool finish(const struct history *history, sqlite3_stmt *statement, int code)
{
    bool whole = code == SQLITE_DONE || broken(history);

    sqlite3_finalize(statement);
    return whole;
}

static bool run(const struct history *history, const char *sql)
{
    return sqlite3_exec(history->database, sql, NULL, NULL, NULL) == SQLITE_OK || broken(history);
}

static int version_of(const struct history *history)
{
    sqlite3_stmt *statement;
    int version = -1;

    if (sqlite3_prepare_v2(history->database, "PRAGMA user_version", -1, &statement, NULL) ==
            SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        version = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return version;
}

/* Why the database cannot be used; NULL: it can. */
static const char *flaw(const struct history *history)
{
    int version = version_of(history);

    if (version < 0)
        return sqlite3_errmsg(history->database);
    if (version < INCIDENTS_SCHEMA_VERSION)
        return "is of an older lastgasp; the actuator brings it up to date when it starts";
    if (version > INCIDENTS_SCHEMA_VERSION)
        return "is of a newer lastgasp than this program";
    return NULL;
}

struct history *history_open(const char *state_dir, char error[HISTORY_ERROR_SIZE])
{
    struct history *history = xcalloc(1, sizeof(*history));
    const char *why;

    history->path = xasprintf("%s/incidents.db", state_dir);
    /* SQLite does not say which of these it is. */
    if (access(history->path, R_OK) != 0)
        why = errno == ENOENT ? "no history there: no actuator has run with this --state yet"
                              : strerror(errno);
    else if (sqlite3_open_v2(history->path, &history->database, SQLITE_OPEN_READONLY, NULL) !=
                 SQLITE_OK ||
             sqlite3_busy_timeout(history->database, INCIDENTS_OPEN_MS) != SQLITE_OK)
        why = history->database != NULL ? sqlite3_errmsg(history->database) : "out of memory";
    else
        why = flaw(history);
    if (why == NULL)
        return history;
    snprintf(error, HISTORY_ERROR_SIZE, "%s: %s", history->path, why);
    history_close(history);
    return NULL;
}

void history_close(struct history *history)
{
    sqlite3_close(history->database);
    free(history->path);
    free(history);
}

bool history_begin(struct history *history)
{
    return run(history, "BEGIN");
}

void history_end(struct history *history)
{
    run(history, "END");
}

bool history_incidents(struct history *history, const char *id,
                       void (*each)(void *arg, const struct history_incident *row), void *arg)
{
    sqlite3_stmt *row = prepare(history,
                                "SELECT id, node, uid, boot, cause, reason_code, reason, verdict,"
                                " words, state, outcome, detail, kept, received_us, opened_us,"
                                " expires_us, closed_us FROM incidents"
                                " WHERE ?1 IS NULL OR id = ?1 ORDER BY opened_us, id",
                                id, 0);
    int code;

    if (row == NULL)
        return false;
    while ((code = sqlite3_step(row)) == SQLITE_ROW)
        each(arg, &(struct history_incident){
                      .id = text_of(row, 0),
                      .node = text_of(row, 1),
                      .uid = text_of(row, 2),
                      .boot = text_of(row, 3),
                      .cause = text_of(row, 4),
                      .reason_code = text_of(row, 5),
                      .reason = text_of(row, 6),
                      .verdict = text_of(row, 7),
                      .words = text_of(row, 8),
                      .state = text_of(row, 9),
                      .outcome = text_of(row, 10),
                      .detail = text_of(row, 11),
                      .kept = text_of(row, 12),
                      .received_us = time_of(row, 13),
                      .opened_us = time_of(row, 14),
                      .expires_us = time_of(row, 15),
                      .closed_us = time_of(row, 16),
                  });
    return finish(history, row, code);
}

static bool steps(struct history *history, const char *sql, const char *id, int64_t after,
                  void (*each)(void *arg, const struct history_step *row), void *arg)
{
    sqlite3_stmt *row = prepare(history, sql, id, after);
    int code;

    if (row == NULL)
        return false;
    while ((code = sqlite3_step(row)) == SQLITE_ROW)
        each(arg, &(struct history_step){
                      .incident = text_of(row, 0),
                      .node = text_of(row, 1),
                      .words = text_of(row, 2),
                      .at_us = time_of(row, 3),
                      .received_us = time_of(row, 4),
                  });
    return finish(history, row, code);
}

bool history_steps(struct history *history, const char *id,
                   void (*each)(void *arg, const struct history_step *row), void *arg)
{
    return steps(history,
                 "SELECT id, node, words, at_us, received_us FROM ("
                 " SELECT id, node, received_us AS at_us, received_us, 0 AS place, CASE cause"
                 "   WHEN 'kernel-panic' THEN 'the listener heard the panic'"
                 "   WHEN 'halt' THEN 'the listener heard the halt'"
                 "   ELSE 'it was reported' END AS words"
                 "  FROM incidents WHERE id = ?1"
                 " UNION ALL SELECT id, node, opened_us, received_us, 0,"
                 "   'the actuator has the intent' FROM incidents"
                 "  WHERE id = ?1 AND cause IN ('kernel-panic', 'halt')"
                 " UNION ALL SELECT id, node, steps.at_us, received_us, steps.rowid, steps.words"
                 "  FROM steps JOIN incidents ON incidents.id = steps.incident"
                 "  WHERE steps.incident = ?1"
                 ") ORDER BY at_us, place",
                 id, 0, each, arg);
}

int64_t history_now(struct history *history)
{
    sqlite3_stmt *statement;
    int64_t end = 0;

    if (sqlite3_prepare_v2(history->database, "SELECT max(rowid) FROM steps", -1, &statement,
                           NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        end = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return end;
}

bool history_news(struct history *history, int64_t *end,
                  void (*each)(void *arg, const struct history_step *row), void *arg)
{
    /* One transaction, so that what arrives between the two queries is not printed twice. */
    if (!history_begin(history))
        return false;
    int64_t now = history_now(history);
    bool read = now == *end || steps(history,
                                     "SELECT id, node, steps.words, at_us, received_us FROM steps"
                                     " JOIN incidents ON incidents.id = steps.incident"
                                     " WHERE steps.rowid > ?2 ORDER BY steps.rowid",
                                     NULL, *end, each, arg);
    history_end(history);
    *end = now;
    return read;
}

bool history_pods(struct history *history, const char *id,
                  void (*each)(void *arg, const struct history_pod *row), void *arg)
{
    sqlite3_stmt *row = prepare(history,
                                "SELECT namespace, name, owner_kind, owner_name, done, at_us"
                                " FROM pods WHERE incident = ?1 ORDER BY at_us, namespace, name",
                                id, 0);
    int code;

    if (row == NULL)
        return false;
    while ((code = sqlite3_step(row)) == SQLITE_ROW)
        each(arg, &(struct history_pod){
                      .namespace = text_of(row, 0),
                      .name = text_of(row, 1),
                      .owner_kind = text_of(row, 2),
                      .owner_name = text_of(row, 3),
                      .done = text_of(row, 4),
                      .at_us = time_of(row, 5),
                  });
    return finish(history, row, code);
}

bool history_panics(struct history *history, const char *id,
                    void (*each)(void *arg, const char *panic), void *arg)
{
    sqlite3_stmt *row =
        prepare(history, "SELECT id FROM panics WHERE incident = ?1 ORDER BY rowid", id, 0);
    int code;

    if (row == NULL)
        return false;
    while ((code = sqlite3_step(row)) == SQLITE_ROW)
        each(arg, text_of(row, 0));
    return finish(history, row, code);
}

static void cut_lines(const char *lines, void (*each)(void *arg, const char *line), void *arg)
{
    while (*lines != '\0') {
        size_t size = strcspn(lines, "\n");
        char *line = xstrndup(lines, size);
        each(arg, line);
        free(line);
        lines += size + (lines[size] == '\n');
    }
}

bool history_trace(struct history *history, const char *id,
                   void (*each)(void *arg, const char *line), void *arg)
{
    sqlite3_stmt *row = prepare(history,
                                "SELECT trace.lines FROM trace JOIN panics"
                                " ON panics.id = trace.panic WHERE panics.incident = ?1"
                                " ORDER BY panics.rowid, trace.part",
                                id, 0);
    int code;

    if (row == NULL)
        return false;
    while ((code = sqlite3_step(row)) == SQLITE_ROW)
        cut_lines(text_of(row, 0), each, arg);
    return finish(history, row, code);
}

char *history_find(struct history *history, const char *prefix)
{
    sqlite3_stmt *row = prepare(
        history, "SELECT id FROM incidents WHERE substr(id, 1, length(?1)) = ?1", prefix, 0);
    char *id = NULL;
    size_t found = 0;
    int code;

    if (row == NULL)
        return NULL;
    for (; (code = sqlite3_step(row)) == SQLITE_ROW; found++) {
        free(id);
        id = xstrdup(text_of(row, 0));
    }
    if (finish(history, row, code) && found == 1)
        return id;
    if (code == SQLITE_DONE)
        fprintf(stderr, "lastgasp-incidents: %s: %zu incidents begin with \"%s\"\n", history->path,
                found, prefix);
    free(id);
    return NULL;
}
