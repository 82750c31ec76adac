#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/memory.h"
#include "common/record_names.h"

/*
 * The records that travel between the stages: the only wire schema there is.
 *
 * A SEQPACKET packet is one or more records, each one JSON object on a line that ends in '\n'.
 * Every record has "v" and "type"; the member names below are the names on the wire.  Times are
 * microseconds since the epoch, addresses canonical text.  What each type holds, who may send it
 * to whom and how large each field may get is one table (record_types[]), which drives one encode
 * and one decode loop.
 */
#define RECORD_VERSION     1 /* the version that this program writes */
#define RECORD_MIN_VERSION 1 /* the oldest that it reads */
#define RECORD_PACKET_MAX  65536
#define RECORD_ABSENT      UINT64_MAX          /* a COUNT that is not there */
#define RECORD_NUMBER_MAX  (UINT64_C(1) << 53) /* beyond, not every reader of JSON is exact */

enum record_kind {
    RECORD_HELLO,
    RECORD_PANIC,
    RECORD_TRACE,
    RECORD_HALT,
    RECORD_DRILL,
    RECORD_LATE,
    RECORD_SPEAKS,
    RECORD_HEARTBEAT,
    RECORD_HEARD,
    RECORD_SOURCES,
    RECORD_INTENT,
    RECORD_EVIDENCE,
    RECORD_RETRACT,
    RECORD_PAUSE,
    RECORD_RESUME,
    RECORD_UNDO,
    RECORD_REPORT,
    RECORD_OPEN,
    RECORD_RESULT,
    RECORD_STATS,
    RECORD_ACK,
    RECORD_ERROR,
    RECORD_KINDS,
};

struct lines {
    size_t count;
    const char *const *line;
};

struct pair {
    const char *key, *value;
};
struct pairs {
    size_t count;
    const struct pair *pair;
};

struct count {
    const char *name;
    uint64_t value;
};
struct counts {
    size_t count;
    const struct count *item;
};

struct hello {
    uint64_t min_v;
    unsigned role; /* enum role */
    const char *version;
};

struct panic {
    const char *id, *source;
    uint64_t port, received_us;
    unsigned proof;                           /* enum proof */
    unsigned format;                          /* enum wire_format */
    uint64_t facility, level, seq, kernel_us; /* each may be RECORD_ABSENT */
    const char *text;
    unsigned reason_code; /* enum reason_code */
    const char *reason;
    const char *release; /* NULL when the kernel did not say */
    struct pairs userdata;
};

struct trace {
    const char *id; /* the panic's */
    uint64_t part;
    struct lines lines;
    bool last;
};

struct halt {
    const char *id, *source;
    uint64_t port, received_us;
    unsigned kind; /* enum halt_kind */
    struct pairs userdata;
};

/* A node tries the way that its panic would go. */
struct drill {
    const char *id, *source;
    uint64_t port, received_us;
    const char *node, *boot, *drill; /* itself, as it says, and which drill */
};

/* A node that has booted again found in its memory why it had died. */
struct late {
    const char *id, *source;
    uint64_t port, received_us;
    const char *boot;   /* that died, as it says */
    uint64_t booted_us; /* when this one began, by its kernel's time; RECORD_ABSENT: not known */
    const char *text;
    unsigned reason_code; /* enum reason_code */
    const char *reason;
    struct pairs userdata;
};

struct speaks {
    const char *source;
    uint64_t received_us;
    unsigned why; /* enum speaks_why */
};

struct heartbeat {
    const char *source;
    uint64_t received_us;
    uint64_t every_s; /* so often it is to be expected */
};

struct heard {
    struct lines addresses;
};

struct sources {
    unsigned op; /* enum sources_op */
    struct lines addresses;
};

struct intent {
    const char *id, *node, *uid, *boot;
    unsigned cause;       /* enum cause */
    unsigned reason_code; /* enum reason_code */
    const char *reason;
    unsigned verdict; /* enum verdict */
    const char *words;
    uint64_t silent_until_us, last_answer_us, rtt_us; /* each may be RECORD_ABSENT */
    uint64_t received_us, expires_us;
    struct lines panics; /* ids */
    uint64_t booted_us;  /* of VERDICT_LATE: struct late's */
};

