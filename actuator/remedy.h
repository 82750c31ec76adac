#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actuator/answers.h"
#include "actuator/halts.h"
#include "actuator/lease.h"
#include "actuator/optouts.h"
#include "actuator/rights.h"
#include "common/record.h"

/*
 * What is done about one dead node, as a pure step machine: it says which requests may be sent
 * now, is told what was answered, and in the end says how the incident ended.  It does no I/O and
 * reads no clock, so that tests, both dry runs and resuming after a crash are the same function
 * with another shell around it.  All times are monotonic microseconds, given by the caller.
 */
enum remedy_kind {
    REMEDY_READ_NODE,
    REMEDY_READ_LEASE,
    REMEDY_MARK_NODE,  /* annotate and cordon */
    REMEDY_CLEAR_NODE, /* take the marks away again */
    REMEDY_LIST_PODS,
    REMEDY_MARK_POD,
    REMEDY_DELETE_POD,
    REMEDY_TAINT_NODE, /* out of service, for the volumes' sake */
    REMEDY_DELETE_NODE,
    REMEDY_EVENT,
};

/* What a pod's one patch carries. */
enum remedy_mark {
    REMEDY_MARK_REMOVE, /* annotations, Failed and conditions: DELETE follows */
    REMEDY_MARK_DAEMON, /* annotations and Ready=False */
    REMEDY_MARK_TELL,   /* annotations */
    REMEDY_MARK_NOTHING,
};

struct remedy_owner {
    const char *namespace, *api, *kind, *name, *uid;
    size_t pods; /* of this owner, on the node, that die with it */
};

struct remedy_pod {
    const char *namespace, *name, *uid;
    const struct remedy_owner *owner; /* NULL: none */
    enum remedy_mark mark;
    const char *done; /* NULL, or how it ended: "deleted", "left: has finished" */
};

/* About a pod, about an owner, or (both NULL) about the Node. */
struct remedy_event {
    const struct remedy_pod *pod;
    const struct remedy_owner *owner;
    const char *more; /* what the note says at its end, or NULL */
};

struct remedy_task;

/* What it points to is valid until the request is answered, but for NODE: until the next call. */
struct remedy_request {
    enum remedy_kind kind;
    const struct answer_node *node; /* of the requests that write it: as last read */
    const struct remedy_pod *pod;   /* MARK_POD, DELETE_POD */
    bool plain;                     /* MARK_POD: without annotations, for they were refused */
    const struct remedy_event *event;
    uint64_t not_older_than;    /* LIST_PODS; 0: whatever the watch cache has */
    const char *continue_token; /* LIST_PODS; NULL: the first page */
    struct remedy_task *task;   /* remedy's own */
};

struct remedy_answer {
    unsigned status;          /* HTTP's; 0: no whole answer, or one that could not be read */
    const char *message;      /* what a person is told when it is not 2xx */
    const char *reason;       /* Status.reason of an answer that is not 2xx, or "" */
    const char *field;        /* of a 422: the field that was refused, or "" */
    uint64_t sent_us;         /* when the request was sent */
    uint64_t retry_after_us;  /* 0: the server named none */
    struct answer_node *node; /* READ_NODE, MARK_NODE, ...: remedy takes it over */
    const struct lease_reading *lease; /* READ_LEASE */
    const struct answer_pods *pods;    /* LIST_PODS */
    uint64_t version;                  /* MARK_POD, DELETE_POD: the written pod's, 0: not there */
    unsigned chance;                   /* 0 to 999, from outside: spreads what is tried again */
};

enum remedy_dry { REMEDY_REAL, REMEDY_DRY_LOCAL, REMEDY_DRY_SERVER };

/* Texts and pointers outlive the remedy. */
struct remedy_plan {
    const char *uid, *boot;
    enum verdict verdict;
    enum cause cause;
    enum reason_code reason_code;
    enum mode mode;
    enum on_halt on_halt;
    enum remedy_dry dry;
    bool accept_unverified;
    bool lost_before; /* known from before a restart: Ready was Unknown at the first look */
    bool looked;      /* there was a first look before the restart */
    bool deleted;     /* before the restart: nothing is left to do */
    const struct optouts *optouts;
    const uint64_t *lease_every_us; /* how often the Lease is read; it may change */
    uint64_t expires_us;
    uint64_t booted_us; /* VERDICT_LATE: pods that started before belonged to the boot that died;
                           wall time, RECORD_ABSENT: not known */
};

struct remedy;

struct remedy *remedy_new(const struct remedy_plan *plan);
void remedy_free(struct remedy *remedy);

