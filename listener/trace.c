#include "listener/trace.h"

#include <string.h>

void trace_start(struct trace_state *trace, const char *id, uint64_t position, uint64_t now_us)
{
    *trace = (struct trace_state){
        .phase = TRACE_COLLECTING, .begin = position, .began_us = now_us, .heard_us = now_us,
    };
    memcpy(trace->id, id, sizeof(trace->id));
}

bool trace_heard(struct trace_state *trace, uint64_t end, uint64_t now_us)
{
    trace->heard_us = now_us;
    return end - trace->begin < TRACE_KEPT;
}

void trace_complete(struct trace_state *trace, uint64_t position)
{
    if (trace->phase != TRACE_COLLECTING)
        return;
    trace->phase = TRACE_COMPLETE;
    trace->end = position;
}

bool trace_is_over(const struct trace_state *trace, uint64_t now_us)
{
    return trace->phase == TRACE_COLLECTING && (now_us - trace->heard_us >= TRACE_SILENCE_US ||
                                                now_us - trace->began_us >= TRACE_LIFE_US);
}

bool trace_is_due(const struct trace_state *trace)
{
    return trace->phase == TRACE_COMPLETE && trace->acknowledged;
}

void trace_acknowledge(struct trace_state *trace, const char *id)
{
    if (trace->phase != TRACE_NONE && strcmp(trace->id, id) == 0)
        trace->acknowledged = true;
}

void trace_done(struct trace_state *trace)
{
    trace->phase = TRACE_NONE;
}
