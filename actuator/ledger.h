#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "actuator/limits.h"

struct event_base;
struct kube_client;

/*
 * Which host acts, and how many nodes all hosts together have touched lately: one Lease object,
 * `lastgasp` in the namespace `lastgasp`, which all of them share (systemd/kubernetes/ledger.yaml).
 * Only for an actuator that writes: neither in the mode `observe` nor in a dry run.
 */
struct ledger;

enum ledger_answer {
    LEDGER_GRANTED,   /* it is paid for: go on */
    LEDGER_WAIT,      /* not now: ask again when `changed` is called */
    LEDGER_ELSEWHERE, /* another host acts; ask again when `changed` is called */
};

struct ledger_setup {
    struct event_base *base;
    /* Best one of its own: behind the connection of a thousand pod writes a renewal comes late. */
    struct kube_client *client;
    const char *identity; /* no two processes that live at a time share it: incidents_identity() */
    const struct limits *limits;
    uint64_t *failures; /* requests that could not be carried out, a missing ledger's too */
    /* An answer may be another one now.  From the loop, never from inside a call of these; what
     * still wants in has to ask within a second, in its order (what is asked first gets in first).
     */
    void (*changed)(void *arg);
    void *arg;
};

/* SETUP is copied; what it points to outlives the ledger. */
struct ledger *ledger_new(const struct ledger_setup *setup);
/* Calls nothing back.  Give the ledger up before, by ledger_release(). */
void ledger_free(struct ledger *ledger);

/*
 * Whether NODE, in ZONE (the label topology.kubernetes.io/zone; "" without one), may be touched
 * now.  GRANTED holds for 5 s, then ask again before the next write about it; that costs nothing
 * while it is worked on, for each renewal pays for it again.  A node counts until one window after
 * it was last asked for, however often it is.
 */
enum ledger_answer ledger_ask(struct ledger *ledger, const char *node, const char *zone);

/* To be asked in the moment of each write: we act, nobody has paused us, and the last renewal began
 * no more than 10 s ago. */
bool ledger_may_write(const struct ledger *ledger);

/* The same, but for the pause. */
bool ledger_leads(const struct ledger *ledger);

/* Who acts, when that is another host and known; else NULL.  Valid until the next turn. */
const char *ledger_elsewhere(const struct ledger *ledger);

/* Who acts, what stops it, how much is left of the limits, for people: see ledger_words.h. */
void ledger_describe(const struct ledger *ledger, char *words);

/*
 * Pauses every host, or lets them go on after a pause or a latch.  A pause holds here at once, and
 * there as soon as it is written, which is tried until it succeeds; then WRITTEN is called.  A
 * later call takes the place of one that is not written yet.
 */
void ledger_pause(struct ledger *ledger, bool pause, void (*written)(void *arg), void *arg);

/* How it is, for people. */
struct ledger_view {
    bool paused, latched;
    size_t touched; /* Nodes in the window */
};
struct ledger_view ledger_look(const struct ledger *ledger);

/* Gives the leadership up, so that another host need not wait for 15 s, and asks for it no more.
 * DONE is called when that is written or cannot be; nothing may be written after this call. */
void ledger_release(struct ledger *ledger, void (*done)(void *arg), void *arg);
