"""What becomes of each kind of pod, and of its owner, when the Node's machine panics."""

import pytest

from kube_client import MERGE
from kube_objects import job, mirror_pod, workload
from scene import condition, is_running

REPLACED_S = 30  # the Job controller waits 10 s for each pod that failed
REASON = "pod.titus.netflix.com/pod-termination-reason"


def failure(obj):
    return next((c["reason"] for c in obj["status"].get("conditions", [])
                 if c["type"] == "Failed" and c["status"] == "True"), None)


@pytest.mark.parametrize("ignored", ["DisruptionTarget", "titus.netflix.com/KernelPanic"])
def test_a_job_that_ignores_disruption_gets_a_new_pod_and_burns_no_retry(scene, pipeline, ignored):
    node, other = scene.add_node(), scene.add_node("other")
    path = f"{scene.path_of(job('work'))}/work"
    before, = scene.start(job("work", ignored), pods=1)
    scene.die(node, onto=other)
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    after, = scene.kubelets.wait_running(scene.pods, 1, REPLACED_S)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["spec"]["nodeName"] == other.name
    scene.control_plane.wait_gone(f"{scene.pods}/{before['metadata']['name']}")
    status = scene.control_plane.get(path)["status"]
    assert failure({"status": status}) is None and status.get("failed", 0) == 0
    scene.control_plane.patch_status(f"{scene.pods}/{after['metadata']['name']}",
                                     {"phase": "Succeeded"})
    scene.control_plane.wait(path, lambda obj: obj["status"].get("succeeded") == 1)


def test_a_job_without_such_a_policy_fails_and_is_not_stuck(scene, pipeline):
    node, other = scene.add_node(), scene.add_node("other")
    before, = scene.start(job("work"), pods=1)
    scene.die(node, onto=other)
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    ended = scene.control_plane.wait(f"{scene.path_of(job('work'))}/work", failure)
    assert failure(ended) == "BackoffLimitExceeded" and ended["status"]["failed"] == 1
    scene.control_plane.wait_gone(f"{scene.pods}/{before['metadata']['name']}")


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_dead_pod_is_replaced_on_another_node(scene, pipeline, kind):
    node, other = scene.add_node(), scene.add_node("other")
    before = scene.start(workload(kind, "app", 3), pods=3)
    names = {pod["metadata"]["name"] for pod in before}
    scene.die(node, onto=other)
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    after = scene.kubelets.wait_running(scene.pods, 3)
    assert {pod["spec"]["nodeName"] for pod in after} == {other.name}
    assert not any(REASON in pod["metadata"].get("annotations", {}) for pod in after)
    assert ({pod["metadata"]["name"] for pod in after} == names) == (kind == "StatefulSet")
    marks = scene.wait_taken("patch", "pods", names)
    assert {marks[name]["responseObject"]["status"]["phase"] for name in names} == {"Failed"}


def test_a_daemon_sets_pod_is_told_and_not_ready_and_left_where_it_is(scene, pipeline):
    node, other = scene.add_node(), scene.add_node("other")
    before = {pod["spec"]["nodeName"]: pod["metadata"]
              for pod in scene.start(workload("DaemonSet", "agent"), pods=2)}
    scene.die(node, onto=other)
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    name = before[node.name]["name"]
    after = scene.pod(name)
    assert after["metadata"]["uid"] == before[node.name]["uid"]
    assert "deletionTimestamp" not in after["metadata"] and is_running(after)
    assert after["metadata"]["annotations"][REASON].startswith(f"Kernel panic on node {node.name}:")
    assert condition(after, "Ready")["status"] == "False"
    assert condition(after, "Ready")["reason"] == "NodeKernelPanic"
    assert scene.wait_taken("patch", "pods", {name}) and not scene.asked("delete", "pods")
    untouched = scene.pod(before[other.name]["name"])["metadata"]
    assert untouched["resourceVersion"] == before[other.name]["resourceVersion"]


def test_a_pod_with_a_finalizer_is_marked_and_deleted_but_not_stripped_of_it(scene, pipeline):
    node = scene.add_node()
    scene.add_pods(node, "held", finalizers=["example.com/stay"])
    scene.add_pods(node, "free")
    scene.die(node)
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    assert scene.pod_names() == {"held"}
    held = scene.pod("held")
    assert held["metadata"]["finalizers"] == ["example.com/stay"]
    assert "deletionTimestamp" in held["metadata"] and held["status"]["phase"] == "Failed"
    assert condition(held, "DisruptionTarget")["status"] == "True"
    scene.control_plane.patch(f"{scene.pods}/held", {"metadata": {"finalizers": None}}, MERGE)
    scene.control_plane.wait_gone(f"{scene.pods}/held")


def test_pods_that_had_ended_are_left_as_they_ended(scene, pipeline):
    node = scene.add_node()
    scene.add_pods(node, "good", "bad", "running")
    before = {name: scene.control_plane.patch_status(f"{scene.pods}/{name}", {"phase": phase})
              for name, phase in (("good", "Succeeded"), ("bad", "Failed"))}
    scene.die(node)
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    assert scene.pod_names() == set(before)
    assert {name: scene.pod(name) for name in before} == before
    assert set(scene.events(node)) == {("Node", node.name), ("Pod", "running")}


def test_a_mirror_pod_is_nobodys_to_delete(scene, pipeline):
    node = scene.add_node()
    scene.control_plane.create(scene.pods, mirror_pod("mirror", scene.control_plane.get(node.path)))
    scene.add_pods(node, "other")
    scene.die(node)
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    scene.wait_taken("delete", "nodes", {node.name})
    assert {line["objectRef"]["name"] for line in scene.writes()
            if line["objectRef"]["resource"] == "pods"} == {"other"}


def test_a_pod_that_is_being_deleted_does_not_wait_for_its_dead_kubelet(scene, pipeline):
    node = scene.add_node()
    scene.add_pods(node, "leaving")
    scene.die(node)
    scene.control_plane.delete(f"{scene.pods}/leaving", {"gracePeriodSeconds": 300})
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    assert scene.pod_names() == set()
