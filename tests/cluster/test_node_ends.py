"""How the Node itself ends: deleted, left to an owner, kept while volumes are attached, or another
one by the time that something could be done."""

import time

import pytest

from kube_client import MERGE
from kube_objects import volumes_attached
from tests.harness.programs import wait_until

OUT_OF_SERVICE = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown",
                  "effect": "NoExecute"}
SET = "node.titus.netflix.com/lastgasp-set"


def test_a_node_with_a_finalizer_is_left_to_its_owner_without_its_pods(scene, pipeline):
    node = scene.add_node(finalizers=["example.com/terminate-the-instance"])
    scene.add_pods(node, "pod")
    scene.die(node)
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "left-to-owner"
    left = scene.control_plane.get(node.path)
    assert "deletionTimestamp" not in left["metadata"] and left["spec"]["unschedulable"] is True
    assert scene.pod_names() == set() and scene.asked("delete", "nodes") == []


def test_a_node_stays_out_of_service_until_its_volumes_are_detached(scene, pipeline):
    node = scene.add_node()
    scene.add_pods(node, "pod")
    theirs = {"key": "example.com/theirs", "value": "kept", "effect": "PreferNoSchedule"}
    scene.control_plane.patch(node.path, {"spec": {"taints": [theirs]}})
    scene.control_plane.patch_status(
        node.path, volumes_attached("kubernetes.io/csi/one", "kubernetes.io/csi/two"), MERGE)
    scene.die(node)
    pipeline.panic(node)
    tainted = scene.control_plane.wait(
        node.path, lambda obj: OUT_OF_SERVICE in obj["spec"].get("taints", []), seconds=10)
    assert theirs in tainted["spec"]["taints"]
    assert tainted["metadata"]["annotations"][SET].endswith(",unschedulable,out-of-service")
    assert scene.pod_names() == set()

    for volumes in (["kubernetes.io/csi/two"], []):
        time.sleep(3)  # it looks every 2 s
        assert scene.control_plane.exists(node.path)
        scene.control_plane.patch_status(node.path, volumes_attached(*volumes), MERGE)
    assert pipeline.ended(node)["outcome"] == "deleted"
    assert not scene.control_plane.exists(node.path)


def test_a_cordon_that_was_there_before_is_not_called_ours(scene, pipeline):
    node = scene.add_node()
    scene.control_plane.patch(node.path, {"spec": {"unschedulable": True}})
    scene.die(node)
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    last = scene.wait_taken("patch", "nodes", {node.name})[node.name]["responseObject"]
    assert last["metadata"]["annotations"][SET] == f"boot={node.boot},annotations,label"


def panic_before_the_actuator_is_there(scene, pipeline, node):
    pipeline.start("listener", "correlator")
    scene.die(node)
    pipeline.panic(node)
    pipeline.running["correlator"].wait_for("verdict unverified")


def test_a_node_made_anew_under_the_same_name_is_not_the_one_that_panicked(scene, make_pipeline):
    pipeline, node = make_pipeline(), scene.add_node()
    panic_before_the_actuator_is_there(scene, pipeline, node)
    again = scene.recreate(node)
    assert again.name == node.name and again.uid != node.uid
    pod, = scene.add_pods(again, "pod")
    pipeline.start("actuator")
    incident = pipeline.ended(node)
    assert incident["outcome"] == "recreated" and incident["uid"] == node.uid
    assert scene.control_plane.get(again.path)["metadata"]["uid"] == again.uid
    assert scene.pod("pod") == pod
    wait_until(lambda: scene.events(node), 10, "an Event about it")
    assert {line["objectRef"]["resource"] for line in scene.writes()} <= {"events"}


def test_a_machine_that_has_booted_again_keeps_its_node_and_pods(scene, make_pipeline):
    pipeline, node = make_pipeline(), scene.add_node()
    pod, = scene.add_pods(node, "pod")
    panic_before_the_actuator_is_there(scene, pipeline, node)
    scene.kubelets.boot(node.name)
    pipeline.start("actuator")
    assert pipeline.ended(node)["outcome"] == "rebooted"
    assert scene.control_plane.get(node.path)["metadata"]["uid"] == node.uid
    assert scene.pod("pod") == pod
    wait_until(lambda: scene.events(node), 10, "an Event about it")
    assert {line["objectRef"]["resource"] for line in scene.writes()} <= {"events"}


def test_a_machine_that_boots_while_volumes_are_awaited_keeps_its_node(scene, pipeline):
    node = scene.add_node()
    scene.control_plane.patch_status(node.path, volumes_attached("kubernetes.io/csi/one"), MERGE)
    scene.die(node)
    pipeline.panic(node)
    scene.control_plane.wait(node.path,
                             lambda obj: OUT_OF_SERVICE in obj["spec"].get("taints", []))
    scene.kubelets.boot(node.name)
    assert pipeline.ended(node)["outcome"] == "rebooted"
    back = scene.control_plane.get(node.path)
    assert OUT_OF_SERVICE not in back["spec"].get("taints", [])
    assert not back["spec"].get("unschedulable")
    assert SET not in back["metadata"]["annotations"]


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_node_that_somebody_else_deletes_is_gone_and_no_failure(scene, make_pipeline, when):
    pipeline, node = make_pipeline(), scene.add_node()
    if when == "before":
        panic_before_the_actuator_is_there(scene, pipeline, node)
        scene.control_plane.delete(node.path)
        pipeline.start("actuator")
    else:
        scene.control_plane.patch_status(node.path, volumes_attached("some"), MERGE)
        scene.die(node)
        pipeline.start().panic(node)
        wait_until(lambda: scene.asked("patch", "nodes"), 10, "the Node being marked")
        scene.control_plane.delete(node.path)
    assert pipeline.ended(node)["outcome"] == "node-gone"
