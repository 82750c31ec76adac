#pragma once

#include <sqlite3.h>

#include "actuator/incidents.h"

/* What the files of the database share; nobody else includes this. */

enum statement {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_FIND,
    SQL_INSERT,
    SQL_REOPEN,
    SQL_MERGE,
    SQL_ADD_PANIC,
    SQL_FINISH,
    SQL_EACH_OPEN,
    SQL_ADD_STEP,
    SQL_ADD_POD,
    SQL_ADD_TRACE,
    SQL_STATEMENTS,
};

struct person_row;

struct incidents {
    sqlite3 *database;
    sqlite3_stmt *statements[SQL_STATEMENTS];
    char *path;
    int lock; /* descriptor of DIR/lock */
    bool in_transaction;
    bool spoiled; /* a statement of the open transaction failed */
    struct person_row *rows, **rows_end; /* what incidents_flush() writes */
    size_t row_bytes;
    uint64_t rows_lost;
};

/* Runs a bound statement to its end and resets it; false (logged, with what it was for) unless it
 * succeeded. */
bool incidents_run(struct incidents *incidents, enum statement statement, const char *what);

/* Opens a transaction unless one is open. */
bool incidents_begin(struct incidents *incidents);

/* Gives up what the open transaction holds. */
void incidents_rollback(struct incidents *incidents);

/* Makes a database with this version's tables at PATH, under another name first, so that a kill
 * in the middle leaves none.  False with the reason in ERROR. */
bool incidents_make_file(const char *path, char error[INCIDENTS_ERROR_SIZE]);

/* Looks at PATH without changing it: true when it is ours, whole and not newer. */
bool incidents_check_file(const char *path, char error[INCIDENTS_ERROR_SIZE]);
