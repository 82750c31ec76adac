"""How far each mode goes, and that what must write nothing writes nothing."""
import pytest

from tests.harness.fleet import Fleet, Node
from tests.harness.pipeline import Pipeline
from tests.harness.programs import wait_until

REASON = "pod.titus.netflix.com/pod-termination-reason"


def after_a_panic(pipeline: Pipeline, node: Node) -> dict:
    pipeline.start()
    pipeline.panic(node)
    return pipeline.ended(node)


def writes_nothing(pipeline: Pipeline, fleet: Fleet, outcome: str) -> dict:
    """Runs a panic through and asserts that the cluster is as it was."""
    node = fleet.add()
    before, writes = fleet.versions(), len(fleet.writes())
    incident = after_a_panic(pipeline, node)
    assert incident["outcome"] == outcome
    pipeline.stop()
    assert fleet.versions() == before
    assert len(fleet.writes()) == writes
    return incident


def test_observe_writes_nothing_and_says_what_it_would_have_done(make_pipeline, fleet):
    incident = writes_nothing(make_pipeline(mode="observe"), fleet, "observed")
    assert "would have deleted 3 pods and the Node" in incident["detail"]


def test_a_program_that_was_given_no_mode_observes(make_pipeline, fleet):
    writes_nothing(make_pipeline(mode=None), fleet, "observed")


@pytest.mark.parametrize("mode", ["annotate", "pods", "node"])
def test_an_unverified_panic_that_nobody_accepts_writes_nothing(make_pipeline, fleet, mode):
    writes_nothing(make_pipeline(mode=mode, actuator=()), fleet, "observed")


def test_annotate_tells_and_removes_nothing(make_pipeline, fleet):
    node = fleet.add()
    assert after_a_panic(make_pipeline(mode="annotate"), node)["outcome"] == "told"
    pods = fleet.pods(node)
    assert len(pods) == 4
    assert all(pod["metadata"]["annotations"][REASON] for pod in pods)
    assert {pod["status"]["phase"] for pod in pods} == {"Running"}
    assert fleet.api.get(node.path)["spec"]["unschedulable"] is True
    wait_until(lambda: [e for e in fleet.events(node) if e["regarding"]["kind"] == "Job"])
    assert {line["verb"] for line in fleet.writes(node)} == {"patch"}


def test_pods_removes_pods_and_keeps_the_node(make_pipeline, fleet):
    node = fleet.add()
    assert after_a_panic(make_pipeline(mode="pods"), node)["outcome"] == "pods-done"
    assert [pod["metadata"]["ownerReferences"][0]["kind"] for pod in fleet.pods(node)] == \
        ["DaemonSet"]
    kept = fleet.api.get(node.path)
    assert kept["spec"]["unschedulable"] is True and not kept["spec"].get("taints")


def test_a_dry_run_here_sends_no_write_and_prints_each(make_pipeline, fleet):
    pipeline = make_pipeline(actuator=("--accept-unverified", "--dry-run=local"))
    incident = writes_nothing(pipeline, fleet, "dry-run")
    printed = pipeline.logs()
    node = incident["node"]
    assert f"would PATCH nodes {node}: " in printed
    assert f"would DELETE nodes {node}: " in printed
    assert f"Kernel panic on node {node}: sysrq triggered crash" in printed


def test_a_dry_run_on_the_server_leaves_every_version_as_it_was(make_pipeline, fleet):
    node = fleet.add()
    before, writes = fleet.versions(), len(fleet.writes())
    pipeline = make_pipeline(actuator=("--accept-unverified", "--dry-run=server"))
    assert after_a_panic(pipeline, node)["outcome"] == "dry-run"
    pipeline.stop()
    assert fleet.versions() == before
    sent = fleet.writes()[writes:]
    assert {line["verb"] for line in sent} == {"patch", "create", "delete"}
    for line in sent:
        if line["verb"] == "delete":  # what stands beside a body is ignored by a real server
            assert line["requestObject"]["dryRun"] == ["All"]
        else:
            assert "dryRun=All" in line["requestURI"]
