"""How far each mode goes, and that what only looks or rehearses leaves everything as it was."""

import pytest

from kube_objects import job, workload
from processes import wait_until
from scene import is_running

ALL = ("--accept-unverified",)
REASON = "pod.titus.netflix.com/pod-termination-reason"


@pytest.fixture
def doomed(scene):
    """A dead Node with a pod of each kind, in a cluster that has come to rest."""
    node = scene.add_node()
    scene.start(job("batch"), workload("Deployment", "web", 2), workload("StatefulSet", "store"),
                workload("DaemonSet", "agent"), pods=5)
    scene.add_pods(node, "alone")
    scene.die(node)
    return node


@pytest.mark.parametrize("mode, actuator, outcome", [
    (None, ALL, "observed"),
    ("observe", ALL, "observed"),
    ("node", (), "observed"),
    ("node", (*ALL, "--dry-run=local"), "dry-run"),
    ("pods", (*ALL, "--dry-run=local"), "dry-run"),
    ("node", (*ALL, "--dry-run=server"), "dry-run"),
    ("pods", (*ALL, "--dry-run=server"), "dry-run"),
    ("annotate", (*ALL, "--dry-run=server"), "dry-run"),
], ids=lambda value: "-".join(value).replace("--", "") if isinstance(value, tuple) else str(value))
def test_nothing_is_changed_by_a_mode_that_looks_or_rehearses(scene, doomed, make_pipeline, mode,
                                                              actuator, outcome):
    pipeline = make_pipeline(mode=mode, actuator=actuator).start()
    before = scene.settled_versions()
    pipeline.panic(doomed)
    incident = pipeline.ended(doomed)
    assert incident["outcome"] == outcome
    pipeline.stop("actuator")
    assert scene.versions() == before
    assert [line for line in scene.writes() if not is_rehearsal(line)] == []
    if "--dry-run=server" not in actuator:
        assert scene.writes() == []


def is_rehearsal(line):
    """DELETE takes dryRun from its body only, and ignores the query."""
    if line["verb"] == "delete":
        return line["requestObject"].get("dryRun") == ["All"]
    return "dryRun=All" in line["requestURI"].partition("?")[2].split("&")


def requests(lines):
    """What was asked, without what differs between a rehearsal and the real thing."""
    return {(line["verb"], line["objectRef"]["resource"], line["objectRef"].get("subresource"),
             line["objectRef"].get("name", "") if line["objectRef"]["resource"] != "events" else "")
            for line in lines}


def test_a_rehearsal_on_the_server_asks_for_all_that_the_real_run_asks_for(scene, doomed,
                                                                           make_pipeline):
    asked = []
    for actuator in ((*ALL, "--dry-run=server"), ALL):
        begun = len(scene.writes())
        pipeline = make_pipeline(actuator=actuator).start()
        pipeline.panic(doomed)
        pipeline.ended(doomed)
        pipeline.stop("actuator")
        asked.append(requests(scene.writes()[begun:]))
    assert asked[0] == asked[1] and len(asked[0]) == 14


def test_a_local_rehearsal_prints_each_write_that_it_does_not_send(scene, doomed, make_pipeline):
    pipeline = make_pipeline(actuator=(*ALL, "--dry-run=local")).start()
    pipeline.panic(doomed)
    pipeline.ended(doomed)
    log = pipeline.running["actuator"].log()
    for write in (f"would PATCH nodes {doomed.name}: {{", f"would DELETE nodes {doomed.name}: {{",
                  f"would PATCH pods {scene.namespace}/alone: {{",
                  f"would DELETE pods {scene.namespace}/alone: {{"):
        assert log.count(write) == 1


def test_mode_annotate_tells_and_cordons_and_removes_nothing(scene, doomed, make_pipeline):
    pipeline = make_pipeline(mode="annotate").start()
    uids = {pod["metadata"]["uid"] for pod in scene.control_plane.list(scene.pods)}
    pipeline.panic(doomed)
    assert pipeline.ended(doomed)["outcome"] == "told"
    pipeline.stop("actuator")
    pods = scene.control_plane.list(scene.pods)
    assert {pod["metadata"]["uid"] for pod in pods} == uids
    assert all(is_running(pod) and REASON in pod["metadata"]["annotations"] for pod in pods)
    assert not any(c["type"] == "DisruptionTarget" for pod in pods
                   for c in pod["status"]["conditions"])
    assert scene.control_plane.get(doomed.path)["spec"]["unschedulable"] is True
    assert scene.asked("delete") == []
    assert {kind for kind, _ in scene.events(doomed)} >= {"Node", "Pod", "Job", "ReplicaSet"}


def test_mode_pods_removes_the_pods_and_keeps_the_node(scene, doomed, make_pipeline):
    pipeline = make_pipeline(mode="pods").start()
    old = {pod["metadata"]["name"]: pod["metadata"]["uid"]
           for pod in scene.control_plane.list(scene.pods)}
    agent, = (name for name in old if name.startswith("agent"))
    pipeline.panic(doomed)
    assert pipeline.ended(doomed)["outcome"] == "pods-done"

    def only_one_is_left():
        uids = {pod["metadata"]["uid"] for pod in scene.control_plane.list(scene.pods)}
        return uids & set(old.values()) == {old[agent]}
    wait_until("no pod is left but the DaemonSet's", only_one_is_left, seconds=10)
    assert REASON in scene.pod(agent)["metadata"]["annotations"]
    kept = scene.control_plane.get(doomed.path)
    assert kept["spec"]["unschedulable"] is True
    assert "node.titus.netflix.com/node-termination-reason" in kept["metadata"]["annotations"]
    assert scene.asked("delete", "nodes") == []
