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

enum incident_state {
    INCIDENT_OPEN,
    INCIDENT_HELD,
    INCIDENT_ACTING,
    INCIDENT_WATCHING,
    INCIDENT_CLOSED
};
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
    uint64_t silent_until_us;        /* RECORD_ABSENT after a restart: it is old by then */
    uint64_t last_answer_us, rtt_us; /* each may be RECORD_ABSENT */
    uint64_t booted_us; /* of VERDICT_LATE: struct late's; RECORD_ABSENT after a restart */
    unsigned panics;    /* of its Node within ten minutes, this one included; of a panic */
    enum incident_state state;
    /* The first look at the Node: was its Ready condition Unknown? */
    enum incident_look { INCIDENT_NOT_LOOKED, INCIDENT_WAS_READY, INCIDENT_LOST_BEFORE } look;
    /* While watching: where the machine would answer, and what was found out until now. */
    char *address; /* NULL: not known */
    uint64_t port, closed_us;
    /* Of one that is closed, or watched. */
    enum outcome outcome;
    char *detail;
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

/* Who works in this directory: the same after each restart, and no one else's, for the lock that is
 * held on it goes only with its process.  The ledger's holder is named by it. */
#define INCIDENTS_IDENTITY_SIZE 96
const char *incidents_identity(const struct incidents *incidents);

/*
 * Forgets what is closed for longer than AGE_US, and the oldest of what is closed while the
 * database has more than BYTES in use; a few incidents a call.  To be called now and then; true:
 * there is more to forget, call again soon.
 */
struct incidents_retention {
    uint64_t age_us, bytes;
};
bool incidents_retain(struct incidents *incidents, const struct incidents_retention *retention,
                      uint64_t wall_us);

/* Resuming: calls EACH with every incident that is not closed, oldest first; EACH owns it. */
bool incidents_each_open(struct incidents *incidents,
                         void (*each)(void *arg, struct incident *incident), void *arg);

/* One, open or not, the caller's; NULL when there is none with that ID, or (logged) it cannot be
 * read. */
struct incident *incidents_load(struct incidents *incidents, const char *id);

enum incident_taken {
    INCIDENT_NEW,      /* OPENED is a new incident: act */
    INCIDENT_REOPENED, /* it was closed, but the intent says more: OPENED, act */
    INCIDENT_MERGED,   /* known: its panics, words and better evidence were added */
    INCIDENT_FAILED,   /* the database could not take it; do not acknowledge */
};

/*
 * Takes an intent (already checked): inserts or merges it in the transaction of this loop turn.
 * It is on disk, and may be acknowledged, only after incidents_commit() returned true.
 * Reopened are retracted ones, and those that did not come to a full end, by a panic (no halt) that
 * was not known then or by better evidence (rights_say_more()).  What a node says late joins the
 * incident of that boot, whatever became of the Node since, as a step.  *OPENED is the caller's.
 */
enum incident_taken incidents_take(struct incidents *incidents, const struct intent *intent,
                                   uint64_t wall_us, struct incident **opened);

/* How an incident ended.  One that is watched on is not closed yet; its outcome may change. */
struct incident_end {
    enum outcome outcome;
    const char *detail;
    bool watching;
    const char *address; /* NULL: not known */
    uint64_t port;
    const char *kept; /* JSON: labels, annotations and taints of the Node; NULL: as it was stored */
};

/* Marks ID as ended, in the transaction of this loop turn. */
bool incidents_finish(struct incidents *incidents, const char *id, const struct incident_end *end,
                      uint64_t wall_us);

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
/* Where ID stands: open, held or acting. */
void incidents_stand(struct incidents *incidents, const char *id, enum incident_state state);
/* What the first look at its Node showed; after a restart it is too late to look again. */
void incidents_look(struct incidents *incidents, const char *id, enum incident_look look);
/* What was only reported was found silent, and how, in WORDS. */
void incidents_silent(struct incidents *incidents, const char *id, const char *words);
struct incident_pod {
    const char *namespace, *name, *uid;
    const char *owner_kind, *owner_name; /* NULL: no owner */
    const char *done; /* "deleted", "annotated", "left: has finished", "refused: ..." */
};
void incidents_pod(struct incidents *incidents, const char *id, uint64_t wall_us,
                   const struct incident_pod *pod);
void incidents_trace(struct incidents *incidents, const struct trace *trace);
void incidents_flush(struct incidents *incidents);
