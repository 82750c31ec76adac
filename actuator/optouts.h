#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "actuator/answers.h"
#include "actuator/names.h"
#include "actuator/rights.h"

/*
 * Who does not want to be touched, or not so far: one table, over the Node's own labels and
 * annotations and over what this host was started with.  Pure.
 */
#define OPTOUTS_SELECTOR_MAX 16

struct optouts {
    const struct names *names;
    const char *own_boot; /* of the machine that we run on; "" when it is not known */
    bool include_control_plane;
    size_t selector_count; /* labels that a Node must have (--node-selector) */
    struct answer_pair selector[OPTOUTS_SELECTOR_MAX];
};

/* Parses "K=V,K=V" (kept by reference, TEXT is changed) into OPTOUTS; false when it is not that. */
bool optouts_select(struct optouts *optouts, char *text);

/* optouts_read.c: what this host was started with, and where it runs.  False with a message logged
 * when SELECTOR (may be NULL) is none, or where it runs is not known and MODE is one that writes. */
bool optouts_read(struct optouts *optouts, enum mode mode, char *selector);

struct optout {
    enum mode most;  /* how far one may go with this Node */
    const char *why; /* NULL: nobody opted out */
};

struct optout optouts_of(const struct optouts *optouts, const struct answer_node *node);
