"""Several nodes panic while the API server suffers everything at once, at moments that are drawn:
through all three programs each panic comes to its end, and nothing else is touched."""
import contextlib
import pathlib
import time
from collections.abc import Iterator

import pytest

from tests.attack import oracle
from tests.attack.weather import CLIENTS, Weather, refusals
from tests.harness.fleet import Fleet, Node
from tests.harness.kubeconfig import cluster, files, kubeconfig
from tests.harness.pipeline import Pipeline

NODES, LIVING, SECONDS = 10, 160, 12
PODS_A_NODE = 8
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


def versions(fleet: Fleet) -> dict[str, str]:
    """Of everything but the ledger."""
    return {name: version for name, version in fleet.versions().items()
            if not name.endswith(" lastgasp/lastgasp")}


@pytest.mark.parametrize("mixture", MIXTURES)
def test_every_panic_comes_to_its_end(pipeline, fleet, api, tokens, chance, thorough, fates,
                                      mixture):
    before, times = versions(fleet), 4 if thorough else 1
    nodes = [fleet.add(pods=PODS_A_NODE) for _ in range(times * NODES)]
    fates += [oracle.Fate(node, {pod["metadata"]["uid"] for pod in fleet.pods(node)})
              for node in nodes]
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
