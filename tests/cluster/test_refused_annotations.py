"""Clusters whose owners refuse our annotations by a ValidatingAdmissionPolicy."""

from admission import annotations_refused
from kube_objects import workload
from scene import condition, is_running

POD, NODE = "pod.titus.netflix.com", "node.titus.netflix.com"


def ours(obj):
    return [key for key in obj["metadata"].get("annotations", {}) if "netflix" in key]


def codes(lines):
    """The status codes of the PATCHes of each pod, in their order."""
    of_pod = {}
    for line in lines:
        of_pod.setdefault(line["objectRef"]["name"], []).append(line["responseStatus"]["code"])
    return of_pod


def test_pods_that_may_not_be_annotated_are_removed_without_annotations(scene, pipeline):
    node = scene.add_node()
    scene.start(workload("Deployment", "web", 2), workload("DaemonSet", "agent"), pods=3)
    names = scene.pod_names()
    agent, = (name for name in names if name.startswith("agent"))
    scene.die(node)
    with annotations_refused(scene.control_plane, POD):
        pipeline.panic(node)
        assert pipeline.ended(node)["outcome"] == "deleted"
        marks = scene.wait_taken("patch", "pods", names)
    assert codes(scene.asked("patch", "pods")) == {name: [422, 200] for name in names}
    for name in names - {agent}:
        last = marks[name]["responseObject"]
        assert ours(last) == [] and last["status"]["phase"] == "Failed"
        assert last["status"]["message"].startswith(f"Kernel panic on node {node.name}: ")
        for kind in ("DisruptionTarget", "titus.netflix.com/KernelPanic"):
            assert condition(last, kind)["status"] == "True"
        assert not scene.control_plane.exists(f"{scene.pods}/{name}")
    left = scene.pod(agent)
    assert ours(left) == [] and condition(left, "Ready")["status"] == "False"


def test_a_node_that_may_not_be_annotated_keeps_all_its_pods(scene, pipeline):
    node = scene.add_node()
    pod, = scene.add_pods(node, "pod")
    scene.die(node)
    with annotations_refused(scene.control_plane, NODE):
        pipeline.panic(node)
        incident = pipeline.ended(node)
    assert incident["outcome"] == "refused"
    assert "annotations of node.titus.netflix.com are refused here" in incident["detail"]
    after = scene.control_plane.get(node.path)
    assert ours(after) == [] and "unschedulable" not in after["spec"]
    assert scene.pod("pod") == pod
    assert {line["objectRef"]["resource"] for line in scene.writes()} <= {"nodes", "events"}


def test_a_pod_that_may_not_be_told_in_mode_annotate_is_left_and_counted(scene, make_pipeline):
    pipeline, node = make_pipeline(mode="annotate").start(), scene.add_node()
    scene.add_pods(node, "one", "two")
    scene.die(node)
    with annotations_refused(scene.control_plane, POD):
        pipeline.panic(node)
        incident = pipeline.ended(node)
    assert incident["outcome"] == "partial" and "2 refused" in incident["detail"]
    assert all(is_running(scene.pod(name)) for name in ("one", "two"))
    assert scene.control_plane.get(node.path)["spec"]["unschedulable"] is True
