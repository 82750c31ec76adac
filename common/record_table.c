/*
 * Every record type, its fields, their budgets and who may send it to whom, and nothing else knows
 * it.  The order of the fields is the order on the wire.
 */
#include "common/record.h"

#define ID_MAX        32
#define NODE_NAME_MAX 253 /* a DNS subdomain */
#define UID_MAX       64
#define BOOT_ID_MAX   64
#define ADDRESS_MAX   45 /* INET6_ADDRSTRLEN without its NUL */
#define PORT_MAX      65535
#define REASON_MAX    1024
#define BY_MAX        64

static const char *const kind_names[] = {
    [RECORD_HELLO] = "hello",
    [RECORD_PANIC] = "panic",
    [RECORD_TRACE] = "trace",
    [RECORD_HALT] = "halt",
    [RECORD_DRILL] = "drill",
    [RECORD_LATE] = "late",
    [RECORD_SPEAKS] = "speaks",
    [RECORD_HEARTBEAT] = "heartbeat",
    [RECORD_HEARD] = "heard",
    [RECORD_SOURCES] = "sources",
    [RECORD_INTENT] = "intent",
    [RECORD_EVIDENCE] = "evidence",
    [RECORD_RETRACT] = "retract",
    [RECORD_PAUSE] = "pause",
    [RECORD_RESUME] = "resume",
    [RECORD_UNDO] = "undo",
    [RECORD_REPORT] = "report",
    [RECORD_OPEN] = "open",
    [RECORD_RESULT] = "result",
    [RECORD_STATS] = "stats",
    [RECORD_ACK] = "ack",
    [RECORD_ERROR] = "error",
    NULL,
};

/* The types that are acknowledged, each in the place of its enum record_kind. */
static const char *const acknowledged_names[] = {
    [RECORD_HELLO] = "",          [RECORD_PANIC] = "panic",   [RECORD_TRACE] = "",
    [RECORD_HALT] = "halt",       [RECORD_DRILL] = "drill",   [RECORD_LATE] = "late",
    [RECORD_SPEAKS] = "",         [RECORD_HEARTBEAT] = "",    [RECORD_HEARD] = "",
    [RECORD_SOURCES] = "",        [RECORD_INTENT] = "intent", [RECORD_EVIDENCE] = "",
    [RECORD_RETRACT] = "retract", [RECORD_PAUSE] = "pause",   [RECORD_RESUME] = "resume",
    [RECORD_UNDO] = "undo",       [RECORD_REPORT] = "report", NULL,
};

/* What a report may say, each in the place of its enum cause; the others are the kernel's to say.
 */
static const char *const reported_names[] = {
    [CAUSE_KERNEL_PANIC] = "",
    [CAUSE_HALT] = "",
    [CAUSE_DRILL] = "",
    [CAUSE_PREEMPTED] = "preempted",
    [CAUSE_HARDWARE] = "hardware",
    [CAUSE_OTHER] = "other",
    NULL,
};

static const struct field hello_fields[] = {
    { "min_v", FIELD_COUNT, offsetof(struct hello, min_v), RECORD_NUMBER_MAX, true },
    { "role", FIELD_CHOICE, offsetof(struct hello, role), 0, true, role_names },
    { "version", FIELD_TEXT, offsetof(struct hello, version), 64, true },
    { NULL },
};

static const struct field panic_fields[] = {
    { "id", FIELD_TEXT, offsetof(struct panic, id), ID_MAX, true },
    { "source", FIELD_TEXT, offsetof(struct panic, source), ADDRESS_MAX, true },
    { "port", FIELD_COUNT, offsetof(struct panic, port), PORT_MAX, true },
    { "received_us", FIELD_COUNT, offsetof(struct panic, received_us), RECORD_NUMBER_MAX, true },
    { "proof", FIELD_CHOICE, offsetof(struct panic, proof), 0, true, proof_names },
    { "format", FIELD_CHOICE, offsetof(struct panic, format), 0, true, wire_format_names },
    { "facility", FIELD_COUNT, offsetof(struct panic, facility), 255, false },
    { "level", FIELD_COUNT, offsetof(struct panic, level), 7, false },
    { "seq", FIELD_COUNT, offsetof(struct panic, seq), RECORD_NUMBER_MAX, false },
    { "kernel_us", FIELD_COUNT, offsetof(struct panic, kernel_us), RECORD_NUMBER_MAX, false },
    { "text", FIELD_TEXT, offsetof(struct panic, text), 4096, true },
    { "reason_code", FIELD_CHOICE, offsetof(struct panic, reason_code), 0, true,
      reason_code_names },
    { "reason", FIELD_TEXT, offsetof(struct panic, reason), REASON_MAX, true },
    { "release", FIELD_TEXT, offsetof(struct panic, release), 64, false },
    { "userdata", FIELD_PAIRS, offsetof(struct panic, userdata), 4096, false },
    { NULL },
};

