/* The words of the wire: one array an enum of record_names.h, in its order. */
#include "common/record.h"

const char *const role_names[] = {
    [ROLE_LISTENER] = "listener",
    [ROLE_CORRELATOR] = "correlator",
    [ROLE_ACTUATOR] = "actuator",
    [ROLE_COMMAND] = "command",
    NULL,
};

const char *const reason_code_names[] = {
    [REASON_UNKNOWN] = "unknown",
    [REASON_SYSRQ] = "sysrq",
    [REASON_OOPS_IN_INTERRUPT] = "oops-in-interrupt",
    [REASON_OOPS] = "oops",
    [REASON_INIT_KILLED] = "init-killed",
    [REASON_OOPS_LIMIT] = "oops-limit",
    [REASON_HUNG_TASK] = "hung-task",
    [REASON_SOFT_LOCKUP] = "soft-lockup",
    [REASON_HARD_LOCKUP] = "hard-lockup",
    [REASON_RCU_STALL] = "rcu-stall",
    [REASON_NMI] = "nmi",
    [REASON_OUT_OF_MEMORY] = "out-of-memory",
    [REASON_HARDWARE] = "hardware",
    [REASON_WATCHDOG] = "watchdog",
    [REASON_STACK_CORRUPTION] = "stack-corruption",
    [REASON_NO_ROOT_FS] = "no-root-fs",
    [REASON_NO_INIT] = "no-init",
    [REASON_WARN] = "warn",
    [REASON_TAINT] = "taint",
    [REASON_SANITIZER] = "sanitizer",
    [REASON_SECURITY_MODULE] = "security-module",
    [REASON_STORAGE] = "storage",
    [REASON_HALT] = "halt",
    [REASON_POWER_DOWN] = "power-down",
    [REASON_RESTARTING] = "restarting",
    NULL,
};

const char *const proof_names[] = {
    [PROOF_LINE] = "line",
    [PROOF_REBOOTING] = "rebooting",
    [PROOF_END_MARKER] = "end-marker",
    [PROOF_SILENT_OOPS] = "silent-oops",
    NULL,
};

const char *const wire_format_names[] = {
    [FORMAT_BASIC] = "basic",
    [FORMAT_EXTENDED] = "extended",
    [FORMAT_EXTENDED_RELEASE] = "extended-release",
    NULL,
};

const char *const halt_kind_names[] = {
    [HALT_HALTED] = "halted",
    [HALT_POWER_DOWN] = "power-down",
    [HALT_RESTARTING] = "restarting",
    NULL,
};

const char *const cause_names[] = {
    [CAUSE_KERNEL_PANIC] = "kernel-panic",
    [CAUSE_HALT] = "halt",
    [CAUSE_DRILL] = "drill",
    [CAUSE_PREEMPTED] = "preempted",
    [CAUSE_HARDWARE] = "hardware",
    [CAUSE_OTHER] = "other",
    NULL,
};

const char *const verdict_names[] = {
    [VERDICT_UNVERIFIED] = "unverified",
    [VERDICT_SILENT] = "silent",
    [VERDICT_UNPROBABLE] = "unprobable",
    [VERDICT_REBOOTED] = "rebooted",
    [VERDICT_RECREATED] = "recreated",
    [VERDICT_EXPIRED] = "expired",
    [VERDICT_MISMATCH] = "mismatch",
    [VERDICT_DRILL] = "drill",
    [VERDICT_LATE] = "late",
    [VERDICT_REPORTED] = "reported",
    NULL,
};

const char *const outcome_names[] = {
    [OUTCOME_DELETED] = "deleted",
    [OUTCOME_PODS_DONE] = "pods-done",
    [OUTCOME_TOLD] = "told",
    [OUTCOME_OBSERVED] = "observed",
    [OUTCOME_DRY_RUN] = "dry-run",
    [OUTCOME_PARTIAL] = "partial",
    [OUTCOME_REFUSED] = "refused",
    [OUTCOME_EXPIRED] = "expired",
    [OUTCOME_MISMATCH] = "mismatch",
    [OUTCOME_RETRACTED] = "retracted",
    [OUTCOME_REBOOTED] = "rebooted",
    [OUTCOME_RECREATED] = "recreated",
    [OUTCOME_NODE_GONE] = "node-gone",
    [OUTCOME_OPTED_OUT] = "opted-out",
    [OUTCOME_LEFT_TO_OWNER] = "left-to-owner",
    [OUTCOME_STRANDED] = "stranded",
    [OUTCOME_ELSEWHERE] = "elsewhere",
    NULL,
};

const char *const sources_op_names[] = {
    [SOURCES_BEGIN] = "begin",
    [SOURCES_ADD] = "add",
    [SOURCES_REMOVE] = "remove",
    [SOURCES_END] = "end",
    NULL,
};

const char *const speaks_why_names[] = {
    [SPEAKS_BOOT_BANNER] = "boot-banner",
    [SPEAKS_FRESH_TEXT] = "fresh-text",
    NULL,
};

const char *const retract_why_names[] = {
    [RETRACT_ANSWERS] = "answers",
    [RETRACT_REBOOTED] = "rebooted",
    [RETRACT_RECREATED] = "recreated",
    NULL,
};
