#pragma once

#include <stdbool.h>

#include "common/record.h"

/* How far this actuator may go at all (--mode). */
enum mode { MODE_OBSERVE, MODE_ANNOTATE, MODE_PODS, MODE_NODE };
extern const char *const mode_names[];

/*
 * What an incident's evidence gives the right to.  Each includes the ones before it.
 *   history  a row in the database, and nothing in the cluster
 *   tell     Events, annotations, cordon
 *   remove   pods Failed and deleted, out-of-service taint, Node deleted
 */
enum right { RIGHT_HISTORY, RIGHT_TELL, RIGHT_REMOVE };
extern const char *const right_names[];

/*
 * The table of rights.  A verdict that nobody verified gives a right only to those who said that
 * they accept it (--accept-unverified); a verdict by probe needs the Node's Lease beside it, which
 * this version does not read yet, so it gives the history only.
 */
enum right rights_of(enum verdict verdict, enum cause cause, bool accept_unverified);