static const struct field trace_fields[] = {
    { "id", FIELD_TEXT, offsetof(struct trace, id), ID_MAX, true },
    { "part", FIELD_COUNT, offsetof(struct trace, part), RECORD_NUMBER_MAX, true },
    { "lines", FIELD_LINES, offsetof(struct trace, lines), 32768, true },
    { "last", FIELD_FLAG, offsetof(struct trace, last), 0, false },
    { NULL },
};

static const struct field halt_fields[] = {
    { "id", FIELD_TEXT, offsetof(struct halt, id), ID_MAX, true },
    { "source", FIELD_TEXT, offsetof(struct halt, source), ADDRESS_MAX, true },
    { "port", FIELD_COUNT, offsetof(struct halt, port), PORT_MAX, true },
    { "received_us", FIELD_COUNT, offsetof(struct halt, received_us), RECORD_NUMBER_MAX, true },
    { "kind", FIELD_CHOICE, offsetof(struct halt, kind), 0, true, halt_kind_names },
    { "userdata", FIELD_PAIRS, offsetof(struct halt, userdata), 4096, false },
    { NULL },
};

static const struct field drill_fields[] = {
    { "id", FIELD_TEXT, offsetof(struct drill, id), ID_MAX, true },
    { "source", FIELD_TEXT, offsetof(struct drill, source), ADDRESS_MAX, true },
    { "port", FIELD_COUNT, offsetof(struct drill, port), PORT_MAX, true },
    { "received_us", FIELD_COUNT, offsetof(struct drill, received_us), RECORD_NUMBER_MAX, true },
    { "node", FIELD_TEXT, offsetof(struct drill, node), NODE_NAME_MAX, true },
    { "boot", FIELD_TEXT, offsetof(struct drill, boot), BOOT_ID_MAX, true },
    { "drill", FIELD_TEXT, offsetof(struct drill, drill), ID_MAX, true },
    { NULL },
};

static const struct field late_fields[] = {
    { "id", FIELD_TEXT, offsetof(struct late, id), ID_MAX, true },
    { "source", FIELD_TEXT, offsetof(struct late, source), ADDRESS_MAX, true },
    { "port", FIELD_COUNT, offsetof(struct late, port), PORT_MAX, true },
    { "received_us", FIELD_COUNT, offsetof(struct late, received_us), RECORD_NUMBER_MAX, true },
    { "boot", FIELD_TEXT, offsetof(struct late, boot), BOOT_ID_MAX, true },
    { "booted_us", FIELD_COUNT, offsetof(struct late, booted_us), RECORD_NUMBER_MAX, false },
    { "text", FIELD_TEXT, offsetof(struct late, text), 4096, true },
    { "reason_code", FIELD_CHOICE, offsetof(struct late, reason_code), 0, true, reason_code_names },
    { "reason", FIELD_TEXT, offsetof(struct late, reason), REASON_MAX, true },
    { "userdata", FIELD_PAIRS, offsetof(struct late, userdata), 4096, false },
    { NULL },
};

static const struct field speaks_fields[] = {
    { "source", FIELD_TEXT, offsetof(struct speaks, source), ADDRESS_MAX, true },
    { "received_us", FIELD_COUNT, offsetof(struct speaks, received_us), RECORD_NUMBER_MAX, true },
    { "why", FIELD_CHOICE, offsetof(struct speaks, why), 0, true, speaks_why_names },
    { NULL },
};

static const struct field heartbeat_fields[] = {
    { "source", FIELD_TEXT, offsetof(struct heartbeat, source), ADDRESS_MAX, true },
    { "received_us", FIELD_COUNT, offsetof(struct heartbeat, received_us), RECORD_NUMBER_MAX,
      true },
    { "every_s", FIELD_COUNT, offsetof(struct heartbeat, every_s), 86400, true },
    { NULL },
};

