#pragma once

#include "listener/classify.h"

/*
 * What the node's own sending side writes to /dev/kmsg.  Whoever may write there can write it, and
 * without extended format whoever can send from the node's address: it is never more than words.
 *
 *   lastgasp: heartbeat node=NAME boot=ID every=SECONDS
 *   lastgasp: drill node=NAME boot=ID id=HEX
 *   lastgasp: late boot=ID part=N/M TEXT
 *
 * A late line is one of the kernel's that ran as boot ID, found after the next boot; of its M lines
 * one is the panic's.  Words after those, and keys that are not known, are skipped.
 */
#define OURS_NODE_MAX  253
#define OURS_BOOT_MAX  64
#define OURS_DRILL_MAX 32
#define OURS_EVERY_MAX 28800 /* a third of a day, after which a node is mute in any case */

struct ours {
    struct span node, boot, drill; /* each empty when it is not there, or has no such form */
    uint64_t every_s;              /* 0: not said, or out of bounds */
    struct span text;              /* late: the old kernel's line, without level, time, caller */
};

/* False when TEXT, of a line of KIND, lacks what makes it one.  Points into TEXT. */
bool ours_read(enum line_kind kind, struct span text, struct ours *ours);

/* So many of a kind from one source in some time. */
struct ours_share {
    uint64_t since_us;
    uint32_t taken;
};

/* Whether SHARE has room for one more of KIND; it is taken then. */
bool ours_take(struct ours_share *share, enum line_kind kind, uint64_t now_us);
