#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actuator/answers.h"
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
    REMEDY_MARK_NODE, /* annotate and cordon */
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
    const struct answer_node *node; /* MARK_NODE, TAINT_NODE, DELETE_NODE: as last read */
    const struct remedy_pod *pod;   /* MARK_POD, DELETE_POD */
    bool plain;                     /* MARK_POD: without annotations, for they were refused */
    const struct remedy_event *event;
    uint64_t not_older_than;    /* LIST_PODS; 0: whatever the watch cache has */
    const char *continue_token; /* LIST_PODS; NULL: the first page */
    struct remedy_task *task;   /* remedy's own */
};

struct remedy_answer {
    unsigned status;                /* HTTP's; 0: no whole answer, or one that could not be read */
    const char *message;            /* what a person is told when it is not 2xx */
    const char *field;              /* of a 422: the field that was refused, or "" */
    uint64_t retry_after_us;        /* 0: the server named none */
    struct answer_node *node;       /* READ_NODE, MARK_NODE, TAINT_NODE: remedy takes it over */
    const struct answer_pods *pods; /* LIST_PODS */
    uint64_t version;               /* MARK_POD, DELETE_POD: the written pod's, 0: not there */
    unsigned chance;                /* 0 to 999, from outside: spreads what is tried again */
};

enum remedy_dry { REMEDY_REAL, REMEDY_DRY_LOCAL, REMEDY_DRY_SERVER };

struct remedy_plan {
    const char *uid, *boot; /* outlive the remedy */
    enum verdict verdict;
    enum mode mode;
    enum right right;
    enum remedy_dry dry;
    uint64_t expires_us;
};

struct remedy;

struct remedy *remedy_new(const struct remedy_plan *plan);
void remedy_free(struct remedy *remedy);

/* Two kinds of requests: what lets pods start elsewhere, and what only tells people. */
enum remedy_urgency { REMEDY_ACT, REMEDY_TELL };

/*
 * The next request of URGENCY that may be sent at NOW_US, which counts as sent then; false when
 * there is none until an answer comes or remedy_wake_us().
 */
bool remedy_next(struct remedy *remedy, enum remedy_urgency urgency, uint64_t now_us,
                 struct remedy_request *request);
uint64_t remedy_wake_us(const struct remedy *remedy); /* UINT64_MAX: nothing waits */

/*
 * The answer to a request that remedy_next() gave out.  Returns words for the incident's history
 * when a step was done or something went wrong, else NULL; valid until the next call.
 */
const char *remedy_answered(struct remedy *remedy, const struct remedy_request *request,
                            struct remedy_answer *answer, uint64_t now_us);

/* Pods whose end was not reported yet, one a call; NULL: no more. */
const struct remedy_pod *remedy_next_ended(struct remedy *remedy);

/* The evidence was taken back (WHY): it ends as retracted, unless a pod's DELETE was sent. */
void remedy_retract(struct remedy *remedy, const char *why);

/* Whether the incident has ended, and how.  Events may still be outstanding then. */
bool remedy_is_over(const struct remedy *remedy, enum outcome *outcome, const char **detail);

/* Nothing is in flight, and there is nothing left to send: it may be freed. */
bool remedy_is_idle(const struct remedy *remedy);