struct evidence {
    const char *id;
    uint64_t silent_until_us;
    const char *words;
};

struct retract {
    const char *id;
    unsigned why; /* enum retract_why */
};

/* What people ask of all hosts: `pause` and `resume`. */
struct command {
    const char *id; /* of this command: its acknowledgement names it */
};

/* A person takes back what was set on the Node of an incident, which ends with that. */
struct undo {
    const char *id;       /* of this command */
    const char *incident; /* its whole id */
    const char *by;       /* who asks, or NULL */
};

/* Another process than the kernel knows that a node is lost. */
struct report {
    const char *id; /* of this command */
    const char *node;
    unsigned cause; /* enum cause: preempted, hardware or other */
    const char *reason;
    const char *by; /* who says so, or NULL */
};

struct open_incident {
    const char *id, *node, *uid, *boot, *address;
    uint64_t port, until_us;
    uint64_t last_answer_us, rtt_us; /* each may be RECORD_ABSENT */
};

struct result {
    const char *id;
    unsigned outcome; /* enum outcome */
    const char *detail;
};

struct stats {
    struct counts counters;
};

struct ack {
    unsigned of; /* enum record_kind */
    const char *id;
};

struct error_record {
    unsigned of;    /* enum record_kind, or RECORD_KINDS when it is about no record */
    const char *id; /* NULL when it is about no record */
    const char *why;
};

struct record {
    enum record_kind kind;
    union {
        struct hello hello;
        struct panic panic;
        struct trace trace;
        struct halt halt;
        struct drill drill;
        struct late late;
        struct speaks speaks;
        struct heartbeat heartbeat;
        struct heard heard;
        struct sources sources;
        struct intent intent;
        struct evidence evidence;
        struct retract retract;
        struct command command; /* of PAUSE and RESUME */
        struct undo undo;
        struct report report;
        struct open_incident open;
        struct result result;
        struct stats stats;
        struct ack ack;
        struct error_record error;
    };
};

enum field_kind {
    FIELD_TEXT,
    FIELD_COUNT,
    FIELD_FLAG,
    FIELD_CHOICE,
    FIELD_LINES,
    FIELD_PAIRS,
    FIELD_COUNTS,
};

/*
 * MAX is the greatest value of a COUNT, and the budget of everything else in encoded bytes: a text
 * without its quotes, a container with all that is between its brackets.
 *
 * An optional field that is not there: a TEXT is NULL, a COUNT RECORD_ABSENT, a FLAG false, a
 * CHOICE the number of its choices, a container empty; nothing of these is written.
 */
struct field {
    const char *name;
    enum field_kind kind;
    size_t at;
    uint64_t max;
    bool required;
    const char *const *choices; /* NULL-terminated; "" is a value that this field may not have */
};

struct record_type {
    const char *name;
    const struct field *fields; /* ends with one without a name */
    unsigned from, to;          /* bits: 1 << enum role */
    bool acknowledged;
};
extern const struct record_type record_types[RECORD_KINDS];

/*
 * Writes RECORD as one line into OUT (RECORD_PACKET_MAX bytes) and returns its size.  Cannot fail:
 * the fields' budgets together fit a packet, and what exceeds its budget is cut (LINES, PAIRS and
 * COUNTS lose their last entries, so whoever prefers the newest cuts before).  What packet_decode()
 * would refuse is mended: text that is not printable, a repeated key (the first stays).
 */
size_t record_encode(const struct record *record, char *out);

/* A decoded packet: everything it points to lives in its arena. */
struct packet {
    struct arena arena;
    size_t count;
    struct record *records;
};

#define RECORD_WHY_SIZE 256

/*
 * Decodes all lines of a packet or none.  A zero byte count, an unknown type, a version that is
 * not ours, a missing, repeated, ill-typed or too large field, or anything that is not clean JSON
 * is an error: false, with the line, the field and what is wrong in WHY.  Unknown fields are
 * skipped unless STRICT.  After true, packet_free() when done; after false there is nothing to
 * free.
 */
bool packet_decode(const char *bytes, size_t size, bool strict, struct packet *packet,
                   char why[RECORD_WHY_SIZE]);
void packet_free(struct packet *packet);
