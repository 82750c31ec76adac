#pragma once

#include "listener/panics.h"

/*
 * Oopses that may have been the end (--silent-oops).  Where a crash kernel is loaded a fatal oops
 * jumps into it before panic() prints a line (oops_end() and die() call crash_kexec() first): all
 * that gets out is the oops, without its "---[ end trace" marker, and then nothing.  So an oops is
 * watched from its header on, for Nodes whose userdata says kdump=1; the marker, or whatever else
 * shows that the kernel went on, ends that, and 5 s of silence make it a panic.
 *
 * Whoever can send from the node's address can break the silence; and a kill in these seconds
 * forgets the oops, for it is no panic yet.  Bounded: what comes when the table is full is not
 * watched.
 */
struct silent;

/* Both outlive the struct. */
struct silent *silent_new(struct source_table *sources, struct panics *panics);
void silent_free(struct silent *silent);

/* A line of SOURCE, and what proof made of it; AUTHENTIC: it has the token that is required. */
void silent_line(struct silent *silent, struct source *source, const struct datagram *datagram,
                 const struct kernel_record *record, const struct line_class *class,
                 const struct proven *proven, bool authentic, uint64_t now_us);

/* The source with that index is somebody else from now on. */
void silent_forget(struct silent *silent, uint16_t owner);

/* Reports whose silence was long enough: call each second. */
void silent_expire(struct silent *silent, uint64_t now_us);
