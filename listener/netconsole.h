#pragma once

#include "common/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What netconsole sends, read without trusting a byte of it (drivers/net/netconsole.c,
 * Documentation/ABI/testing/dev-kmsg).  Pure: a datagram goes in, kernel records come out, nothing
 * is kept.
 */

/* What we read of a datagram: netconsole itself never sends more than 1000 bytes (MAX_PRINT_CHUNK).
 */
#define NETCONSOLE_DATAGRAM_MAX 1024
/* What is kept of a kernel record that came in fragments. */
#define NETCONSOLE_BODY_MAX 8192

/* Bytes that somebody else owns; not NUL-terminated. */
struct span {
    const char *bytes;
    size_t size;
};
bool span_starts(struct span span, const char *text);

enum datagram_kind {
    DATAGRAM_BASIC,
    DATAGRAM_EXTENDED,
    DATAGRAM_FRAGMENT,  /* extended, with ncfrag= */
    DATAGRAM_MALFORMED, /* an extended header that no kernel writes; holds no record */
    DATAGRAM_EMPTY,
    DATAGRAM_KINDS,
};

/* One kernel record; a basic datagram may hold several, one a line. */
struct kernel_record {
    enum wire_format format;
    uint64_t facility, level, seq, kernel_us; /* each may be RECORD_ABSENT */
    struct span release;                      /* empty when the kernel did not say */
    struct span text;       /* without prefix and \xNN escapes; may hold newlines when extended */
    struct span line;       /* basic: with time and caller, as a console shows it */
    struct span dictionary; /* extended: for netconsole_pair() */
    size_t offset;          /* where the record begins in its datagram */
    struct span body;       /* a fragment: its share of what follows the ';' */
    size_t fragment_at, fragment_total; /* total 0: not a fragment */
};

struct netconsole {
    enum datagram_kind kind;
    struct span datagram, rest;
    struct kernel_record record;
    char text[NETCONSOLE_BODY_MAX];
};

/* Looks at a datagram, which stays the caller's and must outlive READER's records. */
enum datagram_kind netconsole_open(struct netconsole *reader, const char *bytes, size_t size);

/* The next kernel record; its text may live in READER and is good until the next call.  A fragment
 * is one record; only the one at 0 has text, and as much of its dictionary as came with it. */
bool netconsole_next(struct netconsole *reader, struct kernel_record *record);

/* Gives RECORD the text and the dictionary of a whole BODY, put together from fragments. */
void netconsole_whole(struct netconsole *reader, struct span body, struct kernel_record *record);

/*
 * Takes the next KEY=value off DICTIONARY.  A line without its end is not given out: a cut value
 * would be a wrong one.
 */
bool netconsole_pair(struct span *dictionary, struct span *key, struct span *value);

/* Takes the time and the caller off LINE, as a console shows it (printk's info_print_prefix). */
struct span netconsole_strip(struct span line, uint64_t *kernel_us);
