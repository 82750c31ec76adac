#include "listener/reasons.h"

#include "common/text.h"
#include "listener/oops.h"

#include <string.h>

/*
 * The texts are the kernel's own, gathered from its panic(), nmi_panic() and die() calls; the
 * first row that matches wins.  An unknown text is no error: its panic is as real as the others.
 */
enum place { START, END, WITHIN };

struct reason {
    enum reason_code code;
    enum place place;
    const char *text;
};

static const struct reason reasons[] = {
    { REASON_SYSRQ, START, "sysrq triggered crash" },

    /* die(): x86 and most others; arm, arm64 and riscv put "Oops: " or the like before it;
     * s390 adds ": panic_on_oops". */
    { REASON_OOPS_IN_INTERRUPT, START, "Fatal exception in interrupt" },
    { REASON_OOPS_IN_INTERRUPT, END, ": Fatal exception in interrupt" },
    { REASON_OOPS_IN_INTERRUPT, START, "Aiee, killing interrupt handler!" },
    { REASON_OOPS, START, "Fatal exception" },
    { REASON_OOPS, END, ": Fatal exception" },

    { REASON_INIT_KILLED, START, "Attempted to kill init!" },
    { REASON_INIT_KILLED, START, "Attempted to kill the idle task!" },
    { REASON_OOPS_LIMIT, START, "Oopsed too often (kernel.oops_limit is " },
    { REASON_HUNG_TASK, START, "hung_task: blocked tasks" },
    { REASON_SOFT_LOCKUP, START, "softlockup: hung tasks" },
    { REASON_HARD_LOCKUP, START, "Hard LOCKUP" },
    { REASON_HARD_LOCKUP, START, "Watchdog detected hard LOCKUP" }, /* before 4.2 */
    { REASON_RCU_STALL, START, "RCU Stall" },
    { REASON_NMI, START, "NMI: Not continuing" },
    { REASON_NMI, START, "NMI IOCK error: Not continuing" },
    { REASON_OUT_OF_MEMORY, START, "Out of memory" },
    { REASON_OUT_OF_MEMORY, START, "System is deadlocked on memory" },

    { REASON_HARDWARE, WITHIN, "machine check" }, /* x86 mce_panic() has a dozen of them */
    { REASON_HARDWARE, WITHIN, "Machine check" },
    { REASON_HARDWARE, WITHIN, "Machine Check" }, /* powerpc */
    { REASON_HARDWARE, START, "MCA architectural violation!" },
    { REASON_HARDWARE, START, "Timeout: Not all CPUs entered broadcast exception handler" },
    { REASON_HARDWARE, START, "Processor context corrupt" },
    { REASON_HARDWARE, START, "Kernel accessed poison in user space" },
    { REASON_HARDWARE, START, "GHES: Fatal hardware error" },
    { REASON_HARDWARE, START, "Fatal hardware error" }, /* GHES before 6.7 */
    { REASON_HARDWARE, START, "Asynchronous SError Interrupt" },
    { REASON_HARDWARE, START, "Memory failure on page " },
    { REASON_HARDWARE, START, "UE " }, /* EDAC: an uncorrected error */
    { REASON_HARDWARE, START, "EDAC " },
    { REASON_HARDWARE, START, "EDAC: " },

    { REASON_WATCHDOG, START, "Software Watchdog Timer expired" },
    { REASON_WATCHDOG, START, "watchdog pretimeout event" },
    { REASON_WATCHDOG, START, "Watchdog pre-timeout" },
    { REASON_WATCHDOG, START, "pre-timeout" },
    { REASON_WATCHDOG, WITHIN, "An NMI occurred. Depending on your system" }, /* hpwdt */

    { REASON_STACK_CORRUPTION, START, "stack-protector: Kernel stack is corrupted in: " },
    { REASON_STACK_CORRUPTION, START, "corrupted stack end detected inside scheduler" },
    { REASON_STACK_CORRUPTION, START, "kernel stack overflow" },
    { REASON_STACK_CORRUPTION, START, "Kernel stack overflow" }, /* riscv */
    { REASON_STACK_CORRUPTION, START, "Corrupt kernel stack" },  /* s390 */
    { REASON_STACK_CORRUPTION, START, "Machine halted." },       /* x86 after a double fault */
    { REASON_STACK_CORRUPTION, END, " stack guard hit" },

    { REASON_NO_ROOT_FS, START, "VFS: Unable to mount root fs" },
    { REASON_NO_INIT, START, "No working init found." },
    { REASON_NO_INIT, START, "No init found." },
    { REASON_NO_INIT, START, "Requested init " },

    { REASON_WARN, START, "panic_on_warn set" },
    { REASON_WARN, WITHIN, ": panic_on_warn set" },
    { REASON_WARN, WITHIN, ": system warned too often (kernel.warn_limit is " },
    { REASON_TAINT, START, "panic_on_taint set" },
    { REASON_SANITIZER, START, "kasan.fault=panic set" },
    { REASON_SANITIZER, START, "kmsan.panic set" },
    { REASON_SECURITY_MODULE, START, "audit: " },
    { REASON_SECURITY_MODULE, START, "SELinux: " },
    { REASON_SECURITY_MODULE, START, "Apparmor: " },
    { REASON_SECURITY_MODULE, START, "AppArmor: " },

    { REASON_STORAGE, START, "EXT4-fs (device " },
    { REASON_STORAGE, START, "F2FS-fs (" },
    { REASON_STORAGE, START, "BTRFS panic (device" },
    { REASON_STORAGE, START, "dm-verity device " },
    { REASON_STORAGE, START, "GFS2: fsid=" },
    { REASON_STORAGE, WITHIN, "ocfs2 is very sorry to be fencing" },
    { REASON_STORAGE, WITHIN, "panic forced after error" },
    { REASON_STORAGE, WITHIN, "panic from previous error" },
};

