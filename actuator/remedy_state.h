#pragma once

#include "actuator/remedy.h"
#include "common/memory.h"

/*
 * Inside the remedy: its state, shared by the files that move it (remedy.c: what is sent;
 * remedy_advance.c: what follows; remedy_gate.c: what may be sent now; remedy_class.c: what a
 * status means; remedy_node.c, remedy_lease.c, remedy_pods.c, remedy_events.c, remedy_tell.c,
 * remedy_end.c: the steps).
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
    bool daemon, keeps;
    bool finished; /* marked before a crash, by us: only its DELETE is missing */
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
    size_t deleted, told, finished, mirror, gone, refused, kept;
};

/* The incident ends when the Node's marks are undone. */
struct ending {
    bool begun;
    bool read; /* the Node was read since */
    enum outcome outcome;
    char detail[256];
};

struct remedy {
    struct remedy_plan plan;
    enum mode level; /* the smallest of what the mode, the verdict, a halt and the Node allow */
    struct halts_limit halt;
    const char *opted_out; /* why the Node made it less; NULL: it did not */
    uint64_t now_us;       /* of the call under way */
    struct arena arena;

    struct queue acts, tells, waiting;
    struct queue held; /* pods' requests that the gate let not through */
    size_t in_flight, events_in_flight;
    struct remedy_task node_task, list_task, lease_task;

    /* what the gate looks at */
    uint64_t evidence_us;         /* until when the machine was silent; 0: not known */
    uint64_t identified_until_us; /* the Node was read, and was the one: that counts so long */
    uint64_t stopped_us;          /* when we last were stopped; 0: never */
    bool read_late;               /* it was read, but the answer came too late to count */
    struct lease lease;
    bool lease_begun;   /* it is read, again and again */
    bool lease_refused; /* it cannot be read, and is asked for less often */
    const struct lease_witnesses *witnesses;
    enum lease_state lease_said; /* in the history */
    enum remedy_leave leave;
    bool may_write;
    const char *held_for;  /* what it waits for; NULL: nothing */
    uint64_t held_said_us; /* when that is to be said; UINT64_MAX: never, or it was */

    /* the Node */
    struct answer_node *node; /* as last read; NULL before */
    bool looked;              /* was its Ready Unknown?  lease.lost_before */
    bool report_told;         /* what was only reported */
    bool marked;              /* annotated and cordoned */
    bool mark_is_old;         /* what is in flight says another cause */
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
    bool released;     /* pods may be touched, for this: */
    enum mode released_level;
    bool events_queued;
    bool event_refused;              /* and it was said */
    size_t events_open, events_lost; /* queued or in flight; never answered, or refused */
    bool anew;     /* pods were told of another cause, and perhaps may be removed now */
    bool removing; /* a request was sent after which a pod or the Node may be gone */
    char *continue_token;
    uint64_t version; /* the highest that a list or a pod's write returned */
    struct tally tally;
    const char *refusal; /* the first pod's; of what is only told, the first Event's */

