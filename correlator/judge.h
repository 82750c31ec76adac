#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/record.h"
#include "correlator/nodemap.h"

/*
 * What follows from a panic, the map, the answers to probes and the time: pure, and the only place
 * that decides it.
 */
enum map_state {
    MAP_MISSING, /* no list was whole yet */
    MAP_STALE,
    MAP_FRESH,
};

enum probe_state {
    PROBE_NONE,   /* nobody is asked: --verify=none */
    PROBE_ASKING, /* it is not known yet */
    PROBE_SILENT,
    PROBE_UNPROBABLE,
    PROBE_ALIVE,
};

struct judge_case {
    enum record_kind kind; /* RECORD_PANIC, RECORD_HALT, RECORD_DRILL or RECORD_LATE */
    enum proof proof;      /* of a panic */
    enum map_state map;
    enum probe_state probe;
    const char *found;       /* what probing found, in words; NULL unless it came to something */
    const char *source;      /* the address that the panic came from */
    const struct node *then; /* whose it was when the panic arrived here, or as soon as that
                                could be known; NULL: nobody's until now */
    enum node_rank rank;     /* with which THEN had it */
    const struct node *now;  /* whose it is now; NULL: nobody's */
    const char *said_node, *said_boot; /* what it says of itself; NULL: nothing */
    const char *old_boot;              /* RECORD_LATE: the boot that it is about */
    uint64_t waited_us;                /* since it arrived here */
    uint64_t age_us;                   /* since the listener's kernel received it */
    uint64_t expire_us;
    bool came_before; /* it was received before the Nodes were known here: THEN may be a later boot */
};

enum judge_step {
    JUDGE_HOLD,    /* the map cannot be relied on: judge again when it can */
    JUDGE_WAIT,    /* no Node has the address, but one that is new may be on its way to us; or, of
                    * late words, the Node does not say yet that it has booted again */
    JUDGE_ASK,     /* the machine is asked: judge again when it is known whether it is dead */
    JUDGE_UNKNOWN, /* no Node has it: acknowledged, counted */
    JUDGE_ALIVE,   /* the machine lives: acknowledged, counted */
    JUDGE_INTENT,  /* an intent of that verdict, about `subject` */
};

#define JUDGE_WORDS_SIZE 1024
#define JUDGE_WAIT_US    (5 * US_PER_SECOND)

struct judged {
    enum judge_step step;
    const struct node *subject;   /* the Node that it is about: THEN, or PAST */
    struct node past;             /* late words: the Node, as the boot that is over */
    enum verdict verdict;         /* of an intent */
    char words[JUDGE_WORDS_SIZE]; /* why, for people; of an intent, and of what lives */
};

void judge(const struct judge_case *c, struct judged *judged);
