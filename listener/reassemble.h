#pragma once

#include "listener/netconsole.h"
#include "listener/whole.h"

/*
 * Puts kernel records together that came in fragments (ncfrag=).  Pure, and bounded: a fixed number
 * of records in progress, of which strangers get a quarter and one source a sixteenth;
 * NETCONSOLE_BODY_MAX bytes kept of each; and a time from its first fragment on.  Whatever ends a
 * record early, its beginning is given out as far as it came.
 *
 * A kernel sends the fragments of one record back to back and then those of the next, so the next
 * record of a source ends the one before.  Not so one that is awaited, for anybody may send from
 * its address: what comes between its fragments does not end it, unless that is fragments of
 * REASSEMBLE_OF_SOURCE others that are awaited too.
 */
#define REASSEMBLE_RECORDS   256
#define REASSEMBLE_OF_SOURCE (REASSEMBLE_RECORDS / 16)

/* Of a record that waits to be whole: what its fragment at 0 had beside its body. */
struct awaited {
    char header[WHOLE_HEADER_SIZE]; /* empty: nobody waits for this one */
    uint16_t port;
    uint64_t received_us;
};

/* A record is whole, or as whole as it gets.  OWNER is the source's index. */
typedef void reassemble_done(void *arg, uint16_t owner, uint64_t kernel_us, struct span body,
                             const struct awaited *awaited);

struct reassemble;

struct reassemble *reassemble_new(uint64_t timeout_us, reassemble_done *done, void *arg);
void reassemble_free(struct reassemble *reassemble);

/* Takes one fragment (which the parser found consistent); AWAITED may be NULL.  DONE may be called
 * before it returns. */
void reassemble_add(struct reassemble *reassemble, uint16_t owner, bool is_node,
                    const struct kernel_record *fragment, const struct awaited *awaited,
                    uint64_t now_us);
/* Gives out what is older than the time-out. */
void reassemble_expire(struct reassemble *reassemble, uint64_t now_us);
/* OWNER is somebody else from now on: what it had in progress is dropped. */
void reassemble_forget(struct reassemble *reassemble, uint16_t owner);
/* How many of the records in progress are awaited. */
size_t reassemble_awaited(const struct reassemble *reassemble);
