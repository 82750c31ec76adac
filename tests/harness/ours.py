"""What a node's own sending side writes to /dev/kmsg, as netconsole sends it on."""
from tests.harness.fleet import Node

PANIC = "Kernel panic - not syncing: Fatal exception in interrupt"
OOPS = ("BUG: kernel NULL pointer dereference, address: 0000000000000010",
        "Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI",
        "CPU: 1 UID: 0 PID: 158 Comm: insmod Not tainted 6.12.57 #1",
        "RIP: 0010:do_oops+0x5/0x20 [crashme]")


def extended(text: str, kernel_us: int = 9_000_000, facility: int = 1, seq: int = 900,
             **userdata: str) -> bytes:
    pairs = "".join(f" {key}={value}\n" for key, value in userdata.items())
    return f"{facility << 3 | 6},{seq},{kernel_us},-;{text}\n{pairs}".encode()


def basic(text: str, kernel_us: int = 9_000_000) -> bytes:
    return f"[{kernel_us // 1000000:5}.{kernel_us % 1000000:06}] {text}\n".encode()


def drill(node: Node, number: str = "9f86d081884c7d65") -> str:
    return f"lastgasp: drill node={node.name} boot={node.boot} id={number}"


def heartbeat(node: Node, every: int = 300) -> str:
    return f"lastgasp: heartbeat node={node.name} boot={node.boot} every={every}"


def late(boot: str, *lines: str) -> list[str]:
    """What is told of the kernel that ran as that boot: its log's LINES, one of them the panic's."""
    return [f"lastgasp: late boot={boot} part={part}/{len(lines)} {line}"
            for part, line in enumerate(lines, 1)]
