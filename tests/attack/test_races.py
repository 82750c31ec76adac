"""Machines that come back, and pods that go, at the worst moment.

The actuator has a stand-in for its correlator, which sends evidence.  What each machine did, and
when, is printed; oracle.py says how what was written is judged.
"""
import random
import time
from collections.abc import Callable, Iterator

import pytest

from tests.apiserver.apiserver import ApiServer
from tests.attack.machines import is_out_of_service
from tests.attack.scene import Scene, assert_right
from tests.harness import ledger
from tests.harness.hosts import Cluster, Host
from tests.harness.programs import wait_until

COMES_BACK = ["reboots", "is created anew", "answers"]
ALL = [*COMES_BACK, "stays dead", "is lost sight of"]
LIMIT, WINDOW = 5, 20


@pytest.fixture(scope="module")
def cluster(api, fleet) -> Cluster:
    return Cluster(api, fleet, living=100)


@pytest.fixture
def make_host(tmp_path, api) -> Iterator[Callable[..., Host]]:
    made: list[Host] = []

    def make(*options: str, **more) -> Host:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Host(folder, api, *options, **more))
        return made[-1]

    yield make
    for host in made:
        if host.program.process.poll() is None:
            host.thaw()
        host.stop()


@pytest.fixture
def make_scene(cluster, chance) -> Iterator[Callable[..., Scene]]:
    made: list[Scene] = []

    def make(hosts: list[Host], does: list[str]) -> Scene:
        made.append(Scene(cluster, hosts, chance))
        for what in does:
            made[-1].machine(what)
        return made[-1]

    yield make
    for scene in made:
        scene.close()


def slow(api: ApiServer, chance: random.Random) -> None:
    """Half of all requests take their time, before they take effect or after, and some between a
    pod's mark and its delete so long that what was known of its machine gets old."""
    delay = {"user": "actuator", "action": "delay", "seed": chance.randrange(1 << 30)}
    for after in (False, True):
        api.faults({**delay, "verb": "patch", "resource": "^pods/status$", "percent": 20,
                    "delay": chance.uniform(2.5, 4.5), "after": after})
        api.faults(*({**delay, "resource": resource, "percent": 25, "after": after,
                      "delay": chance.choice([chance.uniform(0.02, 0.6), chance.uniform(1, 3)])}
                     for resource in ("^nodes$", "^pods")))


def test_machines_that_come_back_while_requests_are_slow(make_scene, make_host, api, chance,
                                                         thorough):
    scene = make_scene([make_host()], (12 if thorough else 5) * ALL)
    slow(api, chance)
    scene.start()
    scene.finish(60)
    assert_right(scene)
    assert any(is_out_of_service(change["object"]) for change in api.changes("nodes"))


def goes_away(scene: Scene, chance: random.Random) -> None:
    for _ in range(3):
        time.sleep(chance.uniform(0, 3))
        scene.api.away()
        time.sleep(chance.uniform(0.1, 4))
        scene.api.away(False)


def is_silent(scene: Scene, chance: random.Random) -> None:
    for _ in range(2):
        time.sleep(chance.uniform(0, 4))
        began = time.time()
        scene.api.silent()
        time.sleep(chance.uniform(0.5, 7))
        scene.api.silent(False)
        scene.stalls.append((began, time.time()))


def loses_its_leader(scene: Scene, chance: random.Random) -> None:
    """The host that acts is killed or stopped, until the other one has taken over."""
    time.sleep(chance.uniform(0, 6))
    leader, other = scene.hosts
    is_killed = chance.random() < 0.5
    if is_killed:
        leader.kill()
    else:
        leader.freeze()
    other.program.wait_for("this host acts", 30)
    time.sleep(chance.uniform(0, 1))
    if is_killed:
        leader.start()
        leader.prober.silent = {m.incident for m in scene.machines if m.is_silent}
    else:
        leader.thaw()


@pytest.mark.parametrize("suffers", [goes_away, is_silent, loses_its_leader])
def test_machines_that_come_back_while_nobody_can_act(make_scene, make_host, chance, thorough,
                                                      suffers):
    leader, other = make_host(), make_host()
    other.program.wait_for("stands by")
    scene = make_scene([leader, other], (4 if thorough else 2) * ALL)
    draws = random.Random(chance.random())
    scene.start()  # asks the server, too
    scene.also(lambda: suffers(scene, draws))
    scene.finish(90)
    assert_right(scene)


def test_what_returns_or_expires_while_held_by_a_limit_is_never_touched(make_scene, make_host,
                                                                       cluster):
    """The first get in; the rest is held until the window slides."""
    ledger.load(cluster.api)
    host = make_host(limits=(f"--limit={LIMIT}/{WINDOW}s", f"--limit-percent=100%/{WINDOW}s"))
    first = make_scene([host], LIMIT * ["stays dead"])
    first.start()
    for machine in first.machines:
        wait_until(lambda m=machine: cluster.is_marked(m.node), 10, "all that may get in")
    held = make_scene([host], [*COMES_BACK, "stays dead", "expires"])
    held.start()
    first.finish(30)
    held.finish(WINDOW + 30)
    assert_right(first, held)
    for machine in held.machines:
        if machine.does != "stays dead":
            cluster.assert_untouched(machine.node)
    (expired,) = [machine for machine in held.machines if machine.does == "expires"]
    assert "over a limit" in expired.row(host)["detail"]
