"""Each forgery alone leads to no write; each real panic that follows one is acted on, however long
after.  All of them at once in a small world, in which the machines really fall silent; the oracle
is the audit log."""
import contextlib
import pathlib
import random
import re
import socket
import time
from collections.abc import Callable

from tests.attack.forgeries import (FORGERIES, OLD_TOKENS, SIGNED_PANIC, TOKENS, UNSIGNED, Forgery,
                                    capture)
from tests.attack.touched import writes_of_nodes
from tests.harness.pipeline import PANIC
from tests.harness.programs import wait_until
from tests.harness.world import HOST, IP_TRANSPARENT, Machine, World

BEFORE = (0, 1, 2.9, 5, 31)  # seconds from a forgery to the real panic of the same node
ALIVE = 30  # seconds, after which a machine that answers is found to be alive
NOBODY = "10.90.1.252"
BYSTANDERS = 5
MOST = ("--on-halt=node",)  # so that whoever is taken for halted would be removed


class Case:
    """A machine, what is forged in its name, and how long before it really panics (None: never)."""

    real = capture(PANIC)

    def __init__(self, machine: Machine, forgery: Forgery, before: float | None, other: Machine):
        self.machine, self.forgery, self.before, self.other = machine, forgery, before, other
        self.died = float("inf")

    def __str__(self) -> str:
        when = "alone" if self.before is None else f"{self.before} s before the real panic"
        return f"{self.forgery.name}, {when} ({self.machine.name})"

    def moments(self, chance: random.Random) -> list[tuple[float, Callable[[], None]]]:
        """What happens, and after how many seconds."""
        if self.before is None:
            return [(0, self.forge)]
        forged = chance.uniform(0, max(10 - self.before, 0))
        return [(forged, self.forge), (forged + self.before, self.panic)]

    def _send(self, sender: Machine, source: str, datagrams: list[bytes]) -> None:
        with sender.namespace.inside():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with contextlib.closing(sock):
            sock.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
            sock.bind((source, 0))
            for datagram in datagrams:
                named = datagram.replace(b"NODE", self.machine.name.encode())
                sock.sendto(named.replace(b"OTHER", self.other.name.encode()),
                            (HOST, self.machine.world.pipeline.port))

    @property
    def forger(self) -> Machine:
        return self.other if self.forgery.by_another else self.machine

    def forge(self) -> None:
        source = NOBODY if self.forgery.from_nobody else self.machine.address
        self._send(self.forger, source, self.forgery.datagrams)

    def panic(self) -> None:
        self.died = time.time()
        self._send(self.machine, self.machine.address, self.real)
        self.machine.die()

    @property
    def outcomes(self) -> list[str]:
        """Of the incidents of its node."""
        return [row["outcome"] for row in self.machine.world.pipeline.incidents(self.machine.node)]

    def wrong(self, writes: list[float]) -> str | None:
        """WRITES: when something was written about its node."""
        early = [at for at in writes if at < self.died]
        if early:
            return f"{len(early)} writes before it died"
        expected = [self.forgery.outcome] if self.forgery.outcome else []
        if self.before is not None:
            expected = ["deleted"]
        if self.outcomes != expected:
            return f"incidents {self.outcomes}, not {expected}"
        if self.machine.exists == (self.before is not None):
            return "its Node is there" if self.machine.exists else "its Node is gone"
        return None


def wrongs(world: World, cases: list[Case]) -> list[str]:
    writes = writes_of_nodes(world.fleet)
    found = [f"{case}: {why}" for case in cases
             if (why := case.wrong(writes.pop(case.machine.name, [])))]
    return found + [f"{name} was written about" for name in writes]


def play(cases: list[Case], chance: random.Random) -> float:
    """All moments of all cases, each at its time; returns when it began."""
    moments = [moment for case in cases for moment in case.moments(chance)]
    began = time.monotonic()
    for at, event in sorted(moments, key=lambda moment: moment[0]):
        time.sleep(max(began + at - time.monotonic(), 0))
        event()
    print(f"{len(moments)} moments, the last {time.monotonic() - began - at:.2f} s late")
    wait_until(lambda: all(case.outcomes == ["deleted"] for case in cases
                           if case.before is not None), 60, "a Node deleted for each real panic")
    return began


def asked(world: World) -> set[str]:
    """The machines of which the correlator wanted to know whether they are dead."""
    log = world.pipeline.running["correlator"].log()
    return set(re.findall(r"is node (\S+) dead\?", log))


def test_no_forgery_is_acted_on_and_each_real_panic_is(tmp_path, chance):
    with World(tmp_path) as world:
        *_, other = world.add_many(BYSTANDERS, pods=0)
        cases = [Case(world.add(pods=2), forgery, before, other)
                 for forgery in FORGERIES for before in (*BEFORE, None)]
        world.start(actuator=MOST)
        world.wait_swept()
        began = play(cases, chance)
        time.sleep(max(began + ALIVE + 2 - time.monotonic(), 0))
        assert wrongs(world, cases) == []
        assert [str(case) for case in cases if case.before is None
                and (case.machine.name in asked(world)) != case.forgery.is_asked] == []


class SignedCase(Case):
    """Another machine forges; a machine that does not really panic is silent before.  A real panic
    has the token."""

    real = SIGNED_PANIC

    @property
    def forger(self) -> Machine:
        return self.other

    def moments(self, chance):
        if self.before is None:
            return [(0, self.machine.die), (0.5, self.forge)]
        return super().moments(chance)


def write_tokens(path: pathlib.Path, pattern: str, machines: list[Machine]) -> None:
    new = path.with_suffix(".new")
    new.touch(0o600)
    new.write_text("".join(pattern.replace("NODE", machine.name) for machine in machines))
    new.rename(path)


def test_without_the_token_not_even_a_silent_machine_is_asked(tmp_path, chance):
    with World(tmp_path) as world:
        *_, other = world.add_many(BYSTANDERS, pods=0)
        # Those that are silent are in a zone of their own, where they are nobody's witnesses.
        cases = [SignedCase(world.add("a" if before is not None else "b", pods=2), forgery, before,
                            other) for forgery in UNSIGNED for before in (*BEFORE, None)]
        tokens = tmp_path / "tokens"
        write_tokens(tokens, OLD_TOKENS, world.machines)
        world.start(listener=(f"--require-token={tokens}",), actuator=MOST)
        world.wait_swept()
        write_tokens(tokens, TOKENS, world.machines)
        play(cases, chance)
        assert wrongs(world, cases) == []
        assert asked(world) == {case.machine.name for case in cases if case.before is not None}
