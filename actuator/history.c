#include "actuator/history.h"

#include "common/clock.h"
#include "common/memory.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

struct history {
    sqlite3 *database;
    char *path;
};

/* A query that prints: ROW is called for each row. */
typedef void print_row(sqlite3_stmt *row, FILE *out);

static const char *text_of(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    return text != NULL ? (const char *)text : "";
}

static uint64_t time_of(sqlite3_stmt *row, int column)
{
    return (uint64_t)sqlite3_column_int64(row, column);
}

/* "06:12:20.123", the time of day of a step. */
static void print_time_of_day(uint64_t wall_us, FILE *out)
{
    char text[CLOCK_TEXT_SIZE];

    clock_print(wall_us, text);
    fprintf(out, "%.12s", strchr(text, 'T') + 1);
}

/* "2026-11-23 06:12:20Z" */
static void print_date(uint64_t wall_us, FILE *out)
{
    char text[CLOCK_TEXT_SIZE];

    clock_print(wall_us, text);
    fprintf(out, "%.10s %.8sZ", text, strchr(text, 'T') + 1);
}

static bool broken(const struct history *history)
{
    fprintf(stderr, "lastgasp-incidents: %s: %s\n", history->path,
            sqlite3_errmsg(history->database));
    return false;
}

/* Runs SQL with an optional text ?1 and number ?2; *COUNT (may be NULL) is the number of rows. */
static bool query(struct history *history, const char *sql, const char *text, int64_t number,
                  print_row *print, FILE *out, size_t *count)
{
    sqlite3_stmt *statement;
    size_t rows = 0;
    int code;

    if (sqlite3_prepare_v2(history->database, sql, -1, &statement, NULL) != SQLITE_OK)
        return broken(history);
    if (text != NULL)
        sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, number);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        rows++;
        print(statement, out);
    }
    sqlite3_finalize(statement);
    if (count != NULL)
        *count = rows;
    return code == SQLITE_DONE || broken(history);
}

struct history *history_open(const char *state_dir, char error[HISTORY_ERROR_SIZE])
{
    struct history *history = xcalloc(1, sizeof(*history));

    history->path = xasprintf("%s/incidents.db", state_dir);
    if (sqlite3_open_v2(history->path, &history->database, SQLITE_OPEN_READONLY, NULL) ==
            SQLITE_OK &&
        sqlite3_busy_timeout(history->database, 2000) == SQLITE_OK &&
        sqlite3_exec(history->database, "SELECT 1 FROM incidents LIMIT 1", NULL, NULL, NULL) ==
            SQLITE_OK)
        return history;
    snprintf(error, HISTORY_ERROR_SIZE, "%s: %s", history->path,
             history->database != NULL ? sqlite3_errmsg(history->database) : "out of memory");
    history_close(history);
    return NULL;
}

void history_close(struct history *history)
{
    sqlite3_close(history->database);
    free(history->path);
    free(history);
}

static void print_list_row(sqlite3_stmt *row, FILE *out)
{
    print_date(time_of(row, 0), out);
    fprintf(out, "  %.8s  %-24s %-14s %-12s %s\n", text_of(row, 1), text_of(row, 2),
            text_of(row, 3), text_of(row, 4), text_of(row, 5));
}

bool history_print_list(struct history *history, FILE *out)
{
    size_t count;

    fprintf(out, "%-20s  %-8s  %-24s %-14s %-12s %s\n", "SINCE", "ID", "NODE", "CODE", "OUTCOME",
            "REASON");
    if (!query(history,
               "SELECT opened_us, id, node, reason_code, coalesce(outcome, state), reason"
               " FROM incidents ORDER BY opened_us, id",
               NULL, 0, print_list_row, out, &count))
        return false;
    if (count == 0)
        fputs("no incident so far\n", out);
    return true;
}

static void print_head(sqlite3_stmt *row, FILE *out)
{
    fprintf(out, "incident  %s\nnode      %s\nuid       %s\nboot      %s\n", text_of(row, 0),
            text_of(row, 1), text_of(row, 2), text_of(row, 3));
    fprintf(out, "cause     %s (%s)\nreason    %s\nverdict   %s\nevidence  %s\n", text_of(row, 4),
            text_of(row, 5), text_of(row, 6), text_of(row, 7), text_of(row, 8));
    fputs("heard     ", out);
    print_date(time_of(row, 9), out);
    fputs("\nexpires   ", out);
    print_date(time_of(row, 10), out);
    fprintf(out, "\noutcome   %s", text_of(row, 11));
    if (*text_of(row, 12) != '\0')
        fprintf(out, ": %s", text_of(row, 12));
    if (*text_of(row, 13) != '\0')
        fprintf(out, "\nhad       %s", text_of(row, 13));
    fputs("\n\ntimeline\n", out);
}

static void print_step(sqlite3_stmt *row, FILE *out)
{
    fputs("  ", out);
    print_time_of_day(time_of(row, 0), out);
    fprintf(out, "  %+8.1f ms  %s\n", (double)sqlite3_column_int64(row, 1) / 1000.0,
            text_of(row, 2));
}

