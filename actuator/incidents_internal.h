#pragma once

#include <sqlite3.h>

#include "actuator/incidents.h"

#define INCIDENTS_SCHEMA_VERSION 2
/* After a kill, whoever opens the database first makes it whole and locks it meanwhile: that may be
 * somebody who looks at the history. */
#define INCIDENTS_OPEN_MS 2000

/* Of what was only told, which goes first when there is no room: anybody on a node makes such. */
#define INCIDENTS_WORDS "verdict IN ('drill', 'late')"
/* Those that version 2 did not have from the beginning.  An index is no change of the schema's
 * version: whoever does not know it keeps it up all the same. */
#define INCIDENTS_INDEXES                                                                          \
    "CREATE INDEX IF NOT EXISTS incidents_words ON incidents (opened_us) WHERE " INCIDENTS_WORDS   \
    ";CREATE INDEX IF NOT EXISTS incidents_by_node ON incidents (node, opened_us)"

/* What the files of the database share; nobody else includes this. */

enum statement {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_FIND,
    SQL_INSERT,
    SQL_REOPEN,
    SQL_MERGE,
    SQL_SAY_MORE,
    SQL_ADD_PANIC,
    SQL_FINISH,
    SQL_EACH_OPEN,
    SQL_LOAD,
    SQL_FIND_BOOT,
    SQL_COUNT_PANICS,
    SQL_ADD_STEP,
    SQL_SET_STAND,
    SQL_SET_LOOK,
    SQL_SET_SILENT,
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
    char identity[INCIDENTS_IDENTITY_SIZE];
    bool in_transaction;
    bool spoiled; /* a statement of the open transaction failed */
    struct person_row *rows, **rows_end; /* what incidents_flush() writes */
    size_t row_bytes;
    uint64_t rows_lost;
    uint64_t claimed_us; /* every trace that came before belongs to an incident */
};

/* Runs a bound statement to its end and resets it; false (logged, with what it was for) unless it
 * succeeded. */
bool incidents_run(struct incidents *incidents, enum statement statement, const char *what);
/* TEXT (NULL: none) outlives the step. */
void incidents_bind_text(sqlite3_stmt *statement, int at, const char *text);
/* US before WALL_US, and not before 0. */
uint64_t incidents_before(uint64_t wall_us, uint64_t us);

/* The index of TEXT in NAMES. */
unsigned incidents_choice(const char *const *names, const unsigned char *text);

/* INTENT as an incident that is the caller's, opened at WALL_US. */
struct incident *incidents_of_intent(const struct intent *intent, uint64_t wall_us);

/* incidents_late.c: INTENT, which tells of a death late, joins the incident of that boot; *JOINED
 * is false when there is none.  False (logged) when the database does not take it. */
bool incidents_join_late(struct incidents *incidents, const struct intent *intent, bool known,
                         uint64_t wall_us, bool *joined);
/* INTENT's panics are INCIDENT's; *ANY_NEW: one was not known. */
bool incidents_add_panics(struct incidents *incidents, const struct intent *intent,
                          const char *incident, bool *any_new);
/* How many panics the Node of INCIDENT has had, up to that one. */
void incidents_count_panics(struct incidents *incidents, struct incident *incident);

/* Opens a transaction unless one is open. */
bool incidents_begin(struct incidents *incidents);

/* Gives up what the open transaction holds. */
void incidents_rollback(struct incidents *incidents);

/* Takes DIR/lock and reads who we are; false with the reason in ERROR. */
bool incidents_lock(struct incidents *incidents, const char *dir, char error[INCIDENTS_ERROR_SIZE]);

/* Makes a database with this version's tables at PATH, under another name first, so that a kill
 * in the middle leaves none.  False with the reason in ERROR. */
bool incidents_make_file(const char *path, char error[INCIDENTS_ERROR_SIZE]);

/* Looks at PATH without changing it: true when it is ours, whole and not newer; its VERSION. */
bool incidents_check_file(const char *path, int *version, char error[INCIDENTS_ERROR_SIZE]);

/* From version 1 to this program's.  False with the reason in ERROR, and the file as it was. */
bool incidents_migrate(sqlite3 *database, const char *path, char error[INCIDENTS_ERROR_SIZE]);
