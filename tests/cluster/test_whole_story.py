"""Datagrams of a real kernel that panicked go in by UDP; in a real cluster the dead Node's pods
carry the reason and are gone, the Node is gone, and whoever owned them reads why."""

import datetime
import time

import pytest

from kube_objects import job, workload
from scene import condition
from tests.harness import captures
from tests.harness.pipeline import PANIC, PANIC_REASON

POD, NODE = "pod.titus.netflix.com", "node.titus.netflix.com"


def received_ms(line, begin):
    at = datetime.datetime.fromisoformat(line["requestReceivedTimestamp"])
    return (at.timestamp() - begin) * 1000


def test_thirty_pods_die_with_their_node_and_run_again_elsewhere(scene, pipeline, capsys):
    node, other = scene.add_node(), scene.add_node("other")
    # A Job of ten pods would wait ten minutes: 10 s are doubled with each of its pods that fails.
    jobs = [job(f"batch-{number}", ignored="DisruptionTarget") for number in range(10)]
    before = scene.start(*jobs, workload("Deployment", "web", 10),
                         workload("StatefulSet", "store", 10), pods=30)
    names = {pod["metadata"]["name"] for pod in before}
    scene.die(node, onto=other)
    begin = captures.send(PANIC, node.address, (pipeline.listen, pipeline.port), 0.002)
    assert pipeline.ended(node)["outcome"] == "deleted"
    assert not scene.control_plane.exists(node.path)
    scene.kubelets.wait_running(scene.pods, 30)
    running_ms = (time.time() - begin) * 1000

    marks = scene.wait_taken("patch", "pods", names).values()
    scene.wait_taken("delete", "nodes", {node.name})
    rows = [("the Node is read", scene.asked("get", "nodes")),
            ("the Node is annotated and cordoned", scene.asked("patch", "nodes")),
            ("pods are marked", list(marks)),
            ("pods are deleted", list(scene.taken("delete", "pods").values())),
            ("Events are sent", scene.asked("create", "events")),
            ("the Node is deleted", scene.asked("delete", "nodes"))]
    with capsys.disabled():
        print("\n30 pods, milliseconds after the panic line was sent:")
        for what, lines in rows:
            at = sorted(received_ms(line, begin) for line in lines)
            print(f"{at[0]:10.1f} to {at[-1]:7.1f}  {what} ({len(at)})")
        print(f"{running_ms:21.1f}  30 pods run on the other Node")


def test_a_dead_pod_says_why_in_words_for_people_and_in_codes_for_machines(scene, pipeline):
    node = scene.add_node()
    name, = (pod["metadata"]["name"] for pod in scene.start(job("batch"), pods=1))
    theirs = {"example.com/theirs": "kept"}
    scene.control_plane.patch(f"{scene.pods}/{name}", {"metadata": {"annotations": theirs}})
    scene.die(node)
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"

    last = scene.wait_taken("patch", "pods", {name})[name]["responseObject"]
    text = f"Kernel panic on node {node.name}: {PANIC_REASON}"
    assert last["metadata"]["annotations"] == theirs | {
        f"{POD}/pod-termination-reason": text,
        f"{POD}/pod-termination-reason-code": "kernel-panic",
        f"{POD}/pod-termination-reason-detail": "sysrq",
        f"{POD}/pod-termination-by-caller": "lastgasp"}
    status = last["status"]
    assert (status["phase"], status["reason"], status["message"]) == \
        ("Failed", "NodeKernelPanic", text)
    for kind in ("DisruptionTarget", "titus.netflix.com/KernelPanic"):
        found = condition(last, kind)
        assert (found["status"], found["reason"], found["message"]) == \
            ("True", "NodeKernelPanic", text)
    assert condition(last, "Ready")["status"] == "True"  # what the kubelet said last is left


