#include "actuator/incidents_internal.h"

#include "common/clock.h"
#include "common/log.h"

/*
 * Forgetting the oldest.  A few rows a call, in a transaction without fsync, so that a slow disk
 * holds nobody up: if a kill undoes it, it is done again.  What is not closed is never forgotten.
 *
 * The size is that of the pages in use.  Free ones stay in the file and are used again, so that the
 * file stops growing; it does not shrink.
 *
 * For the size, what was only told goes before all that died: anybody on a node can make drills.
 *
 * A trace that belongs to no incident is of a panic that led to none.  It may have come before its
 * intent, so it has some time to be claimed; what was looked at then is not looked at again.
 */
#define INCIDENTS_A_CALL 20
#define TRACES_A_CALL    50
#define UNCLAIMED_US     (24 * 60 * US_PER_MINUTE)
#define UNCLAIMED_MIN_US (60 * US_PER_MINUTE)

static const char unclaimed[] =
    "DELETE FROM trace WHERE rowid IN (SELECT trace.rowid FROM trace WHERE at_us < ?1"
    " AND at_us >= ?3"
    " AND NOT EXISTS (SELECT 1 FROM panics WHERE panics.id = trace.panic)"
    " ORDER BY at_us LIMIT ?2)";

/* The incidents to forget go into a temporary table first, for each has rows in five. */
static const char choose[] =
    "INSERT INTO temp.old SELECT id FROM incidents WHERE state = 'closed' AND closed_us < ?1"
    " ORDER BY opened_us, id LIMIT ?2";

static const char choose_words[] =
    "INSERT INTO temp.old SELECT id FROM incidents WHERE " INCIDENTS_WORDS
    " AND state = 'closed' AND closed_us < ?1 ORDER BY opened_us LIMIT ?2";

static const char forget[] =
    "DELETE FROM trace WHERE panic IN (SELECT panics.id FROM panics, temp.old"
    " WHERE panics.incident = old.id);"
    "DELETE FROM panics WHERE incident IN (SELECT id FROM temp.old);"
    "DELETE FROM steps WHERE incident IN (SELECT id FROM temp.old);"
    "DELETE FROM pods WHERE incident IN (SELECT id FROM temp.old);"
    "DELETE FROM incidents WHERE id IN (SELECT id FROM temp.old);"
    "DELETE FROM temp.old;";

static bool execute(struct incidents *incidents, const char *sql)
{
    if (sqlite3_exec(incidents->database, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    log_error("%s: cannot forget old incidents: %s", incidents->path,
              sqlite3_errmsg(incidents->database));
    return false;
}

/* Runs SQL for what is from FROM_US on and before BEFORE_US; how many rows it changed, or -1. */
static int change(struct incidents *incidents, const char *sql, uint64_t from_us,
                  uint64_t before_us, int most)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(incidents->database, sql, -1, &statement, NULL);

    if (code == SQLITE_OK) {
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)before_us);
        sqlite3_bind_int(statement, 2, most);
        sqlite3_bind_int64(statement, 3, (sqlite3_int64)from_us);
        code = sqlite3_step(statement);
        sqlite3_finalize(statement);
    }
    if (code == SQLITE_DONE)
        return sqlite3_changes(incidents->database);
    log_error("%s: cannot forget old incidents: %s", incidents->path,
              sqlite3_errmsg(incidents->database));
    return -1;
}

static uint64_t pragma(struct incidents *incidents, const char *sql)
{
    sqlite3_stmt *statement;
    uint64_t number = 0;

    if (sqlite3_prepare_v2(incidents->database, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        number = (uint64_t)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

static uint64_t size_in_use(struct incidents *incidents)
{
    return (pragma(incidents, "PRAGMA page_count") - pragma(incidents, "PRAGMA freelist_count")) *
           pragma(incidents, "PRAGMA page_size");
}

/* One transaction; false when the disk did not take it. */
static bool forget_some(struct incidents *incidents, bool full, uint64_t unclaimed_us,
                        uint64_t closed_us, int *traces, int *closed)
{
    if (!execute(incidents, "CREATE TEMP TABLE IF NOT EXISTS old (id TEXT); BEGIN IMMEDIATE"))
        return false;
    *traces = change(incidents, unclaimed, incidents->claimed_us, unclaimed_us, TRACES_A_CALL);
    *closed = full ? change(incidents, choose_words, 0, closed_us, INCIDENTS_A_CALL) : 0;
    if (*closed == 0)
        *closed = change(incidents, choose, 0, closed_us, INCIDENTS_A_CALL);
    if (*traces >= 0 && *closed >= 0 && execute(incidents, forget) && execute(incidents, "COMMIT"))
        return true;
    incidents_rollback(incidents);
    return false;
}

bool incidents_retain(struct incidents *incidents, const struct incidents_retention *retention,
                      uint64_t wall_us)
{
    bool full = size_in_use(incidents) > retention->bytes;
    uint64_t unclaimed_us = incidents_before(wall_us, full ? UNCLAIMED_MIN_US : UNCLAIMED_US);
    uint64_t closed_us = full ? INT64_MAX : incidents_before(wall_us, retention->age_us);
    int traces, closed;

    if (incidents->in_transaction || !execute(incidents, "PRAGMA synchronous = NORMAL"))
        return false;
    bool done = forget_some(incidents, full, unclaimed_us, closed_us, &traces, &closed);
    execute(incidents, "PRAGMA synchronous = FULL");
    if (!done)
        return false;
    if (traces < TRACES_A_CALL)
        incidents->claimed_us = unclaimed_us;
    if (traces + closed > 0)
        log_info("%s: forgot %d incidents and %d traces of none, %s", incidents->path, closed,
                 traces, full ? "for its size" : "for their age");
    else if (full)
        log_warning("%s: larger than it may be, and no incident in it is closed", incidents->path);
    return traces == TRACES_A_CALL || closed == INCIDENTS_A_CALL || (full && traces + closed > 0);
}