static const struct field heard_fields[] = {
    { "addresses", FIELD_LINES, offsetof(struct heard, addresses), 32768, true },
    { NULL },
};

static const struct field sources_fields[] = {
    { "op", FIELD_CHOICE, offsetof(struct sources, op), 0, true, sources_op_names },
    { "addresses", FIELD_LINES, offsetof(struct sources, addresses), 32768, false },
    { NULL },
};

static const struct field intent_fields[] = {
    { "id", FIELD_TEXT, offsetof(struct intent, id), ID_MAX, true },
    { "node", FIELD_TEXT, offsetof(struct intent, node), NODE_NAME_MAX, true },
    { "uid", FIELD_TEXT, offsetof(struct intent, uid), UID_MAX, true },
    { "boot", FIELD_TEXT, offsetof(struct intent, boot), BOOT_ID_MAX, true },
    { "cause", FIELD_CHOICE, offsetof(struct intent, cause), 0, true, cause_names },
    { "reason_code", FIELD_CHOICE, offsetof(struct intent, reason_code), 0, true,
      reason_code_names },
    { "reason", FIELD_TEXT, offsetof(struct intent, reason), REASON_MAX, true },
    { "verdict", FIELD_CHOICE, offsetof(struct intent, verdict), 0, true, verdict_names },
    { "words", FIELD_TEXT, offsetof(struct intent, words), 1024, true },
    { "silent_until_us", FIELD_COUNT, offsetof(struct intent, silent_until_us), RECORD_NUMBER_MAX,
      false },
    { "last_answer_us", FIELD_COUNT, offsetof(struct intent, last_answer_us), RECORD_NUMBER_MAX,
      false },
    { "rtt_us", FIELD_COUNT, offsetof(struct intent, rtt_us), RECORD_NUMBER_MAX, false },
    { "received_us", FIELD_COUNT, offsetof(struct intent, received_us), RECORD_NUMBER_MAX, true },
    { "expires_us", FIELD_COUNT, offsetof(struct intent, expires_us), RECORD_NUMBER_MAX, true },
    { "panics", FIELD_LINES, offsetof(struct intent, panics), 8192, false },
    { "booted_us", FIELD_COUNT, offsetof(struct intent, booted_us), RECORD_NUMBER_MAX, false },
    { NULL },
};

static const struct field evidence_fields[] = {
    { "id", FIELD_TEXT, offsetof(struct evidence, id), ID_MAX, true },
    { "silent_until_us", FIELD_COUNT, offsetof(struct evidence, silent_until_us), RECORD_NUMBER_MAX,
      true },
    { "words", FIELD_TEXT, offsetof(struct evidence, words), 1024, true },
    { NULL },
};

static const struct field retract_fields[] = {
    { "id", FIELD_TEXT, offsetof(struct retract, id), ID_MAX, true },
    { "why", FIELD_CHOICE, offsetof(struct retract, why), 0, true, retract_why_names },
    { NULL },
};

static const struct field command_fields[] = {
    { "id", FIELD_TEXT, offsetof(struct command, id), ID_MAX, true },
    { NULL },
};

static const struct field undo_fields[] = {
    { "id", FIELD_TEXT, offsetof(struct undo, id), ID_MAX, true },
    { "incident", FIELD_TEXT, offsetof(struct undo, incident), ID_MAX, true },
    { "by", FIELD_TEXT, offsetof(struct undo, by), BY_MAX, false },
    { NULL },
};

static const struct field report_fields[] = {
    { "id", FIELD_TEXT, offsetof(struct report, id), ID_MAX, true },
    { "node", FIELD_TEXT, offsetof(struct report, node), NODE_NAME_MAX, true },
    { "cause", FIELD_CHOICE, offsetof(struct report, cause), 0, true, reported_names },
    { "reason", FIELD_TEXT, offsetof(struct report, reason), REASON_MAX, true },
    { "by", FIELD_TEXT, offsetof(struct report, by), BY_MAX, false },
    { NULL },
};

