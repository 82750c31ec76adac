"""The correlator's watch of Nodes under every trouble: seen by what it tells a listener."""
from collections.abc import Iterator

import pytest

from tests.harness.edges import Connection, connect
from tests.harness.fleet import Fleet, Node
from tests.harness.freezer import Freezer
from tests.harness.kubeconfig import cluster, kubeconfig
from tests.harness.pipeline import Pipeline
from tests.harness.programs import wait_until


def addresses(listener: Connection) -> set[str]:
    """What a listener knows by now: the last whole set, and the changes since."""
    known: set[str] = set()
    for record in listener.of("sources"):
        if record["op"] == "begin":
            known = set()
        elif record["op"] == "add":
            known |= set(record["addresses"])
        elif record["op"] == "remove":
            known -= set(record["addresses"])
    return known


def knows(listener: Connection, node: Node, seconds: float = 12) -> None:
    wait_until(lambda: node.address in addresses(listener), seconds, f"a listener told of {node}")


class Watcher:
    """A correlator alone, and the listener that it tells."""

    def __init__(self, pipeline: Pipeline, fleet: Fleet):
        self.pipeline, self.fleet = pipeline, fleet
        self.pipeline.start("correlator")
        self.listener = connect(pipeline.sockets["correlator"], "listener")

    def sees_news(self, seconds: float = 12) -> None:
        """A Node that is made now is known, and one that is removed is no longer."""
        old, new = self.fleet.add(pods=0), self.fleet.add(pods=0)
        knows(self.listener, new, seconds)
        self.fleet.api.drop("nodes", old.name)
        wait_until(lambda: old.address not in addresses(self.listener))

    def log(self) -> str:
        return self.pipeline.running["correlator"].log()


@pytest.fixture
def start_watching(make_pipeline, fleet) -> Iterator:
    made: list[Watcher] = []

    def start() -> Watcher:
        made.append(Watcher(make_pipeline(), fleet))
        return made[-1]
    yield start
    for watcher in made:
        watcher.listener.close()


@pytest.fixture
def watcher(start_watching) -> Watcher:
    started = start_watching()
    started.listener.wait_for("sources", op="end")
    return started


def test_a_listener_is_told_every_address_and_then_each_change(watcher, fleet):
    assert addresses(watcher.listener) == {
        a["address"] for node in fleet.api.list("/api/v1/nodes")
        for a in node["status"]["addresses"] if a["type"] == "InternalIP"}
    watcher.sees_news()
    assert len(watcher.listener.wait_for("sources", op="begin")) == 1


def test_a_server_that_refuses_streaming_lists_is_listed_in_pages(start_watching, fleet):
    fleet.api.settings(streamingList=False)
    fleet.api.generate(nodes=1200, first=1000, podsPerNode=0, size=1000,
                       addresses=["127.70.0.0/16"])
    watcher = start_watching()
    watcher.listener.wait_for("sources", op="end", seconds=20)
    assert {a for a in addresses(watcher.listener) if a.startswith("127.70.")} == \
        {f"127.70.{(1001 + n) // 256}.{(1001 + n) % 256}" for n in range(1200)}
    assert len(fleet.api.audit("correlator", "list", "nodes")) >= 2
    watcher.sees_news()


@pytest.mark.parametrize("order", [
    {"op": "close"}, {"op": "error", "code": 410, "reason": "Expired"},
    {"op": "error", "code": 429, "reason": "TooManyRequests"},
    {"op": "error", "code": 500, "reason": "InternalError"}],
    ids=["closed", "410", "429", "500"])
def test_a_watch_that_is_ended_goes_on_from_where_it_was(watcher, fleet, order):
    assert fleet.api.watches(**order) == 1
    watcher.sees_news()


def test_a_watch_whose_place_is_forgotten_lists_again(watcher, fleet):
    fleet.api.faults({"user": "correlator", "verb": "watch", "action": "status", "status": 503,
                      "count": 1})
    fleet.api.watches("close")
    gone = fleet.add(pods=0)
    fleet.api.drop("nodes", gone.name)
    fleet.api.compact()
    watcher.sees_news()
    assert gone.address not in addresses(watcher.listener)


REFUSALS = {
    "401": {"action": "status", "status": 401},
    "403": {"action": "status", "status": 403},
    "404": {"action": "status", "status": 404},
    "429": {"action": "status", "status": 429, "retryAfter": 1},
    "500": {"action": "status", "status": 500},
    "reset": {"action": "reset"},
    "cut off in a body": {"action": "cut", "bytes": 300},
}


@pytest.mark.parametrize("fault", REFUSALS)
def test_a_list_that_fails_is_made_again(start_watching, fleet, fault):
    node = fleet.add(pods=0)
    fleet.api.faults({"user": "correlator", "resource": "^nodes$", "count": 1, **REFUSALS[fault]})
    watcher = start_watching()
    knows(watcher.listener, node)
    assert fleet.api.fault_hits() == [1]
    watcher.sees_news()


def test_a_list_that_is_never_answered_is_made_again_within_12_s(start_watching, fleet):
    node = fleet.add(pods=0)
    fleet.api.faults({"user": "correlator", "resource": "^nodes$", "count": 1, "action": "hang"})
    watcher = start_watching()
    knows(watcher.listener, node, 12)


def test_a_list_that_falls_silent_in_the_middle_is_made_again_within_12_s(make_pipeline, fleet, api,
                                                                          tmp_path):
    fleet.add(pods=0, size=2_000_000)
    api.faults({"user": "correlator", "resource": "^nodes$", "count": 1, "action": "slow",
                "bytes": 1_000_000})
    with Freezer(api.port) as freezer:
        at = cluster(api, server=f"https://127.0.0.1:{freezer.port}")
        config = kubeconfig(tmp_path / "config", at, {"token": api.token("correlator")})
        watcher = Watcher(make_pipeline(kubeconfigs={"correlator": config, "actuator": config}),
                          fleet)
        api.wait_for(lambda: any(api.fault_hits()))
        assert freezer.freeze() == 1
        node = fleet.add(pods=0)
        knows(watcher.listener, node, 12)
        watcher.listener.close()
        watcher.pipeline.stop()


def test_a_server_that_goes_away_is_waited_for(watcher, fleet):
    fleet.api.away()
    watcher.pipeline.running["correlator"].wait_for("lost the watch of nodes")
    fleet.api.away(False)
    watcher.sees_news()


def test_a_right_that_is_missing_is_logged_with_verb_and_resource(start_watching, fleet):
    fleet.api.rights({"correlator": ["get leases"]})
    try:
        watcher = start_watching()
        watcher.pipeline.running["correlator"].wait_for('cannot (watch|list) resource "nodes"')
    finally:
        fleet.api.rights({})
    watcher.sees_news()
