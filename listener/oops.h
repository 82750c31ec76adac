#pragma once

#include "listener/netconsole.h"

/*
 * The oops that led to a panic, read from the lines before it.  "Fatal exception" says nothing;
 * the dump in front of it says what was wrong, where, and in whose name.
 */
struct oops {
    struct span what;     /* "NULL pointer dereference", "kernel BUG at mm/slub.c:305" */
    struct span address;  /* as the kernel printed it; empty when it named none */
    struct span function; /* without offset */
    struct span module;   /* empty for built-in code */
    struct span task;     /* comm */
    struct span pid;
};

/*
 * Finds the last oops in COUNT lines (as a console shows them, oldest first).  False when there
 * is none.  What it gives out points into the lines.
 */
bool oops_find(const struct span *lines, size_t count, struct oops *oops);

/* Whether LINE is the header with its "[#N]" that every die() prints, once an oops. */
bool oops_is_header(struct span line);

#define OOPS_TEXT_SIZE 192

/*
 * "WHAT[ at ADDRESS][ in FUNCTION[ [MODULE]]][, task COMM]", printable:
 * "NULL pointer dereference at 0000000000000010 in nvidia_open [nvidia], task Xorg".
 */
const char *oops_print(const struct oops *oops, char text[OOPS_TEXT_SIZE]);
