#pragma once

#include "actuator/remedy.h"
#include "common/memory.h"

/*
 * Inside the remedy: its state, shared by the files that move it (remedy.c: what is sent and
 * what follows; remedy_class.c: what a status means; remedy_node.c, remedy_pods.c,
 * remedy_events.c: the steps).
 */

/* One request that will have to be made: it is in one of the queues, or in flight, or idle. */
struct remedy_task {
    enum remedy_kind kind;
    struct pod *pod;
    struct event_of *event;
    unsigned tries; /* in a row, that failed for the moment */
    bool plain;
    uint64_t not_before_us;
    struct remedy_task *next;
};

struct queue {
    struct remedy_task *first, *last;
};

struct pod {
    struct remedy_pod seen;
    struct remedy_task task;
    struct pod *next, *next_ended;
};

struct owner_of {
    struct remedy_owner seen;
    struct owner_of *next;
};

struct event_of {
    struct remedy_event seen;
    struct remedy_task task;
};

/* How pods ended, for the detail of the outcome. */
struct tally {
    size_t deleted, told, finished, mirror, gone, refused;
};

struct remedy {
    struct remedy_plan plan;
    enum mode level; /* the smaller of what the mode and the evidence allow */
    uint64_t now_us; /* of the call under way */
    struct arena arena;

    struct queue acts, tells, waiting;
    size_t in_flight, events_in_flight;
    struct remedy_task node_task, list_task;

    /* the Node */
    struct answer_node *node; /* as last read; NULL before */
    bool marked;              /* annotated and cordoned: pods may be touched */
    bool node_busy;           /* the request about the Node is queued or in flight */
    bool tainted;
    bool node_delete_sent;     /* and not refused: if the Node is gone now, it was us */
    unsigned conflicts;        /* in a row */
    uint64_t volumes_until_us; /* 0: none were seen attached */

    /* the pods */
    struct pod *pods, *ended, *last_ended;
    struct owner_of *owners;
    size_t open;       /* pods that still need a request */
    size_t daemons;    /* pods that stay, told */
    bool list_whole;   /* the last list is complete */
    bool list_settled; /* it began after the Node was marked */
    bool list_found;   /* it showed a pod that needs a request */
    bool events_queued;
    bool event_refused; /* and it was said */
    bool delete_sent; /* of a pod or the Node */
    char *continue_token;
    uint64_t version; /* the highest that a list or a pod's write returned */
    struct tally tally;
    const char *refusal; /* the first pod's */

    bool over;
    enum outcome outcome;
    char detail[512];
    char words[512];
};

/* How an answer is to be taken; which status means what depends on the kind of request. */
enum answer_class {
    ANSWER_DONE,
    ANSWER_GONE,     /* the object that was meant is not there any more */
    ANSWER_CONFLICT, /* it changed meanwhile: read again and judge again */
    ANSWER_LATER,    /* a passing failure */
    ANSWER_NEVER,    /* refused for good */
};

/* remedy_class.c */
/* TRIES: how often in a row this request was to be tried again. */
enum answer_class remedy_class(enum remedy_kind kind, unsigned tries,
                               const struct remedy_answer *answer);
/* 0.2 s doubling to 5 s, spread by a quarter either way. */
uint64_t remedy_backoff(unsigned tries, unsigned chance);

/* remedy.c */
void remedy_push(struct queue *queue, struct remedy_task *task);
void remedy_push_front(struct queue *queue, struct remedy_task *task);
/* Queues the one request about the Node that there is at a time, DELAY_US from now. */
void remedy_ask_node(struct remedy *remedy, enum remedy_kind kind, uint64_t delay_us);
/* Ends the incident; what waits to be sent is dropped, but for the Events. */
void remedy_settle(struct remedy *remedy, enum outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void remedy_say(struct remedy *remedy, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Goes on to whatever the state allows now. */
void remedy_advance(struct remedy *remedy);

/* remedy_node.c */
void remedy_node_answered(struct remedy *remedy, enum remedy_kind kind, enum answer_class class,
                          struct remedy_answer *answer);
/* All pods are done: what remains to be done about the Node. */
void remedy_finish_node(struct remedy *remedy);

/* remedy_pods.c */
void remedy_list(struct remedy *remedy);
void remedy_listed(struct remedy *remedy, enum answer_class class,
                   const struct remedy_answer *answer);
void remedy_pod_answered(struct remedy *remedy, struct remedy_task *task, enum answer_class class,
                         const struct remedy_answer *answer);
/* The Node is marked: the pods that were listed meanwhile may be sent. */
void remedy_release_pods(struct remedy *remedy);
/* "28 pods deleted, 2 told, 1 had finished" into OUT. */
void remedy_count(const struct remedy *remedy, char *out, size_t cap);

/* remedy_events.c */
void remedy_tell_node(struct remedy *remedy, const char *more);
void remedy_tell_pods(struct remedy *remedy);
