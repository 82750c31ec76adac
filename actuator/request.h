#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/record.h"

/*
 * What an intent may ask, checked as if its sender had been taken over: every text that will be
 * part of a path, an annotation or an Event has the form that Kubernetes gives it, the id is the
 * hash that it claims to be, and the times are near ours.  NOW_US is wall time.  False with the
 * field and what is wrong in WHY; nothing is done then.
 */
bool request_check(const struct intent *intent, uint64_t now_us, char why[RECORD_WHY_SIZE]);

/* The same of what people and other processes ask by the control socket. */
bool request_check_report(const struct report *report, char why[RECORD_WHY_SIZE]);
bool request_check_undo(const struct undo *undo, char why[RECORD_WHY_SIZE]);