static void print_pod(sqlite3_stmt *row, FILE *out)
{
    fputs("  ", out);
    print_time_of_day(time_of(row, 0), out);
    fprintf(out, "  %s/%s", text_of(row, 1), text_of(row, 2));
    if (*text_of(row, 3) != '\0')
        fprintf(out, " (%s %s)", text_of(row, 3), text_of(row, 4));
    fprintf(out, "  %s\n", text_of(row, 5));
}

static void print_panic(sqlite3_stmt *row, FILE *out)
{
    fprintf(out, "  %s\n", text_of(row, 0));
}

static void print_trace(sqlite3_stmt *row, FILE *out)
{
    const char *line = text_of(row, 0);

    while (*line != '\0') {
        size_t size = strcspn(line, "\n");
        fprintf(out, "  %.*s\n", (int)size, line);
        line += size + (line[size] == '\n');
    }
}

/* The one incident whose id begins with PREFIX; its whole id is the caller's to free. */
static char *find_one(struct history *history, const char *prefix)
{
    sqlite3_stmt *statement;
    char *id = NULL;
    size_t found = 0;

    if (sqlite3_prepare_v2(history->database,
                           "SELECT id FROM incidents WHERE substr(id, 1, length(?1)) = ?1", -1,
                           &statement, NULL) != SQLITE_OK) {
        broken(history);
        return NULL;
    }
    sqlite3_bind_text(statement, 1, prefix, -1, SQLITE_STATIC);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        free(id);
        id = xstrdup(text_of(statement, 0));
        found++;
    }
    sqlite3_finalize(statement);
    if (found == 1)
        return id;
    fprintf(stderr, "lastgasp-incidents: %zu incidents begin with \"%s\"\n", found, prefix);
    free(id);
    return NULL;
}

bool history_print_one(struct history *history, const char *prefix, FILE *out)
{
    char *id = find_one(history, prefix);
    if (id == NULL)
        return false;

    bool read =
        query(history,
              "SELECT id, node, uid, boot, cause, reason_code, reason, verdict, words,"
              " received_us, expires_us, coalesce(outcome, state), detail, kept"
              " FROM incidents WHERE id = ?1",
              id, 0, print_head, out, NULL) &&
        query(history,
              "SELECT at_us, at_us - heard_us, words FROM ("
              " SELECT received_us AS at_us, received_us AS heard_us, 0 AS place,"
              "  CASE cause WHEN 'halt' THEN 'the listener heard the halt'"
              "  ELSE 'the listener heard the panic' END AS words FROM incidents WHERE id = ?1"
              " UNION ALL SELECT opened_us, received_us, 0, 'the actuator has the intent'"
              "  FROM incidents WHERE id = ?1"
              " UNION ALL SELECT steps.at_us, received_us, steps.rowid, steps.words FROM steps"
              "  JOIN incidents ON incidents.id = steps.incident WHERE steps.incident = ?1"
              ") ORDER BY at_us, place",
              id, 0, print_step, out, NULL) &&
        fputs("\npods\n", out) >= 0 &&
        query(history,
              "SELECT at_us, namespace, name, owner_kind, owner_name, done FROM pods"
              " WHERE incident = ?1 ORDER BY at_us, namespace, name",
              id, 0, print_pod, out, NULL) &&
        fputs("\npanics heard\n", out) >= 0 &&
        query(history, "SELECT id FROM panics WHERE incident = ?1 ORDER BY rowid", id, 0,
              print_panic, out, NULL) &&
        fputs("\nwhat the kernel said\n", out) >= 0 &&
        query(history,
              "SELECT trace.lines FROM trace JOIN panics ON panics.id = trace.panic"
              " WHERE panics.incident = ?1 ORDER BY panics.rowid, trace.part",
              id, 0, print_trace, out, NULL);
    free(id);
    return read;
}

int64_t history_end(struct history *history)
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

static void print_followed(sqlite3_stmt *row, FILE *out)
{
    print_time_of_day(time_of(row, 0), out);
    fprintf(out, "  %.8s  %-24s %s\n", text_of(row, 1), text_of(row, 2), text_of(row, 3));
}

bool history_print_new(struct history *history, int64_t *end, FILE *out)
{
    /* One transaction, so that what arrives between the two queries is not printed twice. */
    if (sqlite3_exec(history->database, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        return broken(history);
    int64_t now = history_end(history);
    bool read = now == *end ||
                query(history,
                      "SELECT steps.at_us, steps.incident, incidents.node, steps.words FROM steps"
                      " JOIN incidents ON incidents.id = steps.incident"
                      " WHERE steps.rowid > ?2 ORDER BY steps.rowid",
                      NULL, *end, print_followed, out, NULL);
    sqlite3_exec(history->database, "END", NULL, NULL, NULL);
    *end = now;
    return read;
}
