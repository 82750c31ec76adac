"""What a datagram costs the listener in CPU, and whether any is lost, beside a bare receiving loop.

One sender (datagrams/send.c) sends what real kernels sent over loopback IPv6 at a steady rate, by
turns to the listener and to a recvmmsg loop that only counts (datagrams/count.c): first from 256
Nodes, then, to the listener alone, from as many strangers as there are datagrams.  At the end some
Nodes panic, whose lines of before must be there still.
"""
import dataclasses
import ipaddress
import pathlib
import re
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from tests.attack.flood import own_network
from tests.bench.alone import anonymous_mb, cpu_seconds
from tests.bench.report import Row, say, table_of, tell
from tests.harness import captures
from tests.harness.edges import Server
from tests.harness.programs import (Program, build_folder, die_with_parent, free_udp_port,
                                    wait_until)

ROUNDS, TINY_ROUNDS = 3, 1
RATE, TINY_RATE = 190_000, 20_000
DATAGRAMS, TINY_DATAGRAMS = 1_000_000, 10_000  # a turn; as many strangers
NODES = 256
CAPTURES = {"basic": "6.12/basic-warn", "extended": "6.12/ext-warn"}
PANIC = b"[ 9999.000000] Kernel panic - not syncing: the bench is over\n"
PANICS = 4  # their traces have to find room in one queue
CONTEXT_BYTES = 16_384  # at least, where a Node sent that much: 256 share 6 MiB (sources.h)
LINE_BYTES = 40  # at least, on average
TARGET_RATIO, TARGET_MB = 2.0, 16.0
IPV6_FREEBIND = 78  # linux/in6.h


@dataclasses.dataclass
class Turn:
    rate: float
    lost: int
    us: float  # of CPU, user and system, a datagram that arrived


def path_of(name: str) -> str:
    return str(build_folder() / "tests" / "bench" / f"datagrams-{name}")


def source(number: int) -> str:
    """As datagrams/send.c names them."""
    return str(ipaddress.IPv6Address("fd66::") + number)


def lines_of(capture: str) -> bytes:
    """As datagrams/send.c reads them; without what the machine said as it was switched off."""
    return b"".join(struct.pack("=H", len(data)) + data for _, data in captures.datagrams(capture)
                    if b"reboot: " not in data)


def queue_of(port: int) -> tuple[int, int]:
    """Bytes that wait in the socket of that port, and how many datagrams found no room in it."""
    rows = pathlib.Path("/proc/thread-self/net/udp6").read_text(encoding="ascii").splitlines()
    (words,) = [row.split() for row in rows if f":{port:04X} " in row]
    return int(words[4].partition(":")[2], 16), int(words[-1])


def turn(pid: int, port: int, capture: str, rate: float, count: int, sources: int) -> Turn:
    cpu_s, (_, drops) = cpu_seconds(pid), queue_of(port)
    sent = subprocess.run([path_of("send"), "::1", str(port), str(rate), str(count), str(sources)],
                          input=lines_of(capture), stdout=subprocess.PIPE, check=True,
                          preexec_fn=die_with_parent)
    wait_until(lambda: queue_of(port)[0] == 0, 20, "an empty queue")
    lost = queue_of(port)[1] - drops
    return Turn(float(sent.stdout), lost, (cpu_seconds(pid) - cpu_s) * 1e6 / max(count - lost, 1))


class Bare:
    def __init__(self):
        self.port = free_udp_port("::1")
        self._process = subprocess.Popen([path_of("count"), str(self.port)], text=True,
                                         stdout=subprocess.PIPE, preexec_fn=die_with_parent)
        self.pid = self._process.pid
        assert self._process.stdout.readline() == "ready\n", "datagrams-count did not start"

    def count(self) -> int:
        """Ends it; how many datagrams it counted."""
        self._process.send_signal(signal.SIGTERM)
        return int(self._process.communicate(timeout=10)[0])

    def __enter__(self) -> "Bare":
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


