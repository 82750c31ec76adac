#pragma once

#include "listener/netconsole.h"

/*
 * Puts kernel records together that came in fragments (ncfrag=), one at a time a source.  Pure,
 * and bounded three ways: a fixed number of records in progress, of which strangers get a quarter;
 * NETCONSOLE_BODY_MAX bytes kept of each; and 5 s from its first fragment on.  Whatever ends a
 * record early, its beginning is given out as far as it came.
 */
#define REASSEMBLE_RECORDS    256
#define REASSEMBLE_TIMEOUT_US (5 * UINT64_C(1000000))

/* A record is whole, or as whole as it gets.  OWNER is the source's index. */
typedef void reassemble_done(void *arg, uint16_t owner, uint64_t kernel_us, struct span body);

struct reassemble;

/* OWNERS: how many sources there can be. */
struct reassemble *reassemble_new(uint16_t owners, reassemble_done *done, void *arg);
void reassemble_free(struct reassemble *reassemble);

/* Takes one fragment (which the parser found consistent).  DONE may be called before it returns. */
void reassemble_add(struct reassemble *reassemble, uint16_t owner, bool is_node,
                    const struct kernel_record *fragment, uint64_t now_us);
/* Gives out what is older than the time-out. */
void reassemble_expire(struct reassemble *reassemble, uint64_t now_us);
/* OWNER is somebody else from now on: what it had in progress is dropped. */
void reassemble_forget(struct reassemble *reassemble, uint16_t owner);
