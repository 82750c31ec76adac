#include "listener/reasons.h"

#include "tests/unit/unit.h"

#include <string.h>

static const struct {
    const char *text;
    enum reason_code code;
} rows[] = {
    { "sysrq triggered crash", REASON_SYSRQ },
    { "Fatal exception in interrupt", REASON_OOPS_IN_INTERRUPT },
    { "Oops: Fatal exception in interrupt", REASON_OOPS_IN_INTERRUPT }, /* arm64, riscv */
    { "Oops - BUG: Fatal exception in interrupt", REASON_OOPS_IN_INTERRUPT },
    { "Aiee, killing interrupt handler!", REASON_OOPS_IN_INTERRUPT },
    { "Fatal exception", REASON_OOPS },
    { "Fatal exception\n", REASON_OOPS },
    { "Oops: Fatal exception", REASON_OOPS }, /* arm64 */
    { "synchronous external abort: Fatal exception", REASON_OOPS },
    { "Fatal exception: panic_on_oops", REASON_OOPS }, /* s390 */
    { "Attempted to kill init! exitcode=0x0000000b", REASON_INIT_KILLED },
    { "Attempted to kill the idle task!", REASON_INIT_KILLED },
    { "Oopsed too often (kernel.oops_limit is 10000)", REASON_OOPS_LIMIT },
    { "hung_task: blocked tasks", REASON_HUNG_TASK },
    { "softlockup: hung tasks", REASON_SOFT_LOCKUP },
    { "Hard LOCKUP", REASON_HARD_LOCKUP },
    { "Watchdog detected hard LOCKUP on cpu 2", REASON_HARD_LOCKUP },
    { "RCU Stall", REASON_RCU_STALL },
    { "RCU Stall\n", REASON_RCU_STALL },
    { "NMI: Not continuing", REASON_NMI },
    { "NMI IOCK error: Not continuing", REASON_NMI },
    { "Out of memory: compulsory panic_on_oom is enabled", REASON_OUT_OF_MEMORY },
    { "Out of memory: system-wide panic_on_oom is enabled\n", REASON_OUT_OF_MEMORY },
    { "Out of memory and no killable processes...", REASON_OUT_OF_MEMORY },
    { "System is deadlocked on memory\n", REASON_OUT_OF_MEMORY },
    { "Fatal machine check on current CPU", REASON_HARDWARE },
    { "Fatal machine check", REASON_HARDWARE },
    { "Fatal Machine check", REASON_HARDWARE },
    { "Fatal local machine check", REASON_HARDWARE },
    { "Local fatal machine check!", REASON_HARDWARE },
    { "Panicing machine check CPU died", REASON_HARDWARE },
    { "MCA architectural violation!", REASON_HARDWARE },
    { "Too many consecutive machine checks while accessing user data", REASON_HARDWARE },
    { "Consecutive machine checks to different user pages", REASON_HARDWARE },
    { "Machine check from unknown source", REASON_HARDWARE },
    { "Timeout: Not all CPUs entered broadcast exception handler", REASON_HARDWARE },
    { "GHES: Fatal hardware error", REASON_HARDWARE },
    { "Fatal hardware error!", REASON_HARDWARE },
    { "Asynchronous SError Interrupt", REASON_HARDWARE },
    { "Memory failure on page 12f4c", REASON_HARDWARE },
    { "UE row 0, channel-a= 1 channel-b= 2 labels \"x\": y", REASON_HARDWARE },
    { "EDAC x: UE instance: 0 block 1 'z'", REASON_HARDWARE },
    { "Software Watchdog Timer expired", REASON_WATCHDOG },
    { "watchdog pretimeout event\n", REASON_WATCHDOG },
    { "Watchdog pre-timeout", REASON_WATCHDOG },
    { "pre-timeout", REASON_WATCHDOG },
    { "01: An NMI occurred. Depending on your system the reason for the NMI is logged in any one "
      "of the following resources:\n1. Integrated Management Log (IML)",
      REASON_WATCHDOG },
    { "stack-protector: Kernel stack is corrupted in: do_it+0x5/0x20", REASON_STACK_CORRUPTION },
    { "corrupted stack end detected inside scheduler\n", REASON_STACK_CORRUPTION },
    { "kernel stack overflow", REASON_STACK_CORRUPTION },
    { "Kernel stack overflow", REASON_STACK_CORRUPTION },
    { "Corrupt kernel stack, can't continue.", REASON_STACK_CORRUPTION },
    { "Machine halted.", REASON_STACK_CORRUPTION },
    { "TASK stack guard hit", REASON_STACK_CORRUPTION },
    { "VFS: Unable to mount root fs on unknown-block(0,0)", REASON_NO_ROOT_FS },
    { "VFS: Unable to mount root fs on \"\" or unknown-block(0,0)", REASON_NO_ROOT_FS },
    { "No working init found.  Try passing init= option to kernel.", REASON_NO_INIT },
    { "Requested init /bin/x failed (error -2).", REASON_NO_INIT },
    { "kernel: panic_on_warn set ...", REASON_WARN },
    { "KASAN: panic_on_warn set ...\n", REASON_WARN },
    { "panic_on_warn set ...", REASON_WARN },
    { "kernel: system warned too often (kernel.warn_limit is 10)", REASON_WARN },
    { "panic_on_taint set ...", REASON_TAINT },
    { "kasan.fault=panic set ...\n", REASON_SANITIZER },
    { "kmsan.panic set ...\n", REASON_SANITIZER },
    { "audit: backlog limit exceeded", REASON_SECURITY_MODULE },
    { "SELinux: No policy loaded", REASON_SECURITY_MODULE },
    { "Apparmor: failed to set up", REASON_SECURITY_MODULE },
    { "EXT4-fs (device sda1): panic forced after error\n", REASON_STORAGE },
    { "EXT2-fs: panic forced after error\n", REASON_STORAGE },
    { "JFS: (device sda1): panic forced after error", REASON_STORAGE },
    { "FAT-fs (sda1): fs panic from previous error", REASON_STORAGE },
    { "F2FS-fs (device sda1): panic forced after error", REASON_STORAGE },
    { "BTRFS panic (device sda1): x", REASON_STORAGE },
    { "dm-verity device corrupted", REASON_STORAGE },
    { "*** ocfs2 is very sorry to be fencing this system by panicing ***\n", REASON_STORAGE },
    { "GFS2: fsid=x: fatal", REASON_STORAGE },
    { "something that no kernel said yet", REASON_UNKNOWN },
    { "Not a Fatal exception at all", REASON_UNKNOWN },
    { "", REASON_UNKNOWN },
};

