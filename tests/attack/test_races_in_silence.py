"""Machines that really fall silent and come back, through all three programs: all that the probe
knows is what their kubelets' ports answer.  Each is a network namespace (tests/harness/world.py).
"""
import concurrent.futures
import math
import time
from collections.abc import Iterator

import pytest

from tests.attack import oracle
from tests.attack.machines import ENDED, OUTCOMES, attach, boots, is_created_anew
from tests.attack.scene import bears
from tests.harness.programs import wait_until
from tests.harness.world import Machine, World

# From the panic to beyond the Node's delete: 3 s of silence and a Lease of 4 s that lapses.
MOST_SECONDS = 12.0
DOES = ["reboots", "is created anew", "answers", "answers", "stays dead"]


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    with World(tmp_path) as made:
        for zone in "ab":
            made.add_many(5, zone, pods=0)
        made.start("--alive=6s")
        yield made


class Race:
    """A machine that panics, and what it does when AFTER has passed."""

    def __init__(self, machine: Machine, does: str, after: float):
        self.machine, self.does, self.after = machine, does, after
        self.world, self.object = machine.world, machine.object()
        self.fate = oracle.Fate(machine.node, {pod["metadata"]["uid"]
                                               for pod in machine.world.fleet.pods(machine.node)})

    def __str__(self) -> str:
        return f"{self.machine.name} {self.does} after {self.after:.2f} s: {self.outcome()}"

    def run(self) -> None:
        time.sleep(self.after)
        if self.does == "stays dead":
            return
        self.machine.revive()
        self.fate.blind.append((time.time(), math.inf))
        if self.does == "reboots":
            boots(self.world.api, self.object)
        elif self.does == "is created anew":
            is_created_anew(self.world.api, self.object, 0)
        self.fate.returned = self.fate.returned if self.does == "answers" else time.time()

    def outcome(self) -> str | None:
        """None: nobody asked for anything to be done."""
        rows = self.machine.incidents()
        assert len(rows) <= 1
        return rows[0]["outcome"] if rows else None

    def has_ended(self) -> bool:
        rows = self.machine.incidents()
        if not rows:
            log = self.world.pipeline.running["correlator"].log()
            return f"node {self.machine.name} is alive" in log
        is_stray = self.does == "answers" and not self.machine.exists
        return rows[0]["state"] in ENDED and (not is_stray or rows[0]["outcome"] == "stranded")

    def is_marked(self) -> bool:
        return self.machine.exists and bears(self.machine.object())


def test_machines_that_come_back_are_left_alone(world, chance, thorough):
    races = [Race(world.add("ab"[i % 2]), does, chance.uniform(0, MOST_SECONDS))
             for i, does in enumerate((4 if thorough else 1) * DOES)]
    # Nobody detaches them: their Nodes stay out of service until they are back.
    for race in [race for race in races if race.does != "stays dead"][::3]:
        attach(world.api, race.machine.node.path, "one")
    world.wait_swept()
    with concurrent.futures.ThreadPoolExecutor(len(races)) as threads:
        for race in races:
            race.machine.panic()
        for event in [threads.submit(race.run) for race in races]:
            event.result(60)
    for race in races:
        wait_until(race.has_ended, 60, f"the end of {race}")
        print(race)
        assert race.outcome() in OUTCOMES[race.does] | {None}, str(race)
        wait_until(lambda race=race: not race.is_marked(), 40, f"the marks off {race}")
        assert race.machine.exists == (race.does != "stays dead" and race.outcome() != "stranded")
    fates = [race.fate for race in races]
    assert oracle.wrongs(world.api, fates) == []
    assert oracle.other_boots(world.api, fates) == []