/*
 * What the remedy has to be told, beside answers.  Requests that may not be sent yet wait in it,
 * and remedy_next() gives them out once they may.
 */

/* The machine did not answer a probe until AT_US (monotonic). */
void remedy_evidence(struct remedy *remedy, uint64_t at_us, uint64_t now_us);

/* A later intent of the same boot: what says more takes the place of what was there
 * (rights_say_more()), and its time is that of the last panic, until EXPIRES_US (monotonic). */
void remedy_merge(struct remedy *remedy, const struct intent *intent, uint64_t expires_us,
                  uint64_t now_us);

/* Whether it reads the Node's Lease, or will, and compares it with those of others. */
bool remedy_needs_lease(const struct remedy *remedy);
/* The Leases to compare with; they may change, and outlive the remedy. */
void remedy_set_witnesses(struct remedy *remedy, const struct lease_witnesses *witnesses);

enum remedy_leave {
    REMEDY_LEAVE_UNKNOWN, /* nobody asked yet */
    REMEDY_LEAVE_WAIT,    /* limits, a latch or a pause */
    REMEDY_LEAVE_ELSEWHERE,
    REMEDY_LEAVE_GRANTED,
};

/* Whether leave has to be asked for: it has a right to write and wants to use it. */
bool remedy_wants_leave(struct remedy *remedy, uint64_t now_us);

/* To be told before each remedy_next(): MAY_WRITE is about anything, LEAVE about a dead node. */
void remedy_set_leave(struct remedy *remedy, enum remedy_leave leave, bool may_write,
                      uint64_t now_us);

/* We were stopped for a while, until NOW_US: what was read or asked for before is not fresh. */
void remedy_stopped(struct remedy *remedy, uint64_t now_us);

/*
 * The evidence was taken back.  Nothing more is removed, and what was set on the Node is undone; it
 * ends as retracted (rebooted, recreated), or as partial when something was removed already.
 */
void remedy_retract(struct remedy *remedy, enum retract_why why, uint64_t now_us);

/* The same because a person, BY, asked for it. */
void remedy_give_up(struct remedy *remedy, const char *by, uint64_t now_us);

/* Two kinds of requests: what lets pods start elsewhere, and what only tells people. */
enum remedy_urgency { REMEDY_ACT, REMEDY_TELL };

/*
 * The next request of URGENCY that may be sent at NOW_US, which is under way then; false when
 * there is none until an answer comes or remedy_wake_us().
 */
bool remedy_next(struct remedy *remedy, enum remedy_urgency urgency, uint64_t now_us,
                 struct remedy_request *request);
uint64_t remedy_wake_us(const struct remedy *remedy); /* UINT64_MAX: nothing waits */

/*
 * REQUEST, which writes and was given out before, is to go out at NOW_US: to be asked in that
 * moment, for between the two it may have waited for a connection.  True: it counts as sent.
 * False: it must not go; answered with status 0 it is tried again when the gate lets it through.
 */
bool remedy_may_leave(struct remedy *remedy, const struct remedy_request *request, uint64_t now_us);

/* Whether REQUEST is one that the ledger has to allow: about a dead node. */
bool remedy_needs_leave(const struct remedy_request *request);

/* The answer to a request that remedy_next() gave out. */
void remedy_answered(struct remedy *remedy, const struct remedy_request *request,
                     struct remedy_answer *answer, uint64_t now_us);

/* Words for the incident's history, when a step was done or something went wrong since the last
 * call, else NULL; valid until the next call. */
const char *remedy_said(struct remedy *remedy);

/* Where it stands, for people. */
enum remedy_stand { REMEDY_OPEN, REMEDY_HELD, REMEDY_ACTING };
enum remedy_stand remedy_stand(const struct remedy *remedy);

/* The Node as last read, NULL before. */
const struct answer_node *remedy_node(const struct remedy *remedy);

/* Whether the Node was looked at, and whether it had been lost before: to be remembered. */
bool remedy_looked(const struct remedy *remedy, bool *lost_before);

/* Pods whose end was not reported yet, one a call; NULL: no more. */
const struct remedy_pod *remedy_next_ended(struct remedy *remedy);

/* Whether it undoes what was set, and ends then whatever comes. */
bool remedy_is_ending(const struct remedy *remedy);

/* Whether the incident has ended, and how.  Events may still be outstanding then. */
bool remedy_is_over(const struct remedy *remedy, enum outcome *outcome, const char **detail);

/* Nothing is in flight, and there is nothing left to send: it may be freed. */
bool remedy_is_idle(const struct remedy *remedy);
