"""Several nodes panic while the API server suffers everything at once, at moments that are drawn:
through all three programs each panic comes to its end, and nothing else is touched."""
import contextlib
import pathlib
import time
from collections.abc import Iterator

import pytest

from tests.attack import oracle
from tests.attack.crash_scene import LIMITS
from tests.attack.scene import bears
from tests.attack.silent_scene import BYSTANDERS, CORRELATOR, LEASE_SECONDS
from tests.attack.weather import CLIENTS, Weather, refusals
from tests.harness.fleet import Fleet, Node
from tests.harness.kubeconfig import cluster, files, kubeconfig
from tests.harness.pipeline import Pipeline
from tests.harness.programs import wait_until
from tests.harness.world import World

NODES, LIVING, SECONDS = 10, 160, 12
PODS_A_NODE = 8
DEAD, FORGED = 6, 3  # where machines really fall silent
MIXTURES = {
    "a fifth of all requests refused": {"refused": True, "storms": False},
    "storms": {"refused": False, "storms": True},
    "storms and refusals": {"refused": True, "storms": True},
}


@pytest.fixture(scope="module", autouse=True)
def living(fleet) -> list[Node]:
    """Never touched; and more than those that are, for the limits are a part of all Nodes."""
    return [fleet.add(pods=2) for _ in range(LIVING)]


@pytest.fixture(scope="module")
def fates() -> list[oracle.Fate]:
    """Of all that panicked on this server."""
    return []


@pytest.fixture
def tokens(api, tmp_path, chance) -> Iterator[dict[str, pathlib.Path]]:
    """The file of the client that has a token; the other one has a certificate."""
    user = chance.choice(CLIENTS)
    path = tmp_path / "token"
    path.write_text(api.token(user) + "\n")
    yield {user: path}
    api.set_tokens({api.token(user): user for user in ("admin", *CLIENTS)})


@pytest.fixture
def pipeline(make_pipeline, api, tokens, tmp_path) -> Pipeline:
    configs = {user: kubeconfig(tmp_path / user, cluster(api),
                                {"tokenFile": str(tokens[user])} if user in tokens
                                else files(api, user)) for user in CLIENTS}
    return make_pipeline(kubeconfigs=configs).start()


def is_done(fleet: Fleet, node: Node) -> bool:
    """Only what a DaemonSet made is left, for the garbage collector."""
    return not fleet.api.exists(node.path) and \
        len(fleet.pods(node)) == len(fleet.pod_names(node, "DaemonSet"))


def fate_of(fleet: Fleet, node: Node) -> oracle.Fate:
    return oracle.Fate(node, {pod["metadata"]["uid"] for pod in fleet.pods(node)})


def versions(fleet: Fleet) -> dict[str, str]:
    """Of everything but the ledger."""
    return {name: version for name, version in fleet.versions().items()
            if not name.endswith(" lastgasp/lastgasp")}


@pytest.mark.parametrize("mixture", MIXTURES)
def test_every_panic_comes_to_its_end(pipeline, fleet, api, tokens, chance, thorough, fates,
                                      mixture):
    before, times = versions(fleet), 4 if thorough else 1
    nodes = [fleet.add(pods=PODS_A_NODE) for _ in range(times * NODES)]
    fates += [fate_of(fleet, node) for node in nodes]
    if MIXTURES[mixture]["refused"]:
        refusals(api, chance, 20)
    began = time.monotonic()
    with Weather(api, chance, tokens) if MIXTURES[mixture]["storms"] else contextlib.nullcontext():
        for node, moment in zip(nodes, sorted(chance.uniform(0, times * SECONDS) for _ in nodes)):
            time.sleep(max(0.0, began + moment - time.monotonic()))
            pipeline.panic(node)
    for node in nodes:
        assert pipeline.ended(node, 120)["outcome"] == "deleted"
        assert is_done(fleet, node), node
    assert pipeline.logs().count("closed as") == len(nodes)
    assert oracle.wrongs(api, fates) == []
    after = versions(fleet)
    assert {name: after.get(name) for name in before} == before


def test_refusals_hide_no_death_and_make_none(tmp_path, chance):
    """A fifth of all requests refused, also of those for the Leases that say whether a machine is
    dead.  Some are, one only seemed so and answers again, of some a panic is forged."""
    with World(tmp_path, lease_seconds=LEASE_SECONDS) as world:
        world.add_many(BYSTANDERS, pods=0)
        dead, forged = world.add_many(DEAD, pods=PODS_A_NODE), world.add_many(FORGED, pods=2)
        seeming = world.add(pods=2)
        fates = [fate_of(world.fleet, machine.node) for machine in dead]
        fates += [oracle.Fate(seeming.node, set())]
        world.start(*CORRELATOR, limits=LIMITS)
        world.wait_swept()
        refusals(world.api, chance, 20)
        for machine in dead:
            machine.panic()
        for machine in (*forged, seeming):
            machine.forge()
        seeming.cut()
        wait_until(seeming.is_marked, 30, "the Node told of that will answer")
        seeming.heal()
        assert {machine.outcome(60) for machine in dead} == {"deleted"}
        assert seeming.outcome(60) == "retracted"
        world.api.clear_faults()
        assert all(is_done(world.fleet, machine.node) for machine in dead)
        assert not bears(seeming.object())
        assert all(machine.exists and not machine.writes() for machine in forged)
        assert oracle.wrongs(world.api, fates) == []
