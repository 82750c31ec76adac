"""What happens to the guests: one scenario, one guest, one Node."""
import dataclasses
import re

FORGED = "Kernel panic - not syncing: forged"
LOAD = "insmod /crash.ko act={}"


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    kernel: str
    command: str  # what pid 1 of the guest does
    code: str = ""  # the reason code and the text of the panic that it leads to
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.name}-{self.kernel}"


def setting(name: str, value: int) -> str:
    return f"echo {value} >/proc/sys/{name}; "


PANICS = [
    Scenario("sysrq-c", "6.1", "echo c >/proc/sysrq-trigger", "sysrq", "sysrq triggered crash"),
    Scenario("sysrq-c", "6.12", "echo c >/proc/sysrq-trigger", "sysrq", "sysrq triggered crash"),
    Scenario("oops", "6.12", setting("kernel/panic_on_oops", 1) + LOAD.format("oops"),
             "oops", "Fatal exception.*"),
    Scenario("oops-in-interrupt", "6.1", LOAD.format("oops-in-interrupt"),
             "oops-in-interrupt", "Fatal exception in interrupt.*"),
    Scenario("init-killed", "6.12", "exit 0", "init-killed",
             re.escape("Attempted to kill init! exitcode=0x00000000")),
    Scenario("hung-task", "6.1", setting("kernel/hung_task_timeout_secs", 2)
             + setting("kernel/hung_task_panic", 1) + LOAD.format("hang"),
             "hung-task", "hung_task: blocked tasks"),
    Scenario("soft-lockup", "6.12", setting("kernel/watchdog_thresh", 1)
             + setting("kernel/softlockup_panic", 1) + LOAD.format("spin"),
             "soft-lockup", "softlockup: hung tasks"),
    Scenario("out-of-memory", "6.1", setting("vm/panic_on_oom", 1) + "tail /dev/zero",
             "out-of-memory", "Out of memory: .*panic_on_oom is enabled"),
    Scenario("panic-on-warn", "6.12", setting("kernel/panic_on_warn", 1) + LOAD.format("warn"),
             "warn", "kernel: panic_on_warn set.*"),
]
