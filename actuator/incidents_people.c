#include "actuator/incidents_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The rows that are for people: kept in memory until the next flush, so that a remedy in full
 * swing never waits for the disk.  When the disk does not take them they wait for the next flush,
 * up to a bound, beyond which the newest are lost and the loss is logged: what an incident did
 * must not stop because its diary is full.
 */
#define ROWS_MAX_BYTES (16 * 1024 * 1024)

enum { COLUMNS_MAX = 8 };

/* One row: a statement and what to bind, texts copied behind it. */
struct person_row {
    struct person_row *next;
    enum statement statement;
    size_t columns, bytes;
    struct {
        char *text; /* NULL with number unset: SQL's NULL */
        bool is_number;
        sqlite3_int64 number;
    } column[COLUMNS_MAX];
};

static void row_free(struct person_row *row)
{
    for (size_t i = 0; i < row->columns; i++)
        free(row->column[i].text);
    free(row);
}

static struct person_row *row_new(enum statement statement)
{
    struct person_row *row = xcalloc(1, sizeof(*row));

    row->statement = statement;
    row->bytes = sizeof(*row);
    return row;
}

static void put_text(struct person_row *row, const char *text)
{
    if (text != NULL) {
        row->column[row->columns].text = xstrdup(text);
        row->bytes += strlen(text) + 1;
    }
    row->columns++;
}

static void put_number(struct person_row *row, uint64_t number)
{
    row->column[row->columns].is_number = true;
    row->column[row->columns].number = (sqlite3_int64)number;
    row->columns++;
}

static void queue(struct incidents *incidents, struct person_row *row)
{
    if (incidents->row_bytes + row->bytes > ROWS_MAX_BYTES) {
        incidents->rows_lost++;
        row_free(row);
        return;
    }
    incidents->row_bytes += row->bytes;
    *incidents->rows_end = row;
    incidents->rows_end = &row->next;
}

void incidents_step(struct incidents *incidents, const char *id, uint64_t wall_us,
                    const char *words)
{
    struct person_row *row = row_new(SQL_ADD_STEP);

    put_text(row, id);
    put_number(row, wall_us);
    put_text(row, words);
    queue(incidents, row);
}

void incidents_stand(struct incidents *incidents, const char *id, enum incident_state state)
{
    struct person_row *row = row_new(SQL_SET_STAND);

    put_text(row, id);
    put_text(row, incident_state_names[state]);
    queue(incidents, row);
}

void incidents_look(struct incidents *incidents, const char *id, enum incident_look look)
{
    struct person_row *row = row_new(SQL_SET_LOOK);

    put_text(row, id);
    put_number(row, look == INCIDENT_LOST_BEFORE);
    queue(incidents, row);
}

void incidents_silent(struct incidents *incidents, const char *id, const char *words)
{
    struct person_row *row = row_new(SQL_SET_SILENT);

    put_text(row, id);
    put_text(row, words);
    queue(incidents, row);
}

void incidents_pod(struct incidents *incidents, const char *id, uint64_t wall_us,
                   const struct incident_pod *pod)
{
    struct person_row *row = row_new(SQL_ADD_POD);

    put_text(row, id);
    put_number(row, wall_us);
    put_text(row, pod->namespace);
    put_text(row, pod->name);
    put_text(row, pod->uid);
    put_text(row, pod->owner_kind);
    put_text(row, pod->owner_name);
    put_text(row, pod->done);
    queue(incidents, row);
}

void incidents_trace(struct incidents *incidents, const struct trace *trace)
{
    struct person_row *row = row_new(SQL_ADD_TRACE);
    size_t size = 1;

    for (size_t i = 0; i < trace->lines.count; i++)
        size += strlen(trace->lines.line[i]) + 1;
    char *lines = xcalloc(size, 1), *end = lines;
    for (size_t i = 0; i < trace->lines.count; i++) {
        end = stpcpy(end, trace->lines.line[i]);
        *end++ = '\n';
    }
    put_text(row, trace->id);
    put_number(row, trace->part);
    put_text(row, lines);
    put_number(row, clock_wall_us());
    free(lines);
    queue(incidents, row);
}

static bool write_row(struct incidents *incidents, const struct person_row *row)
{
    sqlite3_stmt *statement = incidents->statements[row->statement];

    for (size_t i = 0; i < row->columns; i++) {
        if (row->column[i].is_number)
            sqlite3_bind_int64(statement, (int)i + 1, row->column[i].number);
        else
            sqlite3_bind_text(statement, (int)i + 1, row->column[i].text, -1, SQLITE_STATIC);
    }
    return incidents_run(incidents, row->statement, "write the history");
}

static bool write_rows(struct incidents *incidents)
{
    for (const struct person_row *row = incidents->rows; row != NULL; row = row->next) {
        if (!write_row(incidents, row))
            return false;
    }
    return true;
}

static void forget_rows(struct incidents *incidents)
{
    while (incidents->rows != NULL) {
        struct person_row *next = incidents->rows->next;
        row_free(incidents->rows);
        incidents->rows = next;
    }
    incidents->rows_end = &incidents->rows;
    incidents->row_bytes = 0;
}

/* Not a prepared statement: SQLite carries this pragma out when it is prepared, not when it is
 * stepped. */
static void set_synchronous(struct incidents *incidents, const char *pragma)
{
    if (sqlite3_exec(incidents->database, pragma, NULL, NULL, NULL) != SQLITE_OK)
        log_error("%s: %s: %s", incidents->path, pragma, sqlite3_errmsg(incidents->database));
}

void incidents_flush(struct incidents *incidents)
{
    /* What must survive is in a transaction of its own, which its owner commits. */
    if (incidents->rows == NULL || incidents->in_transaction)
        return;
    if (incidents->rows_lost > 0) {
        log_warning("%s: %llu rows of history were lost: the disk did not take them in time",
                    incidents->path, (unsigned long long)incidents->rows_lost);
        incidents->rows_lost = 0;
    }
    set_synchronous(incidents, "PRAGMA synchronous = NORMAL");
    if (incidents_begin(incidents)) {
        bool written = write_rows(incidents);
        if (written && incidents_commit(incidents))
            forget_rows(incidents);
        else if (!written)
            incidents_rollback(incidents);
    }
    set_synchronous(incidents, "PRAGMA synchronous = FULL");
}
