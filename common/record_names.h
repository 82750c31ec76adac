#pragma once

/* What the fields of records choose from, and the words for it on the wire, each array in the order
 * of its enum and ended by NULL.  Part of record.h, which is what everybody includes. */

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

/* In a drill nobody died; the last three are another process's word. */
enum cause {
    CAUSE_KERNEL_PANIC,
    CAUSE_HALT,
    CAUSE_DRILL,
    CAUSE_PREEMPTED,
    CAUSE_HARDWARE,
    CAUSE_OTHER
};
extern const char *const cause_names[];

/* What the correlator holds to be true of the machine.  The last three are no verdicts, but stand
 * in the place of one: a drill asks for none; what a node says late is about a boot that is over;
 * and when another process speaks it is `reported`, until the machine is found silent.  Only these
 * lead to an incident. */
enum verdict {
    VERDICT_UNVERIFIED,
    VERDICT_SILENT,
    VERDICT_UNPROBABLE,
    VERDICT_REBOOTED,
    VERDICT_RECREATED,
    VERDICT_EXPIRED,
    VERDICT_MISMATCH,
    VERDICT_DRILL,
    VERDICT_LATE,
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
