"""The actuator beside an API server that is slow, away, silent, or answers anything but 200."""
import pytest

from tests.harness import records
from tests.harness.edges import connect
from tests.harness.fleet import REQUESTS, Node, faults
from tests.harness.freezer import Freezer
from tests.harness.kubeconfig import cluster, kubeconfig
from tests.harness.programs import wait_until


def all_done(fleet, node: Node) -> bool:
    return not fleet.api.exists(node.path) and len(fleet.pods(node)) == 1  # the DaemonSet's


PASSING = {
    "401": {"action": "status", "status": 401},
    "429 without a time": {"action": "status", "status": 429},
    "500": {"action": "status", "status": 500},
    "503": {"action": "status", "status": 503},
    "cut off in a body": {"action": "cut", "bytes": 40},
    "reset": {"action": "reset"},
    "reset after it took effect": {"action": "reset", "after": True},
    "500 after it took effect": {"action": "status", "status": 500, "after": True},
    "slow": {"action": "delay", "delay": 0.3},
    "a few bytes a second": {"action": "slow", "bytes": 4000},
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_failure_that_passes_delays_each_step_and_prevents_none(act, fleet, fault):
    node = fleet.add()
    faults(fleet, **PASSING[fault])
    assert act(node, 20)["outcome"] == "deleted"
    assert all_done(fleet, node)


def test_a_409_of_the_node_is_judged_again_on_a_fresh_read(act, fleet):
    node = fleet.add()
    faults(fleet, [("patch", "nodes"), ("delete", "nodes")], action="status", status=409)
    assert act(node)["outcome"] == "deleted"
    requests = [line["verb"] for line in fleet.api.audit("actuator", resource="nodes")
                if line["objectRef"].get("name") == node.name]
    assert requests[:4] == ["get", "patch", "get", "patch"]
    assert requests[-3:] == ["delete", "get", "delete"]


def test_pods_that_answer_404_or_409_are_gone_and_done_with(act, fleet):
    node = fleet.add(pods=8)
    faults(fleet, [("patch", "pods/status")], action="status", status=404)
    faults(fleet, [("delete", "pods")], action="status", status=409)
    result = act(node)
    assert result["outcome"] == "deleted" and "1 gone already" in result["detail"]


def test_a_list_whose_token_is_too_old_begins_again(act, fleet):
    node = fleet.add(pods=520, owners=["ReplicaSet"])
    faults(fleet, [("list", "pods")], action="status", status=410, uri="continue=")
    assert act(node, 30)["outcome"] == "deleted"
    assert fleet.pods(node) == []


def test_retry_after_is_kept(act, fleet):
    node = fleet.add(pods=1)
    faults(fleet, [("patch", "nodes"), ("patch", "pods/status")], action="status", status=429,
           retryAfter=1)
    assert act(node)["outcome"] == "deleted"
    for resource in ("nodes", "pods"):
        refused, taken = [line["requestReceivedTimestamp"] for line in fleet.writes(node)
                          if line["verb"] == "patch" and line["objectRef"]["resource"] == resource]
        assert records.seconds_between(refused, taken) >= 0.95


def test_a_server_that_goes_away_in_the_middle_is_waited_for(act, fleet):
    node = fleet.add()
    faults(fleet, [("patch", "pods/status")], action="delay", delay=0.5)
    act.intend(node)
    fleet.api.wait_for(lambda: any(fleet.api.fault_hits()))
    fleet.api.away()
    act.pipeline.running["actuator"].wait_for("does not answer")
    fleet.api.away(False)
    assert act.correlator.wait_for("result", seconds=15)[0]["outcome"] == "deleted"
    assert all_done(fleet, node)


def test_requests_that_are_never_answered_are_made_again_within_12_s(act, fleet):
    """One of each kind, each about a Node of its own, all at once."""
    hang = {"user": "actuator", "action": "hang", "count": 1}
    nodes = [fleet.add(pods=1) for _ in REQUESTS[:6]]
    for node, (verb, resource) in zip(nodes, REQUESTS):
        (job,) = fleet.pod_names(node, "Job")
        about = {"uri": f"nodeName%3D{node.name}&"} if verb == "list" else \
            {"name": f"^{job if 'pods' in resource else node.name}$"}
        fleet.api.faults({**hang, "verb": verb, "resource": f"^{resource}$", **about})
    for node in nodes:
        act.intend(node)
    results = act.correlator.wait_for("result", len(nodes), seconds=12)
    assert fleet.api.fault_hits() == [1] * len(nodes)
    assert {result["outcome"] for result in results} == {"deleted"}


def test_a_connection_that_fell_silent_is_replaced_within_12_s(make_pipeline, fleet, api, tmp_path):
    one, two = fleet.add(), fleet.add()
    with Freezer(api.port) as freezer:
        config = kubeconfig(tmp_path / "config",
                            cluster(api, server=f"https://127.0.0.1:{freezer.port}"),
                            {"token": api.token("actuator")})
        pipeline = make_pipeline(kubeconfigs={"actuator": config, "correlator": config})
        pipeline.start("actuator")
        with connect(pipeline.sockets["actuator"], "correlator") as correlator:
            correlator.send(records.intent(one))
            correlator.wait_for("result")
            assert freezer.freeze() == 2  # the ledger has a connection of its own
            correlator.send(records.intent(two))
            assert correlator.wait_for("result", 2, seconds=12)[1]["outcome"] == "deleted"
        pipeline.stop()


def test_an_intent_expires_when_the_server_never_recovers(act, fleet):
    node = fleet.add()
    faults(fleet, [("patch", "nodes")], action="status", status=500, count=0)
    result = act(node, expires_us=records.now_us() + 2_000_000)
    assert result["outcome"] == "expired"
    assert fleet.api.exists(node.path) and len(fleet.pods(node)) == 4


def test_the_log_names_verb_resource_and_reason_of_what_failed(act, fleet):
    node = fleet.add()
    faults(fleet, [("patch", "nodes")], action="status", status=500, message="etcd is on fire")
    act(node)
    (line, *_) = [line for line in act.pipeline.logs().splitlines() if "etcd is on fire" in line]
    assert "patch" in line.lower() and f"nodes {node.name}" in line
    wait_until(lambda: all_done(fleet, node))
