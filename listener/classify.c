#include "listener/classify.h"

#include <string.h>

/*
 * One table, matched at the start of a record's text and nowhere else: "Kernel panic" inside a
 * line is a device's name, a log message about a panic, or a lookalike (the Hardware Error
 * drivers' "Fake kernel panic: ", a command line with panic=10).
 *
 * The first three rows are written by kernel/panic.c alone.  Facility 0 is the kernel's own: a
 * writer to /dev/kmsg can have any other but not that one, so where a record carries a facility
 * (extended format, and basic format with console_msg_format=syslog) the rest of the table is
 * believed only with facility 0.  Where it carries none, a forgery looks like the real line: it
 * is taken for what it says, and judged downstream.  What begins "lastgasp: " was written by a
 * program in any case, and gives no right to anything.
 *
 * Precursors are of two sorts: what may lead to a panic (with the reason it hints at), and what
 * stands in the dump of a panic under way.  Either makes a "Rebooting in" believable whose panic
 * line was lost.
 */
struct pattern {
    const char *text;
    enum line_kind kind;
    unsigned detail; /* enum reason_code of a precursor, enum halt_kind of a halt */
};

static const struct pattern patterns[] = {
    { "Kernel panic - not syncing: ", LINE_PANIC, 0 },
    { "---[ end Kernel panic - not syncing: ", LINE_END_MARKER, 0 },
    { "Rebooting in ", LINE_REBOOTING, 0 },
    { "Linux version ", LINE_BANNER, 0 },
    { "lastgasp: heartbeat ", LINE_HEARTBEAT, 0 },
    { "lastgasp: drill ", LINE_DRILL, 0 },
    { "lastgasp: late ", LINE_LATE, 0 },
    { "lastgasp: ", LINE_OURS, 0 },
    { "reboot: System halted", LINE_HALT, HALT_HALTED },
    { "reboot: Power off not available: System halted instead", LINE_HALT, HALT_HALTED },
    { "reboot: Power down", LINE_HALT, HALT_POWER_DOWN },
    { "reboot: Restarting system", LINE_HALT, HALT_RESTARTING },
    { "reboot: HARDWARE PROTECTION reboot (", LINE_HALT, HALT_RESTARTING },
    { "reboot: HARDWARE PROTECTION shutdown (", LINE_HALT, HALT_POWER_DOWN },
    { "HARDWARE PROTECTION shutdown (", LINE_HALT, HALT_POWER_DOWN },
    { "sysrq: Trigger a crash", LINE_PRECURSOR, REASON_SYSRQ },
    { "BUG: soft lockup - CPU#", LINE_PRECURSOR, REASON_SOFT_LOCKUP },
    { "watchdog: BUG: soft lockup - CPU#", LINE_PRECURSOR, REASON_SOFT_LOCKUP },
    { "NMI watchdog: BUG: soft lockup - CPU#", LINE_PRECURSOR, REASON_SOFT_LOCKUP },
    { "Watchdog detected hard LOCKUP on cpu", LINE_PRECURSOR, REASON_HARD_LOCKUP },
    { "watchdog: Watchdog detected hard LOCKUP on cpu", LINE_PRECURSOR, REASON_HARD_LOCKUP },
    { "NMI watchdog: Watchdog detected hard LOCKUP on cpu", LINE_PRECURSOR, REASON_HARD_LOCKUP },
    { "watchdog: CPU ", LINE_PRECURSOR, REASON_HARD_LOCKUP }, /* powerpc */
    { "INFO: task ", LINE_PRECURSOR, REASON_HUNG_TASK },
    { "INFO: rcu_", LINE_PRECURSOR, REASON_RCU_STALL },
    { "rcu: INFO: rcu_", LINE_PRECURSOR, REASON_RCU_STALL },
    { "Out of memory: ", LINE_PRECURSOR, REASON_OUT_OF_MEMORY },
    { "[Hardware Error]: ", LINE_PRECURSOR, REASON_HARDWARE },
    { "mce: [Hardware Error]: ", LINE_PRECURSOR, REASON_HARDWARE },
    { "{1}[Hardware Error]: ", LINE_PRECURSOR, REASON_HARDWARE }, /* GHES numbers its reports */
    { "PANIC: double fault", LINE_PRECURSOR, REASON_STACK_CORRUPTION },
    { "BUG: ", LINE_PRECURSOR, REASON_OOPS },
    { "Unable to handle kernel ", LINE_PRECURSOR, REASON_OOPS },
    { "Internal error: ", LINE_PRECURSOR, REASON_OOPS },
    { "kernel BUG at ", LINE_PRECURSOR, REASON_OOPS },
    { "general protection fault", LINE_PRECURSOR, REASON_OOPS },
    { "invalid opcode: ", LINE_PRECURSOR, REASON_OOPS },
    { "Oops", LINE_PRECURSOR, REASON_OOPS },
    { "Call Trace:", LINE_PRECURSOR, REASON_UNKNOWN },
    { "Call trace:", LINE_PRECURSOR, REASON_UNKNOWN }, /* arm64 */
    { "CPU: ", LINE_PRECURSOR, REASON_UNKNOWN },
    { "Hardware name: ", LINE_PRECURSOR, REASON_UNKNOWN },
    { "Modules linked in: ", LINE_PRECURSOR, REASON_UNKNOWN },
    { "Kernel Offset: ", LINE_PRECURSOR, REASON_UNKNOWN }, /* a panic notifier's */
};

static const struct pattern *find(struct span text)
{
    if (text.size == 0)
        return NULL;
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const struct pattern *row = &patterns[i];
        if (row->text[0] == text.bytes[0] && span_starts(text, row->text))
            return row;
    }
    return NULL;
}

/* "Rebooting in %d seconds..", not a sentence of somebody else that begins alike. */
static bool is_rebooting(struct span text)
{
    size_t at = strlen("Rebooting in ");
    size_t digits = at;
    while (digits < text.size && text.bytes[digits] >= '0' && text.bytes[digits] <= '9')
        digits++;
    struct span rest = { text.bytes + digits, text.size - digits };
    return digits > at && span_starts(rest, " seconds..");
}

/* The text between "not syncing: " and the marker's " ]---", which kernels before 4.20 lack. */
static struct span between(struct span text, const struct pattern *row)
{
    static const char close[] = " ]---";
    size_t start = strlen(row->text);
    struct span what = { text.bytes + start, text.size - start };
    const char *end =
        row->kind == LINE_END_MARKER ? memmem(what.bytes, what.size, close, strlen(close)) : NULL;
    if (end)
        what.size = (size_t)(end - what.bytes);
    return what;
}

bool line_is_ours(enum line_kind kind)
{
    return kind == LINE_HEARTBEAT || kind == LINE_DRILL || kind == LINE_LATE || kind == LINE_OURS;
}

struct line_class classify(const struct kernel_record *record)
{
    struct line_class class = { .kind = LINE_PLAIN };
    const struct pattern *row = find(record->text);
    if (!row || (row->kind == LINE_REBOOTING && !is_rebooting(record->text)))
        return class;
    bool kernel = record->facility == RECORD_ABSENT || record->facility == 0;
    class.kind = row->kind;
    if (row->kind == LINE_PANIC || row->kind == LINE_END_MARKER)
        class.what = between(record->text, row);
    if (!kernel && !line_is_ours(row->kind))
        class.kind = row->kind == LINE_PANIC ? LINE_FORGED : LINE_PLAIN;
    else if (row->kind == LINE_PRECURSOR)
        class.code = row->detail;
    else if (row->kind == LINE_HALT)
        class.halt = row->detail;
    return class;
}
