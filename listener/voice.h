#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a source still speaks after its panic: whatever it says then that the panic did not print
 * itself.  Pure; part of the source's entry, times are monotonic microseconds.
 *
 * To the panic belong its trace and its end marker, what follows the marker within 5 s, and without
 * a marker all that follows without 5 s of silence, for a minute.  A machine that says more than
 * that lives, or somebody speaks in its name: worth a hint, never a verdict.
 */
struct voice {
    uint64_t panic_us;   /* the newest panic, 0: none */
    uint64_t belongs_us; /* the last line that belongs to it, before its end */
    uint64_t told_us;
    bool ended; /* the marker came, or "Rebooting in" */
};

void voice_panicked(struct voice *voice, uint64_t now_us);
void voice_ended(struct voice *voice, uint64_t now_us);

/* A line was heard, one that BOOTS if a kernel begins with it.  Returns whether that is to be told
 * downstream: then do, and say so by voice_told().  Once a second at most, for 15 minutes. */
bool voice_heard(struct voice *voice, bool boots, uint64_t now_us);
void voice_told(struct voice *voice, uint64_t now_us);