    struct ending ending;
    bool over;
    enum outcome outcome;
    char detail[512];
    char words[512];
    char said[512];
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

/* remedy_queue.c */
void remedy_push(struct queue *queue, struct remedy_task *task);
void remedy_push_front(struct queue *queue, struct remedy_task *task);
struct remedy_task *remedy_pop(struct queue *queue); /* NULL: it is empty */
/* Moves what has waited long enough to the head of its queue: it was there before the rest. */
void remedy_wake(struct remedy *remedy);
/* Queues TASK, DELAY_US from now. */
void remedy_postpone(struct remedy *remedy, struct remedy_task *task, uint64_t delay_us);
/* Forgets what waits to be sent, but for the Events. */
void remedy_drop(struct remedy *remedy);

/* remedy.c */
/* Queues the one request about the Node that there is at a time, DELAY_US from now. */
void remedy_ask_node(struct remedy *remedy, enum remedy_kind kind, uint64_t delay_us);
/* Ends the incident; what waits to be sent is dropped, but for the Events. */
void remedy_settle(struct remedy *remedy, enum outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void remedy_say(struct remedy *remedy, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* remedy_advance.c */
/* Goes on to whatever the state allows now. */
void remedy_advance(struct remedy *remedy);
/* Pods' requests that the gate did not let through go back into the queue when it would. */
void remedy_let_through(struct remedy *remedy);

/* remedy_gate.c */
enum right remedy_right(const struct remedy *remedy);
/* The same, if the Lease were in that state. */
enum right remedy_right_with(const struct remedy *remedy, enum lease_state lease);
/* NULL when a request of KIND may be sent now if it is identified, else what it waits for. */
const char *remedy_barred(const struct remedy *remedy, enum remedy_kind kind);
/* NULL when the evidence is enough for KIND, whoever may do it, else what it lacks. */
const char *remedy_lacks_evidence(const struct remedy *remedy, enum remedy_kind kind);
/* What to wait for if the Node is read, but so slowly that it proves nothing; NULL: it is not. */
const char *remedy_lacks_reading(const struct remedy *remedy);
/* Whether the Node was read lately enough for a request of KIND. */
bool remedy_is_identified(const struct remedy *remedy, enum remedy_kind kind);
/* The Node was read by a request sent at SENT_US, and it is the one that died. */
void remedy_identify(struct remedy *remedy, uint64_t sent_us);
/* It waits for WHY now; NULL: for nothing. */
void remedy_hold(struct remedy *remedy, const char *why);
/* Says in the history what it has waited for, once. */
void remedy_say_held(struct remedy *remedy);

/* remedy_lease.c */
/* Reads the Lease from now on, if the right depends on it. */
void remedy_lease_begin(struct remedy *remedy);
/* All that is missing is a reading that is fresh (with many incidents open they are rare): now. */
void remedy_lease_hasten(struct remedy *remedy);
/* Says in the history when it lapses and so on, also when that is because of the others. */
void remedy_lease_say(struct remedy *remedy);
void remedy_lease_answered(struct remedy *remedy, enum answer_class class,
                           const struct remedy_answer *answer);
/* How it lapsed, in words that live as long as the remedy; NULL: it has not. */
const char *remedy_lease_words(struct remedy *remedy);

/* remedy_end.c */
/* Stops, undoes the Node's marks, and then ends like this. */
void remedy_undo(struct remedy *remedy, enum outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void remedy_advance_ending(struct remedy *remedy);
void remedy_undone(struct remedy *remedy);
void remedy_expire(struct remedy *remedy);
/* The Node opted out when the removal of its pods had begun: the rest is left. */
void remedy_opt_out(struct remedy *remedy);
/* Nothing is to be written: says what would have been, once the evidence has come that far. */
void remedy_observe(struct remedy *remedy);

/* remedy_node.c */
/* How far one may go with this verdict, and with this Node, once it was read. */
void remedy_set_level(struct remedy *remedy);
void remedy_node_answered(struct remedy *remedy, enum remedy_kind kind, enum answer_class class,
                          struct remedy_answer *answer);
/* All pods are done: what remains to be done about the Node. */
void remedy_finish_node(struct remedy *remedy);

/* remedy_tell.c */
/* What is nothing but told (rights_only_tell()). */
void remedy_tell_begin(struct remedy *remedy);
void remedy_tell_advance(struct remedy *remedy);
/* Whether POD belonged to the boot that died, of a remedy that tells of one. */
bool remedy_tells_of(const struct remedy *remedy, const struct answer_pod *pod);

/* remedy_pods.c */
void remedy_list(struct remedy *remedy);
void remedy_listed(struct remedy *remedy, enum answer_class class,
                   const struct remedy_answer *answer);
void remedy_pod_answered(struct remedy *remedy, struct remedy_task *task, enum answer_class class,
                         const struct remedy_answer *answer);
/* The pods that were listed may be touched, and those that will be. */
void remedy_release_pods(struct remedy *remedy);
/* All pods that were listed are done, for less than may be done now: forgets and lists them. */
void remedy_list_anew(struct remedy *remedy);
/* "28 pods deleted, 2 told, 1 had finished" into OUT. */
void remedy_count(const struct remedy *remedy, char *out, size_t cap);

/* remedy_events.c */
void remedy_tell_node(struct remedy *remedy, const char *more);
/* What more is known now that pods are to be removed. */
void remedy_tell_removal(struct remedy *remedy);
/* What became of one that was sent: it was answered, or is given up. */
void remedy_event_answered(struct remedy *remedy, enum answer_class class,
                           const struct remedy_answer *answer);
void remedy_event_lost(struct remedy *remedy, const struct remedy_answer *answer);
void remedy_tell_owners(struct remedy *remedy);
void remedy_tell_pods(struct remedy *remedy); /* and their owners */
