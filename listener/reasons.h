#pragma once

#include "listener/netconsole.h"

/* The code for what a kernel gave as its reason: the text after "Kernel panic - not syncing: ". */
enum reason_code reason_code_of(struct span text);

/*
 * Writes the reason for people, printable, into OUT: the kernel's own WHAT, on one line, and where
 * an oops led to the panic what that was (oops.h), found in the COUNT lines before it:
 * "Fatal exception in interrupt (NULL pointer dereference at 0000000000000010 in nvidia_open)".
 */
void reason_write(enum reason_code code, struct span what, const struct span *lines, size_t count,
                  char *out, size_t cap);

/* Whether reason_write() looks at the lines at all. */
bool reason_comes_from_oops(enum reason_code code);
