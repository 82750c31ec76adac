#pragma once

#include "listener/netconsole.h"

/*
 * A kernel record that came in fragments, written as the one datagram that it would have been: so
 * that whoever reads datagrams (a slot of the pending file) can keep it.
 */
#define WHOLE_HEADER_SIZE 128

/* The header of RECORD, a fragment, up to and with the ';', without ncfrag=. */
void whole_header(const struct kernel_record *record, char header[WHOLE_HEADER_SIZE]);

/* HEADER with BODY behind it; returns the size.  What is too long is cut: the text first, then the
 * end of the dictionary, but never node= and boot=.  The token is left out. */
size_t whole_print(const char *header, struct span body, char out[NETCONSOLE_DATAGRAM_MAX]);
