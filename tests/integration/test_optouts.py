"""Who does not want to be touched: each opt-out, and how far it lets lastgasp go."""
import pathlib

import pytest

from tests.harness.fleet import Fleet, Node
from tests.harness.hosts import Cluster, Host
from tests.harness.programs import wait_until

OURS = "node.titus.netflix.com/lastgasp"
REASON = "pod.titus.netflix.com/pod-termination-reason"
MEDIK8S = "remediation.medik8s.io/exclude-from-remediation"
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
UNVERIFIED = "--accept-unverified"


def annotation(key: str, value: str = ""):
    return lambda obj: obj["metadata"]["annotations"].update({key: value})


def label(key: str, value: str = ""):
    return lambda obj: obj["metadata"]["labels"].update({key: value})


def our_own_boot(obj: dict) -> None:
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    obj["status"]["nodeInfo"]["bootID"] = boot


def nothing(_: dict) -> None:
    pass


def left_alone(fleet: Fleet, node: Node) -> None:
    assert fleet.writes(node) == []


def told(fleet: Fleet, node: Node) -> None:
    obj = fleet.api.get(node.path)
    assert obj["spec"]["unschedulable"] is True and not obj["spec"].get("taints")
    pods = fleet.pods(node)
    assert len(pods) == 4
    assert all(pod["metadata"]["annotations"][REASON] for pod in pods)
    assert {pod["status"]["phase"] for pod in pods} == {"Running"}


def without_pods(fleet: Fleet, node: Node) -> None:
    assert fleet.api.get(node.path)["spec"]["unschedulable"] is True
    assert fleet.pod_names(node, "DaemonSet") and len(fleet.pods(node)) == 1


def gone(fleet: Fleet, node: Node) -> None:
    assert not fleet.api.exists(node.path)


@pytest.mark.parametrize("change, options, outcome, is_as", [
    (annotation(OURS, "ignore"), (), "opted-out", left_alone),
    (annotation(OURS, "observe"), (), "opted-out", left_alone),
    (annotation(OURS, "annotate"), (), "told", told),
    (annotation(OURS, "pods"), (), "pods-done", without_pods),
    (annotation(OURS, "gently"), (), "opted-out", left_alone),
    (annotation(OURS, "node"), (), "deleted", gone),
    (annotation("node.example.org/lastgasp", "ignore"), (), "deleted", gone),
    (annotation("node.example.org/lastgasp", "ignore"), ("--domain=example.org",), "opted-out",
     left_alone),
    (label(MEDIK8S, "true"), (), "opted-out", left_alone),
    (label(MEDIK8S, "false"), (), "deleted", gone),
    (annotation("cluster.x-k8s.io/skip-remediation"), (), "opted-out", left_alone),
    (annotation("cluster.x-k8s.io/paused", "true"), (), "opted-out", left_alone),
    (label(CONTROL_PLANE), (), "told", told),
    (label("node-role.kubernetes.io/master"), (), "told", told),
    (label(CONTROL_PLANE), ("--include-control-plane",), "deleted", gone),
    (label("pool", "gpu"), ("--node-selector=pool=gpu",), "deleted", gone),
    (label("pool", "cpu"), ("--node-selector=pool=gpu",), "opted-out", left_alone),
    (label("pool", "gpu"), ("--node-selector=pool=gpu,tier=batch",), "opted-out", left_alone),
    (our_own_boot, (), "opted-out", left_alone),
    (our_own_boot, ("--include-control-plane",), "opted-out", left_alone),
    (nothing, (), "deleted", gone),
], ids=["ignore", "observe", "annotate", "pods", "an unknown word", "node", "another domain's", "our domain's",
        "medik8s", "medik8s false", "skip-remediation", "paused", "control plane", "master",
        "control plane included", "selected", "not selected", "selected by half", "our own machine",
        "our own machine, included", "none"])
def test_a_node_is_touched_no_further_than_it_wants(make_pipeline, fleet, change, options, outcome,
                                                    is_as):
    node = fleet.change(fleet.add(), change)
    pipeline = make_pipeline(actuator=(UNVERIFIED, *options)).start()
    pipeline.panic(node)
    incident = pipeline.ended(node)
    assert incident["outcome"] == outcome, incident
    if outcome == "opted-out":
        assert incident["detail"]
    is_as(fleet, node)


def test_a_mode_below_what_the_node_allows_stays_the_mode(make_pipeline, fleet):
    node = fleet.change(fleet.add(), annotation(OURS, "pods"))
    pipeline = make_pipeline(mode="annotate").start()
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "told"
    told(fleet, node)


def test_a_pod_that_wants_only_to_be_told_stays_and_so_does_its_node(make_pipeline, fleet):
    node = fleet.add()
    fleet.add_pod(node, f"precious-{node.name}",
                  annotations={"pod.titus.netflix.com/lastgasp": "annotate"})
    pipeline = make_pipeline().start()
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "pods-done"
    (kept,) = [p for p in fleet.pods(node) if p["metadata"]["name"] == f"precious-{node.name}"]
    assert kept["status"]["phase"] == "Running" and kept["metadata"]["annotations"][REASON]
    assert fleet.pod_names(node, "Job") == fleet.pod_names(node, "ReplicaSet") == []
    assert fleet.api.exists(node.path)


def test_a_node_that_opts_out_between_telling_and_removing_keeps_its_pods(api, fleet, tmp_path):
    cluster = Cluster(api, fleet)
    host = Host(tmp_path, api)
    try:
        node = cluster.add()
        incident = host.prober.panicked(node)
        wait_until(lambda: cluster.is_marked(node), 5, "marks")
        api.patch(node.path, {"metadata": {"annotations": {OURS: "ignore"}}})
        cluster.die(node)
        host.prober.result(incident, "opted-out", 20)
        assert not cluster.is_marked(node) and not cluster.get(node)["spec"].get("unschedulable")
        cluster.assert_nothing_removed(node)
    finally:
        host.stop()
