#pragma once

#include "common/digest.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What the kernel said around a panic: the newest lines before it (an oops prints all that matters
 * there) and those after it, until the end marker, "Rebooting in", the next boot, or 5 s of
 * silence.  It does not travel with the panic, which would make the one record slow on which
 * everything waits.  Pure; the lines themselves stay in the source's stream.  A source has one
 * trace: with another panic the next begins, and has what was not sent of the one before.
 *
 * A machine that talks on has not panicked, so a trace also ends after a minute, and one that
 * grows large ends before the stream would drop its beginning, where the call trace stands.
 */
#define TRACE_SILENCE_US (5 * UINT64_C(1000000))
#define TRACE_LIFE_US    (60 * UINT64_C(1000000))
#define TRACE_CONTEXT    32768 /* bytes of the stream before the panic, at most */
#define TRACE_PART_MAX   32768  /* encoded bytes of a record's lines */
#define TRACE_MAX        262144 /* of all parts of one trace */
#define TRACE_KEPT       (TRACE_MAX - 8192) /* bytes of the stream */

struct trace_state {
    enum { TRACE_NONE, TRACE_COLLECTING, TRACE_COMPLETE } phase;
    bool of_old_boot;  /* of late words: this boot has not panicked */
    bool acknowledged; /* the panic was: downstream knows what the trace is about */
    char id[DIGEST_TEXT_SIZE];
    uint64_t begin, end; /* positions in the stream; END once complete */
    uint64_t began_us, heard_us;
};

void trace_start(struct trace_state *trace, const char *id, uint64_t position, uint64_t now_us);
/* While it is collected the stream's END moved on; false: it is as large as it may get. */
bool trace_heard(struct trace_state *trace, uint64_t end, uint64_t now_us);
void trace_complete(struct trace_state *trace, uint64_t position);
bool trace_is_over(const struct trace_state *trace, uint64_t now_us);
/* Complete and wanted: send it, then trace_done(). */
bool trace_is_due(const struct trace_state *trace);
void trace_acknowledge(struct trace_state *trace, const char *id);
void trace_done(struct trace_state *trace);
