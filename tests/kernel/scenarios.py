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
    v6: bool = False  # what it sends with
    above: str = ""  # "bridge" or "bond": its network is on such a device
    keeps: bool = False  # what it says last is there after its next boot
    is_first: bool = True  # its trigger is pulled before the first test

    def __str__(self) -> str:
        return f"{self.name}-{self.kernel}"


def setting(name: str, value: int) -> str:
    return f"echo {value} >/proc/sys/{name}; "


PANICS = [
    Scenario("sysrq-c", "6.1", "echo c >/proc/sysrq-trigger", "sysrq", "sysrq triggered crash"),
    Scenario("sysrq-c", "6.12", "echo c >/proc/sysrq-trigger", "sysrq", "sysrq triggered crash"),
    Scenario("sysrq-c-over-ipv6", "6.12", "echo c >/proc/sysrq-trigger", "sysrq",
             "sysrq triggered crash", v6=True),
    *(Scenario(f"sysrq-c-by-{above}", "6.12", "echo c >/proc/sysrq-trigger", "sysrq",
               "sysrq triggered crash", above=above) for above in ("bridge", "bond")),
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

LINES = [FORGED, f"<0>{FORGED}", f"<6>{FORGED}", f"<28>{FORGED}", f"[  999.999999] {FORGED}",
         f"---[ end {FORGED} ]---", "Oops: 0000 [#1] SMP", "reboot: Restarting system",
         r"an innocent line\n" + FORGED, r"an innocent line\n0,1,2,-;" + FORGED]
# Without the rules that keep programs from it.
UNGUARDED = "nft delete table inet lastgasp_netconsole; "
LIVES = [
    Scenario("text-in-dev-kmsg", "6.1",
             "; ".join(f"printf '{line}\\n' >/dev/kmsg" for line in LINES)),
    Scenario("text-in-dev-kmsg", "6.12",
             "; ".join(f"printf '{line}\\n' >/dev/kmsg" for line in LINES)),
    Scenario("udp-of-a-program", "6.1", UNGUARDED
             + f"echo '0,100,100000000,-;{FORGED}' | socat -u - UDP:$COLLECTOR"),
    Scenario("oops-alone", "6.12", setting("kernel/panic_on_oops", 0) + LOAD.format("oops")),
]
# Their tests pull these triggers: a machine that is silent without a word of its own holds up the
# verdict on its neighbours.
RESTART = Scenario("reboot", "6.12", "reboot -f", is_first=False)
POWER_OFF = Scenario("power-off", "6.1", "poweroff -f", is_first=False)
RULES = Scenario("rules", "6.1", "", is_first=False)
GATEWAY = Scenario("gateway", "6.12", "echo c >/proc/sysrq-trigger", is_first=False)
PARAMETER = Scenario("module-parameter", "6.1", "echo c >/proc/sysrq-trigger", is_first=False)
DEVICES = Scenario("devices", "6.12", "", is_first=False)
UNHEARD = Scenario("unheard", "6.12", setting("kernel/panic", 1) + "echo c >/proc/sysrq-trigger",
                   keeps=True, is_first=False)
WORDS = Scenario("words", "6.12", "", is_first=False)
