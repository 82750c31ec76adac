"""The ClusterRoles without one of their rights: the log names it, and nothing goes beyond it."""

import pytest

from kube_objects import workload
from rights import without
from tests.harness.programs import wait_until

ACTUATOR, CORRELATOR = "lastgasp-actuator", "lastgasp-correlator"


def logged(program, verb, resource):
    """The API server's own words, in a line of the program's log."""
    program.wait_for(rf'User "{program.name}" cannot {verb} resource "{resource}"')


@pytest.mark.parametrize("verb, resource, outcomes", [
    ("get", "nodes", {"refused"}),
    ("patch", "nodes", {"refused"}),
    ("list", "pods", {"partial"}),  # the Node is marked by the time that is sure
])
def test_without_this_right_no_pod_is_touched(scene, pipeline, verb, resource, outcomes):
    node = scene.add_node()
    pod, = scene.add_pods(node, "pod")
    scene.die(node)
    with without(scene.control_plane, ACTUATOR, verb, group="", resource=resource):
        pipeline.panic(node)
        assert pipeline.ended(node)["outcome"] in outcomes
        logged(pipeline.running["actuator"], verb, resource)
    assert scene.pod("pod")["metadata"]["resourceVersion"] == pod["metadata"]["resourceVersion"]
    assert scene.control_plane.exists(node.path)


def test_without_the_right_to_patch_a_pods_status_no_pod_is_deleted(scene, pipeline):
    node = scene.add_node()
    pod, = scene.add_pods(node, "pod")
    scene.die(node)
    with without(scene.control_plane, ACTUATOR, "patch", group="", resource="pods/status"):
        pipeline.panic(node)
        assert pipeline.ended(node)["outcome"] == "partial"
        logged(pipeline.running["actuator"], "patch", "pods/status")
    assert scene.pod("pod")["metadata"]["resourceVersion"] == pod["metadata"]["resourceVersion"]
    assert scene.control_plane.exists(node.path)


def test_without_the_right_to_delete_pods_they_stay_marked_and_so_does_the_node(scene, pipeline):
    node = scene.add_node()
    scene.add_pods(node, "one", "two")
    scene.die(node)
    with without(scene.control_plane, ACTUATOR, "delete", group="", resource="pods"):
        pipeline.panic(node)
        incident = pipeline.ended(node)
        assert incident["outcome"] == "partial" and "2 refused" in incident["detail"]
        logged(pipeline.running["actuator"], "delete", "pods")
    assert {scene.pod(name)["status"]["phase"] for name in ("one", "two")} == {"Failed"}
    assert scene.control_plane.exists(node.path)


def test_without_the_right_to_delete_nodes_the_pods_are_done_all_the_same(scene, pipeline):
    node = scene.add_node()
    scene.add_pods(node, "pod")
    scene.die(node)
    with without(scene.control_plane, ACTUATOR, "delete", group="", resource="nodes"):
        pipeline.panic(node)
        incident = pipeline.ended(node)
        assert incident["outcome"] == "partial" and "the Node is kept" in incident["detail"]
        logged(pipeline.running["actuator"], "delete", "nodes")
    assert scene.pod_names() == set()
    assert scene.control_plane.get(node.path)["spec"]["unschedulable"] is True


def test_without_the_right_to_send_events_all_else_is_done_and_it_is_said_once(scene, pipeline):
    node = scene.add_node()
    scene.start(workload("Deployment", "web", 3), pods=3)
    scene.die(node)
    with without(scene.control_plane, ACTUATOR, "create", group="events.k8s.io", resource="events"):
        pipeline.panic(node)
        assert pipeline.ended(node)["outcome"] == "deleted"
        # Five Events, each of them five times: a 403 is believed when it lasts.
        wait_until(lambda: len(scene.asked("create", "events")) == 25, 30, "25 tries of 5 Events")
        actuator = pipeline.running["actuator"]
        logged(actuator, "create", "events")
        assert actuator.log().count('resource "events"') == 1
    assert scene.events(node) == {}


def test_without_the_right_to_watch_nodes_a_panic_is_held_until_it_is_given(scene, make_pipeline):
    node = scene.add_node()
    scene.die(node)
    with without(scene.control_plane, CORRELATOR, "watch", group="", resource="nodes"):
        pipeline = make_pipeline().start()
        logged(pipeline.running["correlator"], "watch", "nodes")
        pipeline.panic(node)
        pipeline.running["listener"].wait_for("panic of ")
        assert pipeline.incidents() == [] and scene.writes() == []
    assert pipeline.ended(node, seconds=45)["outcome"] == "deleted"