static const struct field open_fields[] = {
    { "id", FIELD_TEXT, offsetof(struct open_incident, id), ID_MAX, true },
    { "node", FIELD_TEXT, offsetof(struct open_incident, node), NODE_NAME_MAX, true },
    { "uid", FIELD_TEXT, offsetof(struct open_incident, uid), UID_MAX, true },
    { "boot", FIELD_TEXT, offsetof(struct open_incident, boot), BOOT_ID_MAX, true },
    { "address", FIELD_TEXT, offsetof(struct open_incident, address), ADDRESS_MAX, true },
    { "port", FIELD_COUNT, offsetof(struct open_incident, port), PORT_MAX, true },
    { "last_answer_us", FIELD_COUNT, offsetof(struct open_incident, last_answer_us),
      RECORD_NUMBER_MAX, false },
    { "rtt_us", FIELD_COUNT, offsetof(struct open_incident, rtt_us), RECORD_NUMBER_MAX, false },
    { "until_us", FIELD_COUNT, offsetof(struct open_incident, until_us), RECORD_NUMBER_MAX, true },
    { NULL },
};

static const struct field result_fields[] = {
    { "id", FIELD_TEXT, offsetof(struct result, id), ID_MAX, true },
    { "outcome", FIELD_CHOICE, offsetof(struct result, outcome), 0, true, outcome_names },
    { "detail", FIELD_TEXT, offsetof(struct result, detail), 1024, true },
    { NULL },
};

static const struct field stats_fields[] = {
    { "counters", FIELD_COUNTS, offsetof(struct stats, counters), 16384, true },
    { NULL },
};

static const struct field ack_fields[] = {
    { "of", FIELD_CHOICE, offsetof(struct ack, of), 0, true, acknowledged_names },
    { "id", FIELD_TEXT, offsetof(struct ack, id), ID_MAX, true },
    { NULL },
};

static const struct field error_fields[] = {
    { "of", FIELD_CHOICE, offsetof(struct error_record, of), 0, false, kind_names },
    { "id", FIELD_TEXT, offsetof(struct error_record, id), ID_MAX, false },
    { "why", FIELD_TEXT, offsetof(struct error_record, why), 1024, true },
    { NULL },
};

enum {
    L = 1 << ROLE_LISTENER,
    C = 1 << ROLE_CORRELATOR,
    A = 1 << ROLE_ACTUATOR,
    P = 1 << ROLE_COMMAND, /* a person with lastgasp-incidents, or socat */
};

const struct record_type record_types[RECORD_KINDS] = {
    [RECORD_HELLO] = { "hello", hello_fields, L | C | A | P, L | C | A | P, false },
    [RECORD_PANIC] = { "panic", panic_fields, L, C, true },
    [RECORD_TRACE] = { "trace", trace_fields, L | C, C | A, false },
    [RECORD_HALT] = { "halt", halt_fields, L, C, true },
    [RECORD_DRILL] = { "drill", drill_fields, L, C, true },
    [RECORD_LATE] = { "late", late_fields, L, C, true },
    [RECORD_SPEAKS] = { "speaks", speaks_fields, L, C, false },
    [RECORD_HEARTBEAT] = { "heartbeat", heartbeat_fields, L, C, false },
    [RECORD_HEARD] = { "heard", heard_fields, L, C, false },
    [RECORD_SOURCES] = { "sources", sources_fields, C, L, false },
    [RECORD_INTENT] = { "intent", intent_fields, C, A, true },
    [RECORD_EVIDENCE] = { "evidence", evidence_fields, C, A, false },
    [RECORD_RETRACT] = { "retract", retract_fields, C, A, true },
    [RECORD_PAUSE] = { "pause", command_fields, P, A, true },
    [RECORD_RESUME] = { "resume", command_fields, P, A, true },
    [RECORD_UNDO] = { "undo", undo_fields, P, A, true },
    [RECORD_REPORT] = { "report", report_fields, P, A, true },
    [RECORD_OPEN] = { "open", open_fields, A, C, false },
    [RECORD_RESULT] = { "result", result_fields, A, C, false },
    [RECORD_STATS] = { "stats", stats_fields, L | A, C, false },
    [RECORD_ACK] = { "ack", ack_fields, C | A, L | C | P, false },
    [RECORD_ERROR] = { "error", error_fields, L | C | A | P, L | C | A | P, false },
};
