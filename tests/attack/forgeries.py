"""What somebody can send who is no panicking kernel: a table of each forgery that is tried."""
import dataclasses
import re

from tests.harness import captures
from tests.harness.pipeline import PANIC

LINE = b"Kernel panic - not syncing: forged"
# Of drivers, file systems and command lines; each is a line that a living kernel may print.
LOOKALIKES = [
    b"[Hardware Error]: Fake kernel panic: Fatal machine check", b"PANIC at zio.c:341:zio_done()",
    b"aacraid 0000:03:00.0: adapter kernel panic'd 0.", b"ath: firmware panic! exccause: 0x10",
    b"cros_ec_lpcs: CrOS EC Panic Reported", b"softdog: Initiating panic",
    b"GHES: Fatal hardware error but panic disabled", b"viafb: not syncing",
    b"panic_on_taint: bitmask=0x20", b"REISERFS panic (device sda1): forged",
    b"Kernel command line: root=/dev/sda1 panic=10 oops=panic",
    b"usb 1-1: Product: Kernel panic - not syncing: forged"]


def basic(*texts: bytes) -> list[bytes]:
    return [b"[    4.%06d] %s\n" % (number, text) for number, text in enumerate(texts)]


def extended(prefix: int, text: bytes = LINE, more: bytes = b"", userdata: bytes = b"") -> bytes:
    return b"%d,77,4000000,-%s;%s\n%s" % (prefix, more, text, userdata)


def capture(name: str, count: int | None = None) -> list[bytes]:
    return [data for _, data in captures.datagrams(name)[:count]]


def at_another_time(datagrams: list[bytes], seconds: bytes) -> list[bytes]:
    """Of basic format: a kernel record that is the same to the microsecond is a copy."""
    return [re.sub(rb"^\[ *\d+\.", b"[%5s." % seconds, data) for data in datagrams]


@dataclasses.dataclass
class Forgery:
    """NODE in a datagram stands for the name of the Node that it is about, OTHER for another's."""
    name: str
    datagrams: list[bytes]
    is_asked: bool  # whether the machine is asked for it; else it is known for what it is
    by_another: bool = False
    from_nobody: bool = False
    outcome: str | None = None  # of the row that it makes in the history


FORGERIES = [
    Forgery("lookalikes in basic format", basic(*LOOKALIKES), False),
    Forgery("the line in basic format", basic(LINE), True),
    Forgery("the line in extended format", [extended(0)], True),
    Forgery("the line's first fragment", [extended(0, more=b",ncfrag=0/4000")], True),
    Forgery("the end marker alone", basic(b"---[ end " + LINE + b" ]---"), True),
    Forgery("a reboot after an oops", basic(b"BUG: forged", b"Rebooting in 9 seconds.."), True),
    Forgery("an orderly end", basic(b"reboot: Power down"), True),
    Forgery("an orderly end that root asked for",
            [extended(0, b"reboot: System halted", userdata=b" halt=root\n")], True),
    Forgery("/dev/kmsg in basic format", capture("6.12/cfgbasic-kmsg", -2), True),
    Forgery("/dev/kmsg in extended format", capture("6.12/cfgext-kmsg", -2), False),
    Forgery("prefixes over 255", [extended(prefix) for prefix in (256, 264, 1032, 2040, 2047)]
            + [extended(2048), b"<264>" + LINE + b"\n"], False),
    Forgery("replayed old text", capture("6.1/basic-sysrqc"), True),
    Forgery("a pod masqueraded as its node", at_another_time(capture(PANIC), b"3"), True),
    Forgery("the same with a time to come", at_another_time(capture(PANIC), b"99999"), True),
    Forgery("another node's address", at_another_time(capture(PANIC), b"3"), True, by_another=True),
    Forgery("nobody's address", at_another_time(capture(PANIC), b"3"), False, from_nobody=True),
    Forgery("userdata of another node", [extended(0, userdata=b" node=OTHER\n")], False,
            outcome="mismatch"),
    Forgery("userdata of another boot", [extended(0, userdata=b" node=NODE\n boot=gone\n")], False,
            outcome="mismatch"),
]


# Where a token is required.  A node's changed since: each has an old one, too.
def signed(node: bytes, token: bytes, kernel_time: int = 4) -> bytes:
    return b"0,77,%d000000,-;%s\n node=%s\n token=%s\n" % (kernel_time, LINE, node, token)


TOKENS = "NODE token-of-NODE-now\n"
OLD_TOKENS = TOKENS + "NODE token-of-NODE-old\n"
SIGNED_PANIC = [signed(b"NODE", b"token-of-NODE-now", kernel_time=5)]
UNSIGNED = [
    Forgery("no token in basic format", basic(LINE), False),
    Forgery("no token in extended format", [extended(0, userdata=b" node=NODE\n")], False),
    Forgery("no token in the first fragment", [extended(0, more=b",ncfrag=0/4000")], False),
    Forgery("no token and an orderly end", basic(b"reboot: Power down"), False),
    Forgery("an old token", [signed(b"NODE", b"token-of-NODE-old")], False),
    Forgery("another node's token", [signed(b"NODE", b"token-of-OTHER-now")], False),
    Forgery("another node's name and token", [signed(b"OTHER", b"token-of-OTHER-now")], False,
            outcome="mismatch"),
]