class Listener:
    """The real one, and a stand-in for the correlator that names NODES."""

    def __init__(self, folder: pathlib.Path):
        self.port = free_udp_port("::1")
        self.above = Server(folder / "correlator.sock", "correlator")
        self.program = Program("lastgasp-listener", f"--to={self.above.path}",
                               f"--pending={folder / 'pending'}", f"--listen=[::1]:{self.port}",
                               folder=folder)
        self.pid = self.program.pid

    def name_nodes(self) -> None:
        self.above.wait_connected().send(
            {"type": "sources", "op": "begin"},
            {"type": "sources", "op": "add", "addresses": [source(i) for i in range(NODES)]},
            {"type": "sources", "op": "end"})
        self.program.wait_for(f"{NODES} addresses are Nodes'")

    def contexts(self) -> list[int]:
        """PANICS Nodes panic; how many bytes of lines, most of them of before, come with each."""
        for node in range(0, NODES, NODES // PANICS):
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
                sock.bind((source(node), 0))
                sock.sendto(PANIC, ("::1", self.port))
        self.above.wait_for("trace", PANICS, seconds=30, last=True)
        sizes: dict[str, int] = {}
        for part in self.above.of("trace"):
            size = sum(len(line) + 1 for line in part["lines"])
            sizes[part["id"]] = sizes.get(part["id"], 0) + size
        return sorted(sizes.values())

    def count(self) -> int:
        self.program.stop()
        return int(re.search(r"counters: .*?\bdatagrams=(\d+)", self.program.log())[1])

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.program.kill()
        self.above.close()


@contextmanager
def scene() -> Iterator[tuple[Bare, Listener]]:
    with tempfile.TemporaryDirectory(prefix="lastgasp-bench-") as name, own_network(), \
            Bare() as bare, Listener(pathlib.Path(name)) as listener:
        listener.name_nodes()
        yield bare, listener


@dataclasses.dataclass
class Round:
    bare: dict[str, Turn]
    ours: dict[str, Turn]
    strangers: Turn
    anonymous_mb: float


def measure(rate: float, count: int) -> Round:
    bare_turns, our_turns = {}, {}
    with scene() as (bare, listener):
        for name, capture in CAPTURES.items():
            bare_turns[name] = turn(bare.pid, bare.port, capture, rate, count, NODES)
            our_turns[name] = turn(listener.pid, listener.port, capture, rate, count, NODES)
        strangers = turn(listener.pid, listener.port, CAPTURES["basic"], rate, count, count)
        held_mb = anonymous_mb(listener.pid)
        contexts = listener.contexts()
        say(f"  bytes of lines that came with {PANICS} panics at the end: {contexts}")
        least = min(CONTEXT_BYTES, LINE_BYTES * count // NODES)
        assert contexts[0] >= least, f"a Node had less than {least} bytes of context"
        heard = {bare: bare_turns.values(), listener: [*our_turns.values(), strangers]}
        for receiver, turns in heard.items():
            more = PANICS if receiver is listener else 0
            assert receiver.count() == len(turns) * count - sum(t.lost for t in turns) + more
    return Round(bare_turns, our_turns, strangers, held_mb)


def rows_of(what: str, ours: list[Turn], bare: list[Turn] | None) -> list[Row]:
    lost = max(one.lost for one in ours)
    lost_what = f"ingest, {what}, lost at {min(one.rate for one in ours):.0f} a second"
    us = statistics.median(one.us for one in ours)
    if bare is None:
        return [Row(lost_what, lost, "datagrams", "none", most=0),
                Row(f"ingest, {what}, CPU a datagram", us, "us", "none")]
    bare_lost = max(one.lost for one in bare)
    return [Row(lost_what, lost, "datagrams", f"bare loop {bare_lost}", most=0),
            Row(f"ingest, {what}, CPU a datagram", us, "us", "bare loop",
                statistics.median(one.us for one in bare), most_ratio=TARGET_RATIO)]


def run(rounds: int, tiny: bool) -> list[Row]:
    rate, count = (TINY_RATE, TINY_DATAGRAMS) if tiny else (RATE, DATAGRAMS)
    all_of = [measure(rate, count) for _ in range(rounds)]
    shown = []
    for i, one in enumerate(all_of, 1):
        turns = [(f"{NODES} Nodes, {name}, {who}", by[name]) for name in CAPTURES
                 for who, by in (("bare loop", one.bare), ("listener", one.ours))]
        for what, it in [*turns, (f"{count} strangers, basic, listener", one.strangers)]:
            shown.append([str(i), what, f"{it.rate:.0f}", str(it.lost), f"{it.us:.2f}"])
    say(f"  {count} datagrams a turn, {rate} a second wanted:")
    table_of(["round", "from, to", "a second", "lost", "us of CPU each"], shown)
    rows = []
    for name in CAPTURES:
        rows += rows_of(f"{NODES} sources, {name}", [one.ours[name] for one in all_of],
                        [one.bare[name] for one in all_of])
    rows += rows_of(f"{count} sources", [one.strangers for one in all_of], None)
    rows.append(Row(f"ingest, {count} sources, anonymous memory",
                    max(one.anonymous_mb for one in all_of), "MB", "none", most=TARGET_MB))
    for row in rows:
        tell(row)
    return rows
