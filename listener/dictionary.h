#pragma once

#include "listener/netconsole.h"

/*
 * What the dictionary of a kernel record says, as far as it can be believed: what root configured
 * (userdata) comes first, then what the kernel adds (sysdata: cpu, taskname, release, msgid, in
 * this order).  A task names itself as it likes, with newlines too, so after a task's name only
 * what the kernel can still add is believed; and of two values of a key the first stands.
 */
#define DICTIONARY_NODE  "node"
#define DICTIONARY_BOOT  "boot"
#define DICTIONARY_KDUMP "kdump" /* 1: a crash kernel is loaded */
#define DICTIONARY_TOKEN "token" /* a secret: it goes nowhere */

struct dictionary {
    struct span rest; /* a kernel record's */
    bool after_task;
};

bool dictionary_next(struct dictionary *dictionary, struct span *key, struct span *value);

bool dictionary_is(struct span key, const char *name);
/* The value of NAME, empty when it has none. */
struct span dictionary_find(struct span dictionary, const char *name);
