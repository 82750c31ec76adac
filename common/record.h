#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/memory.h"

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
    RECORD_SPEAKS,
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

enum role { ROLE_LISTENER, ROLE_CORRELATOR, ROLE_ACTUATOR, ROLE_COMMAND };
extern const char *const role_names[]; /* "listener", ... NULL */

/* Why a kernel panicked; the texts that lead to each are the listener's table.  The last three are
 * orderly ends, never of a panic: what the machine does then is known by them alone. */
enum reason_code {
    REASON_UNKNOWN,
    REASON_SYSRQ,
    REASON_OOPS_IN_INTERRUPT,
    REASON_OOPS,
    REASON_INIT_KILLED,
    REASON_OOPS_LIMIT,
    REASON_HUNG_TASK,
    REASON_SOFT_LOCKUP,
    REASON_HARD_LOCKUP,
    REASON_RCU_STALL,
    REASON_NMI,
    REASON_OUT_OF_MEMORY,
    REASON_HARDWARE,
    REASON_WATCHDOG,
    REASON_STACK_CORRUPTION,
    REASON_NO_ROOT_FS,
    REASON_NO_INIT,
    REASON_WARN,
    REASON_TAINT,
    REASON_SANITIZER,
    REASON_SECURITY_MODULE,
    REASON_STORAGE,
    REASON_HALT, /* it stands still */
    REASON_POWER_DOWN,
    REASON_RESTARTING, /* it comes back, as the same Node with another boot */
};
extern const char *const reason_code_names[];

enum proof { PROOF_LINE, PROOF_REBOOTING, PROOF_END_MARKER, PROOF_SILENT_OOPS };
extern const char *const proof_names[]; /* line, rebooting, end-marker, silent-oops */

enum wire_format { FORMAT_BASIC, FORMAT_EXTENDED, FORMAT_EXTENDED_RELEASE };
extern const char *const wire_format_names[]; /* basic, extended, extended-release */

enum halt_kind { HALT_HALTED, HALT_POWER_DOWN, HALT_RESTARTING };
extern const char *const halt_kind_names[]; /* halted, power-down, restarting */

enum cause { CAUSE_KERNEL_PANIC, CAUSE_HALT, CAUSE_PREEMPTED, CAUSE_HARDWARE, CAUSE_OTHER };
extern const char *const cause_names[]; /* kernel-panic, halt, preempted, hardware, other */

/* What the correlator holds to be true of the machine; `reported` is no verdict of its own, but
 * what stands in the place of one when another process speaks, until the machine is found silent.
 * Only these lead to an incident. */
enum verdict {
    VERDICT_UNVERIFIED,
    VERDICT_SILENT,
    VERDICT_UNPROBABLE,
    VERDICT_REBOOTED,
    VERDICT_RECREATED,
    VERDICT_EXPIRED,
    VERDICT_MISMATCH,
    VERDICT_REPORTED,
};
extern const char *const verdict_names[];

/* How an incident ended. */
enum outcome {
    OUTCOME_DELETED,
    OUTCOME_PODS_DONE,
    OUTCOME_TOLD,
    OUTCOME_OBSERVED,
    OUTCOME_DRY_RUN,
    OUTCOME_PARTIAL,
    OUTCOME_REFUSED,
    OUTCOME_EXPIRED,
    OUTCOME_MISMATCH,
    OUTCOME_RETRACTED,
    OUTCOME_REBOOTED,
    OUTCOME_RECREATED,
    OUTCOME_NODE_GONE,
    OUTCOME_OPTED_OUT,
    OUTCOME_LEFT_TO_OWNER,
    OUTCOME_STRANDED,
    OUTCOME_ELSEWHERE,
};
extern const char *const outcome_names[];

enum sources_op { SOURCES_BEGIN, SOURCES_ADD, SOURCES_REMOVE, SOURCES_END };
extern const char *const sources_op_names[]; /* begin, add, remove, end */

enum speaks_why { SPEAKS_BOOT_BANNER, SPEAKS_FRESH_TEXT };
extern const char *const speaks_why_names[]; /* boot-banner, fresh-text */

enum retract_why { RETRACT_ANSWERS, RETRACT_REBOOTED, RETRACT_RECREATED };
extern const char *const retract_why_names[]; /* answers, rebooted, recreated */

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

struct speaks {
    const char *source;
    uint64_t received_us;
    unsigned why; /* enum speaks_why */
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
        struct speaks speaks;
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
