"""How many nodes an actuator touches within a time, and what becomes of those that have to wait.

The windows are seconds here.  One that is let in counts for a quarter of its window longer
(actuator/limits_window.c).
"""
import time
from collections.abc import Callable, Iterator

import pytest

from tests.apiserver.apiserver import MERGE, ApiServer
from tests.harness import ledger, records
from tests.harness.fleet import Fleet, Node
from tests.harness.hosts import LAPSED, Cluster, Host
from tests.harness.pipeline import incidents
from tests.harness.programs import run, wait_until

NO_PERCENT = "--limit-percent=100%/1h"
STILL = 2.0  # so long nothing more must happen


class Scene:
    """A cluster of its own, with an empty ledger and one host."""

    def __init__(self, api: ApiServer, folder):
        self.api, self.folder = api, folder
        ledger.load(api)
        self.cluster = Cluster(api, Fleet(api), living=0)
        self.host: Host | None = None

    def nodes(self, count: int, zones: int = 1) -> list[Node]:
        made = [self.cluster.add(pods=0, zones=zones) for _ in range(count)]
        self.cluster.live()
        return made

    def start(self, *limits: str) -> Host:
        self.host = Host(self.folder, self.api, limits=limits)
        return self.host

    def touched(self) -> list[str]:
        """Names of the Nodes that were written to, in that order."""
        lines = [line for line in self.api.audit(user="actuator")
                 if line["verb"] in ("patch", "delete") and line["objectRef"]["resource"] == "nodes"]
        return list(dict.fromkeys(line["objectRef"]["name"] for line in lines))

    def stay_touched(self, count: int) -> None:
        """So many, and no more for a while."""
        wait_until(lambda: len(self.touched()) >= count, 15, f"{count} touched")
        time.sleep(STILL)
        assert len(self.touched()) == count

    def state(self, node: Node) -> str:
        return {row["node"]: row["state"] for row in incidents(self.host.state)}.get(node.name, "")

    def note(self, name: str) -> str:
        return self.api.get(ledger.PATH)["metadata"].get("annotations", {}).get(f"lastgasp/{name}", "")


@pytest.fixture
def scene(tmp_path) -> Iterator[Scene]:
    with ApiServer() as server:
        made = Scene(server, tmp_path)
        yield made
        if made.host:
            made.host.stop()


@pytest.mark.parametrize("nodes, limits, dying, let_in", [
    (40, ("--limit=3/1h", NO_PERCENT), 5, 3),
    (40, ("--limit=1000/1h", "--limit-percent=10%/1h"), 6, 4),
    (40, ("--limit=3/1h", "--limit-percent=10%/1h"), 5, 3),
    (40, ("--limit=5/1h", "--limit-percent=10%/1h"), 6, 4),
    (5, ("--limit=1000/1h", "--limit-percent=10%/1h"), 3, 2),
    (5, ("--limit=1/1h", "--limit-percent=10%/1h"), 2, 1),
    (40, (), 6, 4),
    (260, (), 22, 20),
], ids=["a count", "a percentage", "a count that is smaller", "a percentage that is smaller",
        "a percentage never below two", "a count below two", "the defaults, a tenth",
        "the defaults, twenty"])
def test_no_more_are_let_in_than_the_smallest_limit_says(scene, nodes, limits, dying, let_in):
    dead = scene.nodes(nodes)[:dying]
    host = scene.start(*limits)
    for node in dead:
        host.prober.intend(node)
    scene.stay_touched(let_in)
    assert scene.note("latched") == ""


def test_a_zone_has_a_limit_of_its_own(scene):
    """Nodes of zone-a and zone-b in turn, twenty of each."""
    nodes = scene.nodes(40, zones=2)
    host = scene.start("--limit=1000/1h", NO_PERCENT, "--limit-zone-percent=15%/1h")
    here, there = nodes[0:10:2], nodes[1:4:2]
    for node in [*here, *there]:
        host.prober.intend(node)
    scene.stay_touched(3 + 2)
    assert {node.name for node in there} <= set(scene.touched())


def test_who_waits_is_let_in_as_the_window_slides(scene):
    nodes = scene.nodes(30)[:4]
    scene.cluster.die(*nodes)
    host = scene.start("--limit=2/6s", NO_PERCENT)
    incidents_of = [host.prober.intend(node) for node in nodes]
    wait_until(lambda: scene.state(nodes[3]) == "held", 10, "the last one held")
    assert len(scene.touched()) == 2
    for incident in incidents_of:
        host.prober.result(incident, "deleted", 30)
    at = {}
    for change in scene.api.audit(user="actuator", verb="patch", resource="nodes"):
        at.setdefault(change["objectRef"]["name"], change["requestReceivedTimestamp"])
    began = [at[name] for name in scene.touched()]
    assert records.seconds_between(began[1], began[2]) >= 6


