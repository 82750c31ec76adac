"""Any stage killed at any moment, again and again, while many nodes panic."""
import functools
import random
import threading
import time
from collections.abc import Callable

from tests.attack.crash_oracle import Oracle
from tests.attack.crash_scene import LIMITS, STAGES
from tests.attack.silent_scene import CORRELATOR, LEASE_SECONDS
from tests.harness.pipeline import Pipeline
from tests.harness.world import World

PANICS, KILLS = 20, 30
SECONDS = 8.0
BYSTANDERS = 20
# Where machines really fall silent.
DEAD, FORGED, KILLS_IN_SILENCE = 6, 3, 15


def play(moments: list[tuple[float, Callable[[], object]]]) -> None:
    began = time.monotonic()
    for at, event in moments:
        time.sleep(max(0.0, began + at - time.monotonic()))
        event()


def drawn(chance: random.Random, events: list) -> list[tuple[float, Callable[[], object]]]:
    return [(at, event) for at, event in zip(sorted(chance.uniform(0, SECONDS) for _ in events),
                                             events)]


def kills(chance: random.Random, pipeline: Pipeline, count: int) -> list[Callable[[], object]]:
    return [functools.partial(pipeline.restart, stage)
            for stage in chance.choices(STAGES, k=count)]


def test_thirty_kills_over_twenty_panics_forget_nothing(make_pipeline, fleet, chance):
    oracle = Oracle(fleet)
    for _ in range(BYSTANDERS):
        fleet.add(pods=2)
    nodes = [fleet.add(pods=2) for _ in range(PANICS)]
    for node in nodes:
        oracle.expects(node)
    pipeline = make_pipeline(passed=True, limits=LIMITS).start()
    panics = [functools.partial(pipeline.panic, node) for node in nodes]
    thread = threading.Thread(target=play, args=(drawn(chance, panics),))
    thread.start()
    play(drawn(chance, kills(chance, pipeline, KILLS)))
    thread.join()
    # An actuator that was killed while it deleted a Node cannot know who did.
    for node in nodes:
        assert pipeline.ended(node, 60)["outcome"] in ("deleted", "node-gone")
    oracle.judge()
    for node in nodes:
        oracle.was_deleted(node)


def test_kills_while_silence_is_judged_forget_no_death_and_touch_none_who_lives(tmp_path, chance):
    """On the word of the probe and the Lease: some machines die, of some a panic is forged."""
    with World(tmp_path, lease_seconds=LEASE_SECONDS) as world:
        world.add_many(BYSTANDERS // 4, pods=2)
        dead, forged = world.add_many(DEAD, pods=2), world.add_many(FORGED, pods=2)
        oracle = Oracle(world.fleet)
        for machine in dead:
            oracle.expects(machine.node)
        pipeline = world.start(*CORRELATOR, passed=True, limits=LIMITS)
        world.wait_swept()
        panics = [machine.panic for machine in dead] + [machine.forge for machine in forged]
        chance.shuffle(panics)
        thread = threading.Thread(target=play, args=(drawn(chance, panics),))
        thread.start()
        play(drawn(chance, kills(chance, pipeline, KILLS_IN_SILENCE)))
        thread.join()
        for machine in dead:
            assert machine.outcome(60) in ("deleted", "node-gone")
        oracle.judge()
        for machine in dead:
            oracle.was_deleted(machine.node)
        assert all(machine.exists and not machine.writes() for machine in forged)