START_TEST(each_text_has_its_code)
{
    struct span text = { rows[_i].text, strlen(rows[_i].text) };
    ck_assert_int_eq(reason_code_of(text), rows[_i].code);
}
END_TEST

static const struct span oops_of_insmod[] = {
#define LINE(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    LINE("BUG: kernel NULL pointer dereference, address: 0000000000000010"),
    LINE("Oops: 0000 [#1] SMP PTI"),
    LINE("CPU: 0 PID: 158 Comm: insmod Tainted: G           OE"),
    LINE("RIP: 0010:nvidia_open+0x5/0x20"),
};
static const struct span oops_of_init[] = {
    LINE("BUG: kernel NULL pointer dereference, address: 0000000000000010"),
    LINE("Oops: 0000 [#1] SMP PTI"),
    LINE("CPU: 0 PID: 1 Comm: init Not tainted 6.1"),
#undef LINE
};

static const struct {
    const char *what;
    const struct span *lines;
    size_t count;
    const char *reason;
} reasons[] = {
    { "Fatal exception in interrupt", oops_of_insmod, 4,
      "Fatal exception in interrupt (NULL pointer dereference at 0000000000000010 in nvidia_open, "
      "task insmod)" },
    { "Fatal exception", oops_of_insmod, 1,
      "Fatal exception (NULL pointer dereference at 0000000000000010)" },
    { "Fatal exception", oops_of_insmod, 0, "Fatal exception" },
    { "sysrq triggered crash", oops_of_insmod, 4, "sysrq triggered crash" },
    /* init's exit is not the fault of an oops that killed somebody else before. */
    { "Attempted to kill init! exitcode=0x00000000", oops_of_insmod, 4,
      "Attempted to kill init! exitcode=0x00000000" },
    { "Attempted to kill init! exitcode=0x00000009", oops_of_init, 3,
      "Attempted to kill init! exitcode=0x00000009 (NULL pointer dereference at 0000000000000010, "
      "task init)" },
    { "two\nlines \x1b[31m", NULL, 0, "two lines ?[31m" },
};

START_TEST(the_reason_names_what_led_to_it)
{
    char out[256];
    struct span what = { reasons[_i].what, strlen(reasons[_i].what) };
    reason_write(reason_code_of(what), what, reasons[_i].lines, reasons[_i].count, out,
                 sizeof(out));
    ck_assert_str_eq(out, reasons[_i].reason);
}
END_TEST

START_TEST(a_long_reason_is_cut)
{
    char out[64], text[2000];
    memset(text, 'x', sizeof(text));
    reason_write(REASON_UNKNOWN, (struct span){ text, sizeof(text) }, NULL, 0, out, sizeof(out));
    ck_assert_uint_eq(strlen(out), sizeof(out) - 1);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *codes = tcase_create("reasons");
    tcase_add_loop_test(codes, each_text_has_its_code, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(codes, the_reason_names_what_led_to_it, 0,
                        sizeof(reasons) / sizeof(reasons[0]));
    tcase_add_test(codes, a_long_reason_is_cut);
    suite_add_tcase(suite, codes);
}

int main(void)
{
    return unit_run("listener reasons", fill);
}
