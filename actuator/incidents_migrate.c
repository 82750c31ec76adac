#include "actuator/incidents_internal.h"

#include "common/log.h"
#include "common/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * From schema version 1 to 2, in one transaction, after a copy of the file was put beside it.
 *
 * Version 2 only adds columns that may be absent, and an index.  So there is a way back that loses
 * nothing, whenever it is taken:
 *
 *   1. stop the actuator;
 *   2. as its user: sqlite3 incidents.db "UPDATE incidents SET state = 'closed' WHERE state =
 *      'watching' OR verdict IN ('reported', 'drill', 'late'); PRAGMA user_version = 1" (version 1
 *      does not watch on after a Node was deleted, and would take such an incident for one that
 *      was never acted on; nor does it know those verdicts);
 *   3. start the former actuator.  It leaves the new columns alone.
 *
 * The next start of this program goes to version 2 again and finds them as they were.  To put
 * incidents.db.v1 back in place instead, without incidents.db-wal and -shm, forgets what came
 * since.
 */
static const struct {
    const char *table, *column, *type;
} added[] = {
    { "incidents", "last_answer_us", "INTEGER" },
    { "incidents", "rtt_us", "INTEGER" },
    { "incidents", "lost_before", "INTEGER" },
    { "incidents", "address", "TEXT" },
    { "incidents", "port", "INTEGER" },
    { "incidents", "kept", "TEXT" },
    { "trace", "at_us", "INTEGER NOT NULL DEFAULT 0" },
};

static bool copy_pages(sqlite3 *database, const char *path, char error[INCIDENTS_ERROR_SIZE])
{
    sqlite3 *copy = NULL;
    bool copied = false;

    if (sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ==
        SQLITE_OK) {
        sqlite3_backup *backup = sqlite3_backup_init(copy, "main", database, "main");
        copied = backup != NULL && sqlite3_backup_step(backup, -1) == SQLITE_DONE;
        copied = sqlite3_backup_finish(backup) == SQLITE_OK && copied;
    }
    if (!copied)
        snprintf(error, INCIDENTS_ERROR_SIZE,
                 "%s: no copy can be made, so the schema stays as it "
                 "is: %s",
                 path, copy != NULL ? sqlite3_errmsg(copy) : "out of memory");
    sqlite3_close(copy);
    return copied;
}

/* Under another name first: a kill in the middle leaves no half copy. */
static bool back_up(sqlite3 *database, const char *copy, char error[INCIDENTS_ERROR_SIZE])
{
    char *fresh = xasprintf("%s.new", copy);

    unlink(fresh);
    bool copied = copy_pages(database, fresh, error);
    if (copied && rename(fresh, copy) != 0) {
        snprintf(error, INCIDENTS_ERROR_SIZE, "%s: %s", copy, strerror(errno));
        copied = false;
    }
    free(fresh);
    return copied;
}

static bool has_column(sqlite3 *database, const char *table, const char *column)
{
    sqlite3_stmt *statement;
    bool has = false;

    if (sqlite3_prepare_v2(database, "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2", -1,
                           &statement, NULL) != SQLITE_OK)
        return false;
    sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, column, -1, SQLITE_STATIC);
    has = sqlite3_step(statement) == SQLITE_ROW;
    sqlite3_finalize(statement);
    return has;
}

static bool execute(sqlite3 *database, const char *sql)
{
    return sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool add_columns(sqlite3 *database)
{
    for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++) {
        if (has_column(database, added[i].table, added[i].column))
            continue;
        char *sql = xasprintf("ALTER TABLE %s ADD COLUMN %s %s", added[i].table, added[i].column,
                              added[i].type);
        bool done = execute(database, sql);
        free(sql);
        if (!done)
            return false;
    }
    return execute(database, "CREATE INDEX IF NOT EXISTS trace_by_time ON trace (at_us, panic)");
}

bool incidents_migrate(sqlite3 *database, const char *path, char error[INCIDENTS_ERROR_SIZE])
{
    char *copy = xasprintf("%s.v1", path);
    bool copied = back_up(database, copy, error);
    bool migrated = copied && execute(database, "BEGIN IMMEDIATE") && add_columns(database) &&
                    execute(database, "PRAGMA user_version = 2") && execute(database, "COMMIT");

    if (migrated) {
        log_notice("%s: went from schema version 1 to 2; %s is what it was before", path, copy);
    } else if (copied) {
        snprintf(error, INCIDENTS_ERROR_SIZE,
                 "%s: cannot go from schema version 1 to 2: %s; it was left as it is", path,
                 sqlite3_errmsg(database));
        execute(database, "ROLLBACK");
    }
    free(copy);
    return migrated;
}
