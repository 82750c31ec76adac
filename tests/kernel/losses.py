"""A network that loses and reorders, between what kernels sent and a real listener.

A run is the datagrams of one death as they reach one collector; which of them get through, and in
which order, is drawn from a seed.
"""
import pathlib
import random
import re
import time
from collections.abc import Iterable

from tests.harness import captures
from tests.harness.edges import Server
from tests.harness.programs import Program, free_udp_port, wait_until

LATE = 0.1  # so many arrive late,
LATE_SECONDS = 0.02  # by so much at most
# What panic() alone prints; in the extended format it comes from the kernel's own facility, too.
PROOF = re.compile(rb"Kernel panic - not syncing: |---\[ end Kernel panic - not syncing: ")
KERNELS_OWN = re.compile(rb"(?:[^,;]+,)?[0-7],\d+,\d+,[^;]*;")
LOT, PAUSE_SECONDS = 8, 0.001  # datagrams sent at once, and after that: slow enough for any queue


def relay(datagrams: list[tuple[float, bytes]], loss: float, chance: random.Random) -> list[bytes]:
    """What is left of them, in the order in which it arrives. DATAGRAMS: with the seconds at which
    they were sent."""
    arriving = [(at + (chance.uniform(0, LATE_SECONDS) if chance.random() < LATE else 0), data)
                for at, data in datagrams if chance.random() >= loss]
    return [data for _, data in sorted(arriving, key=lambda each: each[0])]


def has_proof(datagrams: Iterable[bytes], is_extended: bool) -> bool:
    """Whether a panic's line or its end marker is among them."""
    for data in datagrams:
        own = KERNELS_OWN.match(data)
        if PROOF.match(data, own.end()) if own else not is_extended and PROOF.search(data):
            return True
    return False


def source_of(number: int) -> str:
    return f"127.66.{number // 200}.{number % 200 + 1}"


def panics_heard(folder: pathlib.Path, runs: list[list[bytes]]) -> list[int]:
    """Sends each run from an address of its own to one listener; returns how many panics it told
    the correlator of each."""
    port = free_udp_port()
    with Server(folder / "correlator.sock", "correlator") as correlator, \
            Program("lastgasp-listener", f"--listen=127.0.0.1:{port}",
                    f"--to={correlator.path}", f"--pending={folder / 'pending'}",
                    folder=folder) as listener:
        correlator.wait_connected()
        for number, datagrams in enumerate(runs):
            with captures.sender(source_of(number)) as sock:
                for at, data in enumerate(datagrams):
                    sock.sendto(data, ("127.0.0.1", port))
                    if at % LOT == 0:
                        time.sleep(PAUSE_SECONDS)
        wait_until(lambda: captures.queue(port) == 0, 20, "an empty queue before the listener")
        time.sleep(1)  # what comes later than this would be a panic too many
        assert listener.process.poll() is None
        sources = [record["source"] for record in correlator.of("panic")]
    return [sources.count(source_of(number)) for number in range(len(runs))]