def test_a_dead_node_says_why_and_takes_no_more_pods_before_it_goes(scene, pipeline):
    node = scene.add_node(annotations={"example.com/theirs": "kept"})
    scene.die(node)
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    last = scene.wait_taken("patch", "nodes", {node.name})[node.name]["responseObject"]
    assert last["spec"]["unschedulable"] is True
    annotations = last["metadata"]["annotations"]
    assert annotations["example.com/theirs"] == "kept"
    assert {key: value for key, value in annotations.items() if key.startswith(NODE)} == {
        f"{NODE}/node-termination-reason": f"Kernel panic on node {node.name}: {PANIC_REASON}",
        f"{NODE}/node-termination-by-caller": "lastgasp",
        f"{NODE}/lastgasp-set": f"boot={node.boot},annotations,label,unschedulable"}
    delete, = scene.wait_taken("delete", "nodes", {node.name}).values()
    conditions = delete["requestObject"]["preconditions"]
    assert conditions["uid"] == node.uid
    assert conditions["resourceVersion"] in {  # the control plane taints what is cordoned
        line["responseObject"]["metadata"]["resourceVersion"]
        for verb in ("patch", "get") for line in scene.taken(verb, "nodes").values()}


def test_node_owners_and_pods_have_an_event_each(scene, pipeline):
    node = scene.add_node()
    scene.start(job("batch"), workload("Deployment", "web", 3), workload("StatefulSet", "store"),
                pods=5)
    owners = {(owner["kind"], owner["name"]): pod for pod in scene.control_plane.list(scene.pods)
              for owner in pod["metadata"]["ownerReferences"]}
    names = scene.pod_names()
    scene.die(node)
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    pipeline.stop("actuator")  # which sends what is left of its Events first
    events = scene.events(node)

    assert set(events) == {("Node", node.name), *owners, *(("Pod", name) for name in names)}
    text = f"Kernel panic on node {node.name}: {PANIC_REASON}"
    for (kind, name), event in events.items():
        assert event["reason"] == "NodeKernelPanic" and event["type"] == "Warning"
        if kind == "Node":
            assert event["metadata"]["namespace"] == "default"
            assert event["regarding"]["uid"] == node.uid
            assert event["note"].startswith(f"{text} (") and node.address in event["note"]
            continue
        assert event["metadata"]["namespace"] == scene.namespace
        assert (event["related"]["name"], event["related"]["uid"]) == (node.name, node.uid)
        died = "3 pods" if kind == "ReplicaSet" else "1 pod"
        assert event["note"] == (text if kind == "Pod" else (
            f"{died} died with node {node.name}: kernel panic: {PANIC_REASON}"))


def test_two_nodes_that_panic_at_once_both_go_and_a_third_stays(scene, pipeline):
    one, two, third = (scene.add_node(name) for name in ("one", "two", "third"))
    scene.add_pods(one, "a", "b")
    scene.add_pods(two, "c", "d")
    bystander, = scene.add_pods(third, "bystander")
    scene.die(one, two)
    at = (pipeline.listen, pipeline.port)
    with captures.sender(one.address) as first, captures.sender(two.address) as second:
        for _, datagram in captures.datagrams(PANIC):
            first.sendto(datagram, at)
            second.sendto(datagram, at)
    assert pipeline.ended(one)["outcome"] == pipeline.ended(two)["outcome"] == "deleted"
    marks = scene.wait_taken("patch", "pods", {"a", "b", "c", "d"})
    for name, node in (("a", one), ("b", one), ("c", two), ("d", two)):
        message = marks[name]["responseObject"]["status"]["message"]
        assert message == f"Kernel panic on node {node.name}: {PANIC_REASON}"
    left, = scene.control_plane.list(scene.pods)
    assert left["metadata"] == bystander["metadata"]
    assert scene.control_plane.exists(third.path)


@pytest.mark.parametrize("certificate", [False, True], ids=["token", "certificate"])
def test_each_stage_needs_no_other_right_than_its_manifest_gives(scene, make_pipeline, certificate):
    for stage in ("correlator", "actuator"):
        ready = make_pipeline(certificate=certificate)
        assert check(ready, stage) == 0
    pipeline = make_pipeline(certificate=certificate).start()
    node = scene.add_node()
    scene.start(workload("Deployment", "web", 3), workload("DaemonSet", "agent"), pods=4)
    scene.die(node)
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    scene.wait_taken("delete", "nodes", {node.name})
    refused = [line for line in scene.asked() if line["responseStatus"]["code"] in (401, 403)]
    assert refused == []
    writers = {line["user"]["username"] for line in scene.writes()}
    assert writers == {"lastgasp-actuator"}


def check(pipeline, stage):
    """The exit status of the stage's --check."""
    pipeline.arguments[stage] += ("--check",)
    pipeline.start(stage)
    return pipeline.running.pop(stage).process.wait(10)
