"""Datagrams of any bytes at the listener's port: counted by kind, not logged whole, no crash."""
import random

import pytest

from tests.harness import captures
from tests.harness.edges import Server
from tests.harness.programs import wait_until

COUNT = 20_000
SOURCES = 64
KINDS = ("basic", "extended", "fragment", "malformed", "empty", "oversized")
SECRET = b"correct-horse-battery-staple"


def mutated(dice: random.Random, datagrams: list[bytes]) -> bytes:
    """A real kernel's datagram with a few bytes changed, cut, doubled or moved."""
    data = bytearray(dice.choice(datagrams))
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(len(data) + 1)
        data[at:at + dice.choice((0, 0, 1, 1, 8))] = dice.randbytes(dice.choice((0, 1, 1, 3)))
    return bytes(data)


def headers(dice: random.Random) -> bytes:
    """Extended headers with numbers that are too large, negative, or fragments of nothing."""
    def number():
        return dice.choice((0, 1, 7, 2047, 4096, 2**31, 2**63, 2**64, -1, 10**30))
    more = dice.choice(("", f",ncfrag={number()}/{number()}", ",caller=T1", ",,,"))
    header = f"{number()},{number()},{number()},{dice.choice('-c+x')}{more};"
    text = dice.choice((b"Kernel panic - not syncing: ", b"", b"\\x0", b"\n KEY="))
    return header.encode() + text + SECRET


def noise(seed: int, count: int):
    dice = random.Random(seed)
    real = [data for truth in captures.index()[::9]
            for _, data in captures.datagrams(truth.capture)]
    for _ in range(count):
        kind = dice.randrange(10)
        if kind < 5:
            yield mutated(dice, real)
        elif kind < 8:
            yield headers(dice)
        elif kind < 9:
            yield dice.randbytes(dice.randrange(200))
        else:
            yield SECRET * dice.randrange(60) + dice.randbytes(dice.randrange(9000))


@pytest.fixture
def correlator(make_pipeline):
    pipeline = make_pipeline()
    with Server(pipeline.sockets["correlator"], "correlator") as server:
        pipeline.start("listener")
        server.pipeline = pipeline
        yield server
        pipeline.stop()


def test_twenty_thousand_datagrams_of_any_bytes_do_no_harm(correlator):
    pipeline = correlator.pipeline
    at = ("127.0.0.1", pipeline.port)
    senders = [captures.sender(f"127.90.{n // 250}.{n % 250 + 1}") for n in range(SOURCES)]
    for number, datagram in enumerate(noise(seed=1, count=COUNT)):
        senders[number % SOURCES].sendto(datagram, at)
        if number % 50 == 49:
            wait_until(lambda: captures.queue(pipeline.port) == 0)
    for sender in senders:
        sender.close()

    with captures.sender("127.91.0.1") as sane:  # who comes afterwards is heard
        sane.sendto(b"Kernel panic - not syncing: after all that\n", at)
    correlator.wait_for("panic", text="Kernel panic - not syncing: after all that")

    def counted():
        stats = [record["counters"] for record in correlator.of("stats")]
        return stats and stats[-1].get("datagrams") == COUNT + 1 and stats[-1]
    counters = wait_until(counted, 15, f"{COUNT + 1} datagrams in stats")
    kinds = [counters[f"datagrams_{kind}"] for kind in KINDS]
    assert all(kinds) and sum(kinds) == COUNT + 1, counters
    assert counters["forged"] and counters["panics"] and not counters.get("queue_drops"), counters
    log = pipeline.logs()
    assert log.count(SECRET.decode()) <= 20 and len(log) < 100_000
    assert (SECRET * 3).decode() not in log


def test_a_log_line_cannot_be_forged_by_a_datagram(correlator):
    with captures.sender("127.91.0.2") as sender:
        sender.sendto(b"Kernel panic - not syncing: a\x1b[31m\r<3>[0123] forged\x00\x7f\xff\n",
                      ("127.0.0.1", correlator.pipeline.port))
    (panic,) = correlator.wait_for("panic")
    assert not any(ord(char) < 32 or ord(char) == 127 for char in panic["text"] + panic["reason"])
    assert not [line for line in correlator.pipeline.logs().splitlines()
                if line.startswith("<3>") or "\x1b" in line]
