#pragma once

#include <stdint.h>

#include "actuator/engine.h"
#include "actuator/turn.h"

/*
 * The command `report`: another process than the kernel knows that a node is lost.  Its Node is
 * read, and makes with it what a prober's intent makes, of the verdict `reported`: one incident a
 * boot, which a panic of the same boot joins.  It is done once that is on disk.
 */
struct reports;

struct reports_setup {
    struct kube_client *client;
    const struct names *names;
    struct incidents *incidents;
    struct people *people;
    struct engine *engine;
    struct turn *turn;
    struct ledger *ledger; /* NULL: nothing is written */
    uint64_t *counts;      /* by enum count_of */
    /* Once a ticket: done (WHY is NULL), or not. */
    void (*answer)(void *arg, uint64_t ticket, const char *why);
    void *arg;
};

/* SETUP is copied; what it points to outlives the reports. */
struct reports *reports_new(const struct reports_setup *setup);
void reports_free(struct reports *reports);

void reports_ask(struct reports *reports, uint64_t ticket, const struct report *report);

/* What came of TICKET is on disk as incident ID. */
void reports_taken(struct reports *reports, uint64_t ticket, const char *id);
