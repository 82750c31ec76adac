"""Any stage killed at any moment, again and again, while many nodes panic."""
import random
import threading
import time

from tests.attack.crash_oracle import Oracle
from tests.attack.crash_scene import LIMITS, STAGES
from tests.harness import captures
from tests.harness.fleet import Node
from tests.harness.pipeline import PANIC, Pipeline

PANICS, KILLS = 20, 30
SECONDS = 8.0
BYSTANDERS = 20


def kill_at(pipeline: Pipeline, moments: list[tuple[float, str]]) -> None:
    began = time.monotonic()
    for at, stage in moments:
        time.sleep(max(0.0, began + at - time.monotonic()))
        pipeline.restart(stage)


def panic_at(pipeline: Pipeline, moments: list[tuple[float, Node]]) -> None:
    began = time.monotonic()
    for at, node in moments:
        time.sleep(max(0.0, began + at - time.monotonic()))
        captures.send(PANIC, node.address, ("127.0.0.1", pipeline.port))


def drawn(chance: random.Random, things: list) -> list:
    return [(at, thing) for at, thing in zip(sorted(chance.uniform(0, SECONDS) for _ in things),
                                             things)]


def test_thirty_kills_over_twenty_panics_forget_nothing(make_pipeline, fleet, chance):
    oracle = Oracle(fleet)
    for _ in range(BYSTANDERS):
        fleet.add(pods=2)
    nodes = [fleet.add(pods=2) for _ in range(PANICS)]
    for node in nodes:
        oracle.expects(node)
    pipeline = make_pipeline(passed=True, limits=LIMITS).start()
    panics = threading.Thread(target=panic_at, args=(pipeline, drawn(chance, nodes)))
    panics.start()
    kill_at(pipeline, drawn(chance, chance.choices(STAGES, k=KILLS)))
    panics.join()
    # An actuator that was killed while it deleted a Node cannot know who did.
    for node in nodes:
        assert pipeline.ended(node, 60)["outcome"] in ("deleted", "node-gone")
    oracle.judge()
    for node in nodes:
        oracle.was_deleted(node)