def held(scene: Scene) -> tuple[Host, Node]:
    """One node was let in and another waits behind it for six seconds or so."""
    first, second = scene.nodes(20)[:2]
    host = scene.start("--limit=1/5s", NO_PERCENT)
    host.prober.panicked(first)
    wait_until(lambda: scene.touched() == [first.name], 10, "the first let in")
    return host, second


def test_who_waits_is_probed_on(scene):
    """Whoever probes is told of it when no evidence comes any more, and when it has begun anew."""
    host, node = held(scene)
    incident = host.prober.panicked(node)
    wait_until(lambda: scene.state(node) == "held", 5, "held")
    host.prober.silent.clear()
    host.prober.edge.wait_for("open", seconds=30, id=incident)
    host.restart()
    host.prober.edge.wait_for("open", id=incident)


def test_who_answers_while_it_waits_is_not_touched(scene):
    host, node = held(scene)
    incident = host.prober.panicked(node)
    wait_until(lambda: scene.state(node) == "held", 5, "held")
    host.prober.answers(incident)
    host.prober.result(incident, "retracted")
    time.sleep(8)
    scene.cluster.assert_untouched(node)


def test_what_expired_while_it_waited_is_not_replayed(scene):
    host, node = held(scene)
    scene.cluster.die(node)
    incident = host.prober.panicked(node, expires_us=records.now_us() + 2_500_000)
    host.prober.result(incident, "expired")
    time.sleep(8)
    scene.cluster.assert_untouched(node)


def by_command(scene: Scene) -> None:
    done = run("lastgasp-incidents", f"--control={scene.host.control}", "resume")
    assert done.returncode == 0, done.stderr


def by_kubectl(scene: Scene) -> None:
    scene.api.patch(ledger.PATH, {"metadata": {"annotations": {"lastgasp/latched": None}}}, MERGE)


@pytest.mark.parametrize("resume", [by_command, by_kubectl])
def test_more_than_twice_the_limit_latches_until_resume(scene, resume: Callable[[Scene], None]):
    nodes = scene.nodes(30)[:7]
    scene.cluster.die(*nodes)
    host = scene.start("--limit=2/4s", NO_PERCENT)
    for node in nodes[:4]:
        host.prober.intend(node)
    wait_until(lambda: len(scene.touched()) == 2, 5, "two let in")
    assert scene.note("latched") == ""
    for node in nodes[4:]:
        host.prober.intend(node)
    why = wait_until(lambda: scene.note("latched"), 10, "the latch")
    assert "--limit allows 2" in why
    host.program.wait_for("<1>latched: .*until `lastgasp-incidents resume`")
    time.sleep(10)  # the window has slid by far, and what was let in is done
    assert len(scene.touched()) == 2
    resume(scene)
    wait_until(lambda: len(scene.touched()) == len(nodes), 40, "all, two at a time")
    assert scene.note("latched") == ""


def test_what_was_begun_is_finished_when_it_latches(scene):
    nodes = scene.nodes(30)[:5]
    scene.cluster.die(nodes[0])
    host = scene.start("--limit=2/1h", NO_PERCENT)
    incident = host.prober.panicked(nodes[0])
    wait_until(lambda: scene.touched() == [nodes[0].name], 5, "the first let in")
    for node in nodes[1:]:
        host.prober.intend(node)
    wait_until(lambda: scene.note("latched"), 10, "the latch")
    host.prober.result(incident, "deleted", 2 * LAPSED + 15)


def test_a_restart_forgets_neither_the_window_nor_the_latch(scene):
    nodes = scene.nodes(30)[:4]
    host = scene.start("--limit=1/1h", NO_PERCENT)
    host.prober.panicked(nodes[0])
    wait_until(lambda: len(scene.touched()) == 1, 5, "the first let in")
    host.restart()
    host.prober.panicked(nodes[1])
    scene.stay_touched(1)
    host.prober.panicked(nodes[2])
    wait_until(lambda: scene.note("latched"), 10, "the latch")
    host.restart()
    host.prober.panicked(nodes[3])
    scene.stay_touched(1)
