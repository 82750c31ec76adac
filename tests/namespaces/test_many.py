"""Thousands of machines that are asked at once, by a correlator that may have few descriptors."""
import random
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.harness.crowd import PORT, Crowd

SETTLE_SECONDS = 3.0
# 448 probes may be under way at once, each for 0.75 s at least: 4 of each of the dead take 7 s, if
# the living were not asked as well.
SLOWEST_SECONDS = 20.0
FRESH_SECONDS = 5.0  # what the actuator takes for evidence
ETH_P_IP = 0x0800
SYN, ACK = 0x02, 0x10


class Sniffer:
    """When a SYN was sent to a machine, by every copy that the calling thread's namespace sees."""

    def __init__(self, address: str):
        self.seen: list[float] = []
        self._address = socket.inet_aton(address)
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
        self._sock.settimeout(0.2)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._over.is_set():
            try:
                packet = self._sock.recv(256)
            except TimeoutError:
                continue
            tcp = packet[(packet[0] & 15) * 4:]
            if packet[9] == socket.IPPROTO_TCP and packet[16:20] == self._address and \
                    tcp[2:4] == PORT.to_bytes(2, "big") and tcp[13] & (SYN | ACK) == SYN:
                self.seen.append(time.time())

    def close(self) -> None:
        self._over.set()
        self._thread.join(5)
        self._sock.close()


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Iterator[Crowd]:
    """3,000 Nodes, and a third of the descriptors that it takes to ask each of them once."""
    with Crowd(tmp_path_factory.mktemp("many"), 3000, 1024, "--sweep=30s") as crowd:
        yield crowd


def test_with_few_descriptors_exactly_the_silent_of_2000_are_found_and_confirmed(many):
    accused = random.Random(4).sample(many.nodes, 2000)
    dead = accused[:1000]
    many.die(dead)
    many.panic(accused)
    many.wait_settled(len(dead), 60)
    time.sleep(5)
    until = time.time()
    intents, after = many.intents(), many.settled_after()
    assert {intent["verdict"] for intent in intents.values()} == {"silent"}
    assert set(intents) == {node.name for node in dead}
    assert SETTLE_SECONDS <= min(after) and max(after) < SLOWEST_SECONDS, (min(after), max(after))
    assert many.actuator.of("retract") == []
    assert many.oldest_evidence(until) < FRESH_SECONDS


def test_evidence_says_until_when_the_machine_was_asked_not_when_it_was_sent(tmp_path):
    """It is sent between two attempts here, so that there is a difference."""
    with Crowd(tmp_path, 8, 1024, "--settle=3200ms", "--evidence=3s", "--sweep=1s") as crowd:
        victim = crowd.nodes[0]
        sniffer = Sniffer(victim.address)
        try:
            crowd.die([victim])
            crowd.panic([victim])
            crowd.actuator.wait_for("evidence", 3, 30)
        finally:
            sniffer.close()
        told = crowd.actuator.of("intent") + crowd.actuator.of("evidence")
    for record in told:
        until = record["silent_until_us"] / 1e6
        assert min(abs(until - seen) for seen in sniffer.seen) < 0.05, (until, sniffer.seen)
        assert until < record["_at"] - 0.01
