#pragma once

#include "listener/netconsole.h"

/*
 * What one kernel record says, by its text and by who wrote it.  Pure, and without memory: what
 * came before is proof.h's business.
 */
enum line_kind {
    LINE_PLAIN,
    LINE_PANIC,      /* "Kernel panic - not syncing: " */
    LINE_REBOOTING,  /* "Rebooting in N seconds..": panic() with kernel.panic > 0 */
    LINE_END_MARKER, /* "---[ end Kernel panic - not syncing: " */
    LINE_PRECURSOR,  /* trouble, or a part of a crash's dump; nothing fatal by itself */
    LINE_HALT,       /* an orderly end */
    LINE_BANNER,     /* "Linux version ": a kernel boots */
    LINE_FORGED,     /* a panic line that the kernel did not write */
    LINE_HEARTBEAT,  /* "lastgasp: ...", from the node's own sending side: ours.h reads them */
    LINE_DRILL,
    LINE_LATE,
    LINE_OURS, /* one that we do not know */
};

struct line_class {
    enum line_kind kind;
    enum reason_code code; /* what a precursor hints at */
    enum halt_kind halt;
    struct span what; /* LINE_PANIC, LINE_END_MARKER, LINE_FORGED: the text after "not syncing: " */
};

/* Whether it is of the node's own sending side: whoever wrote it, it proves nothing. */
bool line_is_ours(enum line_kind kind);

struct line_class classify(const struct kernel_record *record);
