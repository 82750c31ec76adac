#pragma once

#include <stdbool.h>

#include "actuator/lease.h"
#include "common/record.h"

/* How far this actuator may go at all (--mode). */
enum mode { MODE_OBSERVE, MODE_ANNOTATE, MODE_PODS, MODE_NODE };
extern const char *const mode_names[];

/*
 * What an incident's evidence gives the right to.  Each includes the ones before it.
 *   history  a row in the database, and nothing in the cluster
 *   tell     Events
 *   cordon   the Node annotated and cordoned, Events on its pods' owners
 *   remove   pods Failed and deleted, out-of-service taint, Node deleted
 */
enum right { RIGHT_HISTORY, RIGHT_TELL, RIGHT_CORDON, RIGHT_REMOVE };
extern const char *const right_names[];

/*
 * The table of rights: by the correlator's verdict, and by what our own reading of the Node's Lease
 * says now.  A verdict that nobody verified gives a right only to those who said that they accept
 * it (--accept-unverified).  What is only reported never gives more than to tell of it: when a
 * probe finds the machine silent, the verdict becomes that.  How old the evidence may be is not in
 * here: see remedy_gate.c.
 */
enum right rights_of(enum verdict verdict, enum lease_state lease, bool accept_unverified);

/* Whether the verdict and cause of a later intent of the same boot say more than those before: what
 * was probed outweighs what was not, and a machine that goes down in order can still panic.  A halt
 * says nothing more once there was a panic, unless that gave no right at all. */
bool rights_say_more(enum verdict verdict, enum cause cause, enum verdict before,
                     enum cause cause_before);

/* Whether VERDICT asks for nothing but to be told: a drill, and what a node says late of a boot
 * that is over.  Nothing that such an incident knows ever gives another right. */
bool rights_only_tell(enum verdict verdict);

/* Whether the right depends on the Lease, so that it has to be read. */
bool rights_need_lease(enum verdict verdict, bool accept_unverified);
