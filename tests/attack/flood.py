"""A flood of datagrams from addresses that nobody has, in a network of the test's own, where
sources can be forged and nothing reaches another machine."""
import contextlib
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

from tests.harness.namespaces import Namespace
from tests.harness.programs import die_with_parent, wait_until

SPRAY = pathlib.Path(__file__).with_name("spray.py")
TARGET, NODES = "10.78.0.1", "10.77.0.0/16"
BURST_SECONDS = 2.0
RATES = (10e3, 20e3, 35e3, 50e3, 75e3, 100e3, 150e3, 200e3, 300e3, 400e3)


@contextlib.contextmanager
def own_network() -> Iterator[None]:
    """The calling thread, and what it starts, are in a network that has nothing but loopback; each
    address of NODES is its own."""
    network = Namespace()
    try:
        network.ip(f"address add {TARGET}/32 dev lo", f"route add local {NODES} dev lo")
        with network.inside():
            yield
    finally:
        network.close()


class Flood:
    """COUNT datagrams with a panic line to PORT, each from another address, RATE a second."""

    def __init__(self, port: int, rate: float, count: int):
        self._process = subprocess.Popen(
            [sys.executable, str(SPRAY), f"--target={TARGET}", f"--port={port}", f"--rate={rate}",
             f"--count={count}"], stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)

    def is_on(self) -> bool:
        return self._process.poll() is None

    def end(self) -> float:
        """Waits for it; returns the rate that was reached."""
        said = self._process.stdout.read()
        assert self._process.wait() == 0, f"spray.py ended with {self._process.returncode}"
        return float(re.search(r"(\d+) a second", said).group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def _socket(port: int) -> list[str]:
    """The words of the kernel's table about the one IPv4 UDP socket of that port."""
    rows = pathlib.Path("/proc/net/udp").read_text(encoding="ascii").splitlines()
    (words,) = [row.split() for row in rows if f":{port:04X} " in row]
    return words


def dropped(port: int) -> int:
    """What the kernel has dropped at the socket since it was made, once its queue is empty."""
    wait_until(lambda: _socket(port)[4].endswith(":00000000"), 20, "an empty queue")
    return int(_socket(port)[-1])


def fastest(port: int) -> float:
    """The rate that this machine can send at while the listener hears what it can of it."""
    with Flood(port, RATES[-1] * 10, int(RATES[-1])) as burst:
        return burst.end()


def highest_rate(port: int) -> float:
    """The highest of RATES that the machine reaches and at which a burst loses nothing; its queue
    can hold a part of a burst, so a long flood may lose some all the same."""
    best = RATES[0]
    for rate in RATES:
        before = dropped(port)
        with Flood(port, rate, int(rate * BURST_SECONDS)) as burst:
            reached = burst.end()
        lost = dropped(port) - before
        print(f"a burst at {reached:.0f} a second: {lost} lost")
        if lost > 0 or reached < 0.9 * rate:
            break
        best = reached
    return best
