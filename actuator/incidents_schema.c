#include "actuator/incidents_internal.h"

#include "common/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "last": what `file` and a person with sqlite3 can tell the database by. */
#define APPLICATION_ID 0x6c617374

#define STRINGIFY(x) #x
#define STRING(x)    STRINGIFY(x)

/* Choices are stored by name, so that the tables can be read without this program. */
static const char schema[] =
    "BEGIN;"
    "PRAGMA application_id = " STRING(APPLICATION_ID) ";"
    "CREATE TABLE incidents ("
    "  id TEXT NOT NULL PRIMARY KEY, node TEXT NOT NULL, uid TEXT NOT NULL, boot TEXT NOT NULL,"
    "  cause TEXT NOT NULL, reason_code TEXT NOT NULL, reason TEXT NOT NULL,"
    "  verdict TEXT NOT NULL, words TEXT NOT NULL,"
    "  received_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, opened_us INTEGER NOT NULL,"
    "  state TEXT NOT NULL, outcome TEXT, detail TEXT, closed_us INTEGER,"
    "  last_answer_us INTEGER, rtt_us INTEGER, lost_before INTEGER,"
    "  address TEXT, port INTEGER, kept TEXT) STRICT;"
    "CREATE INDEX incidents_by_time ON incidents (opened_us);"
    INCIDENTS_INDEXES ";"
    "CREATE INDEX incidents_by_state ON incidents (state) WHERE state <> 'closed';"
    "CREATE TABLE panics ("
    "  id TEXT NOT NULL PRIMARY KEY, incident TEXT NOT NULL) STRICT;"
    "CREATE INDEX panics_by_incident ON panics (incident);"
    "CREATE TABLE steps ("
    "  incident TEXT NOT NULL, at_us INTEGER NOT NULL, words TEXT NOT NULL) STRICT;"
    "CREATE INDEX steps_by_incident ON steps (incident);"
    "CREATE TABLE pods ("
    "  incident TEXT NOT NULL, uid TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,"
    "  owner_kind TEXT, owner_name TEXT, done TEXT NOT NULL, at_us INTEGER NOT NULL,"
    "  PRIMARY KEY (incident, uid)) STRICT;"
    "CREATE TABLE trace ("
    "  panic TEXT NOT NULL, part INTEGER NOT NULL, lines TEXT NOT NULL,"
    "  at_us INTEGER NOT NULL DEFAULT 0,"
    "  PRIMARY KEY (panic, part)) STRICT;"
    "CREATE INDEX trace_by_time ON trace (at_us, panic);"
    "PRAGMA user_version = " STRING(INCIDENTS_SCHEMA_VERSION) ";"
    "COMMIT;"
    /* While it has another name: a journal that a kill leaves beside incidents.db cannot be read
     * through a connection that only reads, and would keep every later start from it. */
    "PRAGMA journal_mode = WAL;";

static bool make_tables(const char *path, char error[INCIDENTS_ERROR_SIZE])
{
    sqlite3 *database = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    bool made = sqlite3_open_v2(path, &database, flags, NULL) == SQLITE_OK &&
                sqlite3_exec(database, schema, NULL, NULL, NULL) == SQLITE_OK;

    if (!made)
        snprintf(error, INCIDENTS_ERROR_SIZE, "%s: cannot make the tables: %s", path,
                 database != NULL ? sqlite3_errmsg(database) : "out of memory");
    sqlite3_close(database);
    return made;
}

bool incidents_make_file(const char *path, char error[INCIDENTS_ERROR_SIZE])
{
    char *fresh = xasprintf("%s.new", path);
    bool made = (unlink(fresh) == 0 || errno == ENOENT) && make_tables(fresh, error);

    if (made && rename(fresh, path) != 0) {
        snprintf(error, INCIDENTS_ERROR_SIZE, "%s: %s", path, strerror(errno));
        made = false;
    }
    free(fresh);
    return made;
}

/* The first column of the first row of SQL: a number and, as sqlite3_column_text(), its text. */
static bool ask(sqlite3 *database, const char *sql, long long *number, char *text, size_t cap)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK)
        return false;
    bool found = sqlite3_step(statement) == SQLITE_ROW;
    if (found) {
        const unsigned char *column = sqlite3_column_text(statement, 0);
        *number = sqlite3_column_int64(statement, 0);
        snprintf(text, cap, "%s", column != NULL ? (const char *)column : "");
    }
    return sqlite3_finalize(statement) == SQLITE_OK && found;
}

static bool check_open(sqlite3 *database, const char *path, int *found,
                       char error[INCIDENTS_ERROR_SIZE])
{
    long long application = 0, version = 0, ignored = 0;
    char text[256];

    if (!ask(database, "PRAGMA application_id", &application, text, sizeof(text)) ||
        !ask(database, "PRAGMA user_version", &version, text, sizeof(text))) {
        snprintf(error, INCIDENTS_ERROR_SIZE, "%s: %s; it was left as it is", path,
                 sqlite3_errmsg(database));
        return false;
    }
    if (application != APPLICATION_ID) {
        snprintf(error, INCIDENTS_ERROR_SIZE,
                 "%s: not a database of lastgasp's incidents; it was left as it is", path);
        return false;
    }
    if (version < 1 || version > INCIDENTS_SCHEMA_VERSION) {
        snprintf(error, INCIDENTS_ERROR_SIZE,
                 "%s: has schema version %lld, this program knows %d: a newer lastgasp wrote it; "
                 "it was left as it is",
                 path, version, INCIDENTS_SCHEMA_VERSION);
        return false;
    }
    *found = (int)version;
    if (!ask(database, "PRAGMA integrity_check(1)", &ignored, text, sizeof(text))) {
        snprintf(error, INCIDENTS_ERROR_SIZE, "%s: corrupt: %s; it was left as it is", path,
                 sqlite3_errmsg(database));
        return false;
    }
    if (strcmp(text, "ok") != 0) {
        snprintf(error, INCIDENTS_ERROR_SIZE, "%s: corrupt: %s; it was left as it is", path, text);
        return false;
    }
    return true;
}

bool incidents_check_file(const char *path, int *version, char error[INCIDENTS_ERROR_SIZE])
{
    sqlite3 *database = NULL;
    bool whole = false;

    if (sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_busy_timeout(database, INCIDENTS_OPEN_MS) == SQLITE_OK)
        whole = check_open(database, path, version, error);
    else
        snprintf(error, INCIDENTS_ERROR_SIZE, "%s: %s", path,
                 database != NULL ? sqlite3_errmsg(database) : "out of memory");
    sqlite3_close(database);
    return whole;
}
