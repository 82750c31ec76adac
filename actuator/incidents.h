#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/record.h"

/*
 * Every incident there was, in SQLite: what must survive (the incident itself, opened and closed)
 * is committed with fsync, all of one loop turn in one transaction; what is for people (steps,
 * pods, trace) follows within 200 ms without one.  The rows for people never steer anything: an
 * incident that is open after a restart starts again at remedy's first step.
 */
struct incidents;

enum incident_state { INCIDENT_OPEN, INCIDENT_HELD, INCIDENT_ACTING, INCIDENT_WATCHING,
                      INCIDENT_CLOSED };
extern const char *const incident_state_names[];

/* An incident as it is held in memory while it is not closed.  Texts are owned by the struct. */
struct incident {
    char *id, *node, *uid, *boot;
    enum cause cause;
    enum reason_code reason_code;
    char *reason;
    enum verdict verdict;
    char *words;
    uint64_t received_us, expires_us, opened_us;
    enum incident_state state;
};
void incident_free(struct incident *incident);

#define INCIDENTS_ERROR_SIZE 512

/*
 * Opens or makes DIR/incidents.db.  An existing one is first opened read-only and checked
 * (integrity, schema version), so that a database that is corrupt, newer than this program or not
 * ours is named in ERROR and left as it was: NULL.  Also NULL when DIR is not writable, or when
 * another actuator has it open (a lock on DIR/lock).
 */
struct incidents *incidents_open(const char *dir, char error[INCIDENTS_ERROR_SIZE]);
void incidents_close(struct incidents *incidents);

/* Resuming: calls EACH with every incident that is not closed, oldest first; EACH owns it. */
bool incidents_each_open(struct incidents *incidents,
                         void (*each)(void *arg, struct incident *incident), void *arg);

enum incident_taken {
    INCIDENT_NEW,      /* OPENED is a new incident: act */
    INCIDENT_REOPENED, /* it was closed without its machine being acted on and the intent says more: OPENED, act */
    INCIDENT_MERGED,   /* known: its panics and words were added, nothing else to do */
    INCIDENT_FAILED,   /* the database could not take it; do not acknowledge */
};

/*
 * Takes an intent (already checked): inserts or merges it in the transaction of this loop turn.
 * It is on disk, and may be acknowledged, only after incidents_commit() returned true.
 * Reopened are: retracted ones, and one that a halt or weaker evidence closed as observed or told
 * before a kernel panic of the same boot was known.  *OPENED is the caller's.
 */
enum incident_taken incidents_take(struct incidents *incidents, const struct intent *intent,
                                   uint64_t wall_us, struct incident **opened);

/* Marks ID closed, in the transaction of this loop turn. */
bool incidents_finish(struct incidents *incidents, const char *id, enum outcome outcome,
                      const char *detail, uint64_t wall_us);

/*
 * Ends the transaction of this loop turn with an fsync; true at once when there is none.  False:
 * nothing of it is on disk (full, read-only); it was rolled back and logged, so each take and
 * finish since the last commit must be made again.
 */
bool incidents_commit(struct incidents *incidents);

/* What is for people: remembered in memory until incidents_flush(), which writes it without fsync
 * (call it every 200 ms and when the loop ends); cannot fail for the caller. */
void incidents_step(struct incidents *incidents, const char *id, uint64_t wall_us,
                    const char *words);
struct incident_pod {
    const char *namespace, *name, *uid;
    const char *owner_kind, *owner_name; /* NULL: no owner */
    const char *done; /* "deleted", "annotated", "left: has finished", "refused: ..." */
};
void incidents_pod(struct incidents *incidents, const char *id, uint64_t wall_us,
                   const struct incident_pod *pod);
void incidents_trace(struct incidents *incidents, const struct trace *trace);
void incidents_flush(struct incidents *incidents);
