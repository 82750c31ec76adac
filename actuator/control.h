#pragma once

#include <stdbool.h>

#include "common/record.h"

struct event_base;
struct ledger;

/*
 * The socket that people talk to: `pause` and `resume`, each acknowledged once it is written to the
 * ledger and so holds for every host.  By hand (shut-none: half a connection is none):
 *
 *   echo '{"v":1,"type":"pause","id":"1"}' | socat -t 10 - UNIX-CONNECT:PATH,type=5,shut-none
 */
struct control;

/* LEDGER, which outlives the control, may be NULL: this actuator writes nothing, and refuses.  NULL
 * with a message logged when there can be no socket at PATH. */
struct control *control_new(struct event_base *base, const char *path, struct ledger *ledger);
void control_free(struct control *control);

/* The other end, for a command: asks the actuator at PATH for KIND (pause or resume) and waits
 * until it holds for every host, 10 s at most.  False with the reason in ERROR. */
#define CONTROL_ERROR_SIZE 512
bool control_ask(const char *path, enum record_kind kind, char error[CONTROL_ERROR_SIZE]);
