#pragma once

#include "common/digest.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What follows a panic: the lines until the end marker, "Rebooting in", the next boot, or 5 s of
 * silence.  Pure; the lines themselves stay in the source's stream.  A source has one trace: with
 * another panic the next begins, and what was not sent of the one before is that one's context.
 */
#define TRACE_SILENCE_US (5 * UINT64_C(1000000))
#define TRACE_PART_MAX   32768  /* encoded bytes of a record's lines */
#define TRACE_MAX        262144 /* of all parts of one trace */

struct trace_state {
    enum { TRACE_NONE, TRACE_COLLECTING, TRACE_COMPLETE } phase;
    bool acknowledged; /* the panic was: downstream knows what the trace is about */
    char id[DIGEST_TEXT_SIZE];
    uint64_t begin, end; /* positions in the stream; END once complete */
    uint64_t heard_us;
};

void trace_start(struct trace_state *trace, const char *id, uint64_t position, uint64_t now_us);
void trace_heard(struct trace_state *trace, uint64_t now_us);
void trace_complete(struct trace_state *trace, uint64_t position);
bool trace_is_silent(const struct trace_state *trace, uint64_t now_us);
/* Complete and wanted: send it, then trace_done(). */
bool trace_is_due(const struct trace_state *trace);
void trace_acknowledge(struct trace_state *trace, const char *id);
void trace_done(struct trace_state *trace);
