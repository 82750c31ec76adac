"""A million sources that nobody has, each with a panic's text, while a Node panics: the Node is
removed, nothing else is touched, the listener stays within its cap, and what the kernel's queue
dropped is counted.  Once at the highest rate at which it drops nothing, once at twice that.

The correlator asks no machine here: only what reaches it decides, so whatever a flood does to the
way of a real panic shows.
"""
import pathlib
import re
import time

import pytest

from tests.attack.flood import (NODES, TARGET, Flood, dropped, fastest, highest_rate,
                                own_network)
from tests.attack.touched import writes_of_nodes
from tests.harness import captures
from tests.harness.fleet import Fleet, Node, node_of
from tests.harness.pipeline import PANIC, PANIC_REASON, Pipeline

SOURCES = 1_000_000
COUNT_OF_NODES = 300
# What strangers may take of the listener's memory, in KiB: a quarter of 16,384 sources of 432 bytes
# and of 6,144 KiB of lines (sources.h), the hash over the sources, 1,024 deliveries of 88 bytes
# (backlog.c); and what malloc(3) and the packets on their way take.
STRANGERS_KIB = (16384 * 432 // 1024 + 6144) // 4 + 64 + 88 + 256
# Once all that is in use a million datagrams more may cost nothing; a byte of each would be 977.
SAME_KIB = 400


@pytest.fixture(scope="module", autouse=True)
def network():
    with own_network():
        yield


def anonymous_kib(pid: int) -> int:
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"RssAnon:\s+(\d+)", status).group(1))


class Scene:
    """The three programs, and a cluster of which one Node after the other panics in a flood."""

    def __init__(self, pipeline: Pipeline, fleet: Fleet, chance):
        self.pipeline, self.fleet, self.chance = pipeline, fleet, chance
        fleet.api.generate(nodes=COUNT_OF_NODES, podsPerNode=4, size=2000, addresses=[NODES])
        self.alive = [node_of(obj) for obj in fleet.api.list("/api/v1/nodes")]
        self.dead: list[Node] = []
        self.began = time.time()
        pipeline.start()
        self.listener = pipeline.running["listener"]
        self.listener.wait_for(f"{COUNT_OF_NODES} addresses are Nodes'")

    def next_to_die(self) -> Node:
        self.dead.append(self.alive.pop(self.chance.randrange(len(self.alive))))
        return self.dead[-1]

    def flood(self, rate: float) -> tuple[float, int]:
        """SOURCES at that rate, and a Node's panic in it; the rate reached, and how many the kernel
        dropped."""
        node = self.next_to_die()
        before = dropped(self.pipeline.port)
        with Flood(self.pipeline.port, rate, SOURCES) as flood:
            time.sleep(SOURCES / rate * self.chance.uniform(0.3, 0.7))
            panicked_at = captures.send(PANIC, node.address, (TARGET, self.pipeline.port))
            incident = self.pipeline.ended(node)
            took = time.time() - panicked_at
            assert flood.is_on(), "the flood was over before the Node was removed"
            reached = flood.end()
        lost = dropped(self.pipeline.port) - before
        print(f"{SOURCES} sources at {reached:.0f} a second: {lost} lost, {node.name} removed"
              f" {took * 1000:.0f} ms after its panic; {self.sizes()}")
        assert (incident["outcome"], incident["reason"]) == ("deleted", PANIC_REASON)
        return reached, lost

    def sizes(self) -> str:
        return ", ".join(f"{stage} {anonymous_kib(program.pid)} KiB"
                         for stage, program in self.pipeline.running.items())

    def listener_kib(self) -> int:
        return anonymous_kib(self.listener.pid)

    def assert_nothing_else_touched(self) -> None:
        touched = {name for name, writes in writes_of_nodes(self.fleet).items()
                   if max(writes) >= self.began}
        assert touched == {node.name for node in self.dead}
        assert len(self.pipeline.incidents()) == len(self.dead)

    def assert_losses_are_counted(self) -> None:
        """By the listener, which says it all when it ends."""
        lost = dropped(self.pipeline.port)
        self.pipeline.stop("listener")
        assert re.search(r"counters: .*\bqueue_drops=(\d+)", self.listener.log())[1] == str(lost)


@pytest.fixture
def scene(make_pipeline, fleet, chance) -> Scene:
    return Scene(make_pipeline(listen=TARGET), fleet, chance)


def test_a_million_forged_sources_hide_no_panic_and_cost_what_they_may(scene):
    sizes = [scene.listener_kib()]
    most = fastest(scene.pipeline.port)
    # Sender and listener share the machine: where it cannot send at twice the highest rate at which
    # nothing is lost, the first flood is slower, so that the second really is twice as fast.
    clean, lost = min(highest_rate(scene.pipeline.port), 0.5 * most), 1
    while lost > 0:
        clean, lost = scene.flood(0.8 * clean)
    sizes.append(scene.listener_kib())
    reached, lost = scene.flood(2 * clean)
    assert reached > 1.9 * clean
    if lost == 0:  # so the first was not the highest rate; now as fast as the machine can
        reached, lost = scene.flood(2 * most)
    assert lost > 0, "this machine cannot send as fast as the listener hears"
    sizes.append(scene.listener_kib())
    print(f"RssAnon of the listener, KiB: {sizes}")
    assert sizes[1] - sizes[0] <= STRANGERS_KIB
    assert sizes[2] - sizes[1] <= SAME_KIB
    scene.assert_nothing_else_touched()
    scene.assert_losses_are_counted()


def test_a_panic_in_a_flood_waits_for_a_correlator_that_is_away(scene):
    node = scene.next_to_die()
    scene.pipeline.kill("correlator")
    with Flood(scene.pipeline.port, 20_000, SOURCES // 10) as flood:
        captures.send(PANIC, node.address, (TARGET, scene.pipeline.port))
        flood.end()
    scene.pipeline.start("correlator")
    assert scene.pipeline.ended(node)["outcome"] == "deleted"
    scene.assert_nothing_else_touched()
