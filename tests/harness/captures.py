"""The datagrams of real kernels that were made to panic, and sending them again."""
import base64
import csv
import dataclasses
import json
import pathlib
import socket
import time

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "captures"


@dataclasses.dataclass
class Truth:
    """A row of index.tsv: what the wire shows, by the people who made the kernel panic."""
    capture: str
    format: str
    panics: int
    kmsg_forgeries: int
    reason_code: str
    reason: str

    @property
    def emitted(self) -> int:
        """In basic format a line written to /dev/kmsg looks exactly like the kernel's own."""
        is_basic = self.format in ("basic", "cfgbasic")
        return self.panics + (self.kmsg_forgeries if is_basic else 0)


def index() -> list[Truth]:
    with open(FOLDER / "index.tsv", encoding="utf-8", newline="") as file:
        return [Truth(row["capture"], row["format"], int(row["panics"]),
                      int(row["kmsg_forgeries"]), row["reason_code"], row["reason"])
                for row in csv.DictReader(file, delimiter="\t")]


def datagrams(capture: str) -> list[tuple[float, bytes]]:
    """(seconds since the first, bytes) of each datagram."""
    with open(FOLDER / f"{capture}.jsonl", encoding="utf-8") as file:
        return [(row["t"], base64.b64decode(row["data_b64"])) for row in map(json.loads, file)]


def sender(source: str) -> socket.socket:
    """A socket whose datagrams come from SOURCE."""
    sock = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((source, 0))
    return sock


def queue(port: int) -> int:
    """How many bytes wait in the kernel's queue in front of whoever has that IPv4 UDP port."""
    sockets = [line.split() for line in pathlib.Path("/proc/net/udp").read_text().splitlines()]
    (queues,) = [words[4] for words in sockets if words[1].endswith(f":{port:04X}")]
    return int(queues.partition(":")[2], 16)


def send(capture: str, source: str, target: tuple[str, int], gap_max: float = 0.02) -> float:
    """Sends a capture from SOURCE with its own timing, gaps over GAP_MAX seconds shortened.
    Returns the wall time at which the first datagram with a panic line left (or the last's)."""
    panic_at = 0.0
    with sender(source) as sock:
        before = 0.0
        for at, data in datagrams(capture):
            time.sleep(min(max(at - before, 0.0), gap_max))
            before = at
            if not panic_at and b"Kernel panic - not syncing" in data:
                panic_at = time.time()
            sock.sendto(data, target)
    return panic_at or time.time()