static bool matches(struct span text, const struct reason *row)
{
    size_t size = strlen(row->text);
    if (text.size < size)
        return false;
    switch (row->place) {
    case START:
        return span_starts(text, row->text);
    case END:
        return memcmp(text.bytes + text.size - size, row->text, size) == 0;
    case WITHIN:
        return memmem(text.bytes, text.size, row->text, size) != NULL;
    }
    return false;
}

enum reason_code reason_code_of(struct span text)
{
    while (text.size > 0 && (text.bytes[text.size - 1] == '\n' || text.bytes[text.size - 1] == ' '))
        text.size--;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (matches(text, &reasons[i]))
            return reasons[i].code;
    return REASON_UNKNOWN;
}

bool reason_comes_from_oops(enum reason_code code)
{
    return code == REASON_OOPS || code == REASON_OOPS_IN_INTERRUPT || code == REASON_INIT_KILLED ||
           code == REASON_OOPS_LIMIT;
}

/* init and the idle task are killed by many things; an oops is the reason only if it was theirs. */
static bool is_about(enum reason_code code, struct span what, const struct oops *oops)
{
    if (code != REASON_INIT_KILLED || oops->pid.size == 0)
        return true;
    const char *pid = span_starts(what, "Attempted to kill init!") ? "1" : "0";
    return oops->pid.size == 1 && oops->pid.bytes[0] == pid[0];
}

void reason_write(enum reason_code code, struct span what, const struct span *lines, size_t count,
                  char *out, size_t cap)
{
    size_t used = 0, size = what.size < cap ? what.size : cap;
    char line[NETCONSOLE_DATAGRAM_MAX], text[OOPS_TEXT_SIZE];
    if (size > sizeof(line))
        size = sizeof(line);
    for (size_t i = 0; i < size; i++)
        line[i] = what.bytes[i] == '\n' ? ' ' : what.bytes[i];
    used = text_printable(out, cap, line, size, 0);
    struct oops oops;
    if (reason_comes_from_oops(code) && oops_find(lines, count, &oops) &&
        is_about(code, what, &oops))
        text_append(out, cap, &used, " (%s)", oops_print(&oops, text));
}
