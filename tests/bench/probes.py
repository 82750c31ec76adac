"""How long after its time a silent machine is found silent when thousands are asked at once.

The real correlator, a namespace in which every address answers but those of the dead (half of
those that are asked), and stand-ins for the stages at both ends.  The kernel's part of both ends of
each connection is the correlator's time here, for there is no network between them.
"""
import dataclasses
import pathlib
import random
import resource
import tempfile
import time

from tests.bench.report import Row, percentile, say, table_of, tell
from tests.harness.crowd import Crowd

ROUNDS, TINY_ROUNDS = 1, 1
SETTLE_S = 3.0
TARGET_S = 0.5
CONFIRMED_S = 10.0  # for so long the incidents stay open
SETTLED_WITHIN_S = 120.0
FEW = 1024


@dataclasses.dataclass
class Scene:
    asked: int
    others: int  # that live, and are the witnesses
    descriptors: int
    most_s: float | None = None


@dataclasses.dataclass
class Measured:
    late_s: list[float]
    cores: float
    oldest_s: float  # evidence, at any time


def scenes(tiny: bool) -> list[Scene]:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if tiny:
        return [Scene(20, 10, FEW, TARGET_S)]
    return [Scene(2_000, 1_000, most, TARGET_S), Scene(2_000, 1_000, FEW),
            Scene(10_000, 2_000, most)]


def measure(scene: Scene, confirmed_s: float) -> Measured:
    with tempfile.TemporaryDirectory(prefix="lastgasp-bench-") as name, \
            Crowd(pathlib.Path(name), scene.asked + scene.others, scene.descriptors,
                  "--sweep=30s") as crowd:
        asked = random.Random(1).sample(crowd.nodes, scene.asked)
        dead = asked[:scene.asked // 2]
        crowd.die(dead)
        began, cpu_s = time.monotonic(), crowd.cpu_seconds()
        crowd.panic(asked)
        crowd.wait_settled(len(dead), SETTLED_WITHIN_S)
        time.sleep(confirmed_s)
        took_s, until = time.monotonic() - began, time.time()
        assert set(crowd.intents()) == {node.name for node in dead}, "others than the dead"
        return Measured([after - SETTLE_S for after in crowd.settled_after()],
                        (crowd.cpu_seconds() - cpu_s) / took_s, crowd.oldest_evidence(until))


def run(rounds: int, tiny: bool) -> list[Row]:
    rows, lines = [], []
    for scene in scenes(tiny):
        all_of = [measure(scene, 2.0 if tiny else CONFIRMED_S) for _ in range(rounds)]
        late = [one for measured in all_of for one in measured.late_s]
        lines.append([str(scene.asked), str(scene.descriptors),
                      *(f"{percentile(late, percent):.2f}" for percent in (50, 99, 100)),
                      f"{max(m.oldest_s for m in all_of):.2f}",
                      f"{max(m.cores for m in all_of):.2f}"])
        rows.append(Row(f"{scene.asked} asked at once, {scene.descriptors} descriptors: late by, max",
                        max(late), "s", "none", most=scene.most_s))
    say(f"  seconds after {SETTLE_S:g} s of silence until the intent, the oldest evidence in seconds,"
        " and the correlator's CPU:")
    table_of(["asked", "descriptors", "p50", "p99", "max", "evidence", "cores"], lines)
    for row in rows:
        tell(row)
    return rows
