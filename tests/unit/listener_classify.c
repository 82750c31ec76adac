#include "listener/classify.h"

#include "tests/unit/unit.h"

#include <string.h>

#define UNKNOWN RECORD_ABSENT

static const struct {
    const char *text;
    enum line_kind kernel; /* with facility 0, and where the facility is unknown */
    enum line_kind user;   /* with facility 1 */
    unsigned detail;
    const char *what;
} rows[] = {
    { "Kernel panic - not syncing: Fatal exception", LINE_PANIC, LINE_FORGED, 0,
      "Fatal exception" },
    { "Kernel panic - not syncing: ", LINE_PANIC, LINE_FORGED, 0, "" },
    { "---[ end Kernel panic - not syncing: sysrq triggered crash ]---", LINE_END_MARKER,
      LINE_PLAIN, 0, "sysrq triggered crash" },
    { "---[ end Kernel panic - not syncing: cut by the ne", LINE_END_MARKER, LINE_PLAIN, 0,
      "cut by the ne" },
    { "Rebooting in 3 seconds..", LINE_REBOOTING, LINE_PLAIN, 0, "" },
    { "Rebooting in 86400 seconds..", LINE_REBOOTING, LINE_PLAIN, 0, "" },
    { "Linux version 6.12.107 (gcc)", LINE_BANNER, LINE_PLAIN, 0, "" },
    { "lastgasp: heartbeat every=300", LINE_HEARTBEAT, LINE_HEARTBEAT, 0, "" },
    { "lastgasp: drill node=a boot=b id=c", LINE_DRILL, LINE_DRILL, 0, "" },
    { "lastgasp: late boot=b part=1/1 x", LINE_LATE, LINE_LATE, 0, "" },
    { "lastgasp: heartbeat", LINE_OURS, LINE_OURS, 0, "" },
    { "lastgasp:drill node=a boot=b id=c", LINE_PLAIN, LINE_PLAIN, 0, "" },

    { "reboot: System halted", LINE_HALT, LINE_PLAIN, HALT_HALTED, "" },
    { "reboot: Power off not available: System halted instead", LINE_HALT, LINE_PLAIN, HALT_HALTED,
      "" },
    { "reboot: Power down", LINE_HALT, LINE_PLAIN, HALT_POWER_DOWN, "" },
    { "reboot: Restarting system", LINE_HALT, LINE_PLAIN, HALT_RESTARTING, "" },
    { "reboot: Restarting system with command 'bootloader'", LINE_HALT, LINE_PLAIN, HALT_RESTARTING,
      "" },
    { "reboot: HARDWARE PROTECTION shutdown (Temperature too high)", LINE_HALT, LINE_PLAIN,
      HALT_POWER_DOWN, "" },
    { "reboot: HARDWARE PROTECTION reboot (Regulator)", LINE_HALT, LINE_PLAIN, HALT_RESTARTING,
      "" },
    { "HARDWARE PROTECTION shutdown (x)", LINE_HALT, LINE_PLAIN, HALT_POWER_DOWN, "" },

    /* Precursors. */
    { "sysrq: Trigger a crash", LINE_PRECURSOR, LINE_PLAIN, REASON_SYSRQ, "" },
    { "BUG: kernel NULL pointer dereference, address: 0000000000000010", LINE_PRECURSOR, LINE_PLAIN,
      REASON_OOPS, "" },
    { "BUG: unable to handle page fault for address: ffffc90000000000", LINE_PRECURSOR, LINE_PLAIN,
      REASON_OOPS, "" },
    { "Unable to handle kernel paging request at virtual address dead000000000108", LINE_PRECURSOR,
      LINE_PLAIN, REASON_OOPS, "" },
    { "Internal error: Oops: 0000000096000004 [#1] SMP", LINE_PRECURSOR, LINE_PLAIN, REASON_OOPS,
      "" },
    { "kernel BUG at mm/slub.c:305!", LINE_PRECURSOR, LINE_PLAIN, REASON_OOPS, "" },
    { "general protection fault, probably for non-canonical address 0xdead: 0000 [#1]",
      LINE_PRECURSOR, LINE_PLAIN, REASON_OOPS, "" },
    { "Oops: Oops: 0002 [#1] PREEMPT SMP", LINE_PRECURSOR, LINE_PLAIN, REASON_OOPS, "" },
    { "PANIC: double fault, error_code: 0x0", LINE_PRECURSOR, LINE_PLAIN, REASON_STACK_CORRUPTION,
      "" },
    { "Watchdog detected hard LOCKUP on cpu 3", LINE_PRECURSOR, LINE_PLAIN, REASON_HARD_LOCKUP,
      "" },
    { "watchdog: Watchdog detected hard LOCKUP on cpu 3", LINE_PRECURSOR, LINE_PLAIN,
      REASON_HARD_LOCKUP, "" },
    { "BUG: soft lockup - CPU#1 stuck for 26s! [stress:1]", LINE_PRECURSOR, LINE_PLAIN,
      REASON_SOFT_LOCKUP, "" },
    { "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [stress:1]", LINE_PRECURSOR, LINE_PLAIN,
      REASON_SOFT_LOCKUP, "" },
    { "INFO: task hung:158 blocked for more than 10 seconds.", LINE_PRECURSOR, LINE_PLAIN,
      REASON_HUNG_TASK, "" },
    { "rcu: INFO: rcu_preempt self-detected stall on CPU", LINE_PRECURSOR, LINE_PLAIN,
      REASON_RCU_STALL, "" },
    { "INFO: rcu_sched self-detected stall on CPU", LINE_PRECURSOR, LINE_PLAIN, REASON_RCU_STALL,
      "" },
    { "mce: [Hardware Error]: CPU 3: Machine Check Exception: 5 Bank 9: x", LINE_PRECURSOR,
      LINE_PLAIN, REASON_HARDWARE, "" },
    { "[Hardware Error]: event severity: fatal", LINE_PRECURSOR, LINE_PLAIN, REASON_HARDWARE, "" },
    { "Kernel Offset: 0x1e800000 from 0xffffffff81000000", LINE_PRECURSOR, LINE_PLAIN,
      REASON_UNKNOWN, "" },
    { "Call Trace:", LINE_PRECURSOR, LINE_PLAIN, REASON_UNKNOWN, "" },

    /* Lookalikes, each of which some kernel or driver prints. */
    { "[Hardware Error]: Fake kernel panic: Fatal machine check", LINE_PRECURSOR, LINE_PLAIN,
      REASON_HARDWARE, "" },
    { "PANIC at zio.c:123:zio_done()", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "aacraid: Host adapter kernel panic'd 0.", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "ath: firmware panic! exccause: 0x14", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "CrOS EC Panic Reported. Shutdown is imminent!", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "softdog: Initiating panic", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "Initiating panic", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "GHES: Fatal hardware error but panic disabled", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "viafb: not syncing", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "panic_on_taint: bitmask=0x200 nousertaint_mode=disabled", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "REISERFS panic (device sda1): journal-1", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "Kernel command line: root=/dev/sda panic=10 oops=panic", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "usb 1-2: Product: Kernel panic - not syncing: x", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { " Kernel panic - not syncing: x", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "[  999.999999] Kernel panic - not syncing: x", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "innocent\nKernel panic - not syncing: x", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "kernel panic - not syncing: x", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "Kernel panic is only mentioned here", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "Kernel panic - not syncing", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "systemd[1]: Reached target kernel panic drill", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "Rebooting in", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "Rebooting in the morning", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "Rebooting in 3 minutes", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "---[ end trace 0000000000000000 ]---", LINE_PLAIN, LINE_PLAIN, 0, "" },
    { "", LINE_PLAIN, LINE_PLAIN, 0, "" },
};

static struct line_class class_of(const char *text, uint64_t facility)
{
    struct kernel_record record = { .facility = facility, .text = { text, strlen(text) } };
    return classify(&record);
}

static void check_kernel(uint64_t facility, int row)
{
    struct line_class class = class_of(rows[row].text, facility);
    ck_assert_int_eq(class.kind, rows[row].kernel);
    ck_assert_uint_eq(class.what.size, strlen(rows[row].what));
    if (class.what.size > 0)
        ck_assert_int_eq(memcmp(class.what.bytes, rows[row].what, class.what.size), 0);
    if (class.kind == LINE_PRECURSOR)
        ck_assert_uint_eq(class.code, rows[row].detail);
    if (class.kind == LINE_HALT)
        ck_assert_uint_eq(class.halt, rows[row].detail);
}

START_TEST(a_line_is_what_its_beginning_says)
{
    check_kernel(0, _i);
}
END_TEST

START_TEST(without_a_facility_a_line_is_believed)
{
    check_kernel(UNKNOWN, _i);
}
END_TEST

START_TEST(another_facility_proves_nothing)
{
    ck_assert_int_eq(class_of(rows[_i].text, 1).kind, rows[_i].user);
    ck_assert_int_eq(class_of(rows[_i].text, 255).kind, rows[_i].user);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *lines = tcase_create("lines");
    int count = sizeof(rows) / sizeof(rows[0]);
    tcase_add_loop_test(lines, a_line_is_what_its_beginning_says, 0, count);
    tcase_add_loop_test(lines, without_a_facility_a_line_is_believed, 0, count);
    tcase_add_loop_test(lines, another_facility_proves_nothing, 0, count);
    suite_add_tcase(suite, lines);
}

int main(void)
{
    return unit_run("listener classify", fill);
}
