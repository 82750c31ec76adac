"""What the API server refuses for good: by admission, by rights, or because it is another's."""
import dataclasses

import pytest

from tests.harness.fleet import faults
from tests.harness.programs import wait_until

ADMISSION = {"action": "status", "status": 422, "reason": "Invalid", "count": 0,
             "message": "ValidatingAdmissionPolicy 'no-notes' denied request: no notes here"}
FORBIDDEN = {"action": "status", "status": 403, "count": 0}


@pytest.mark.parametrize("fault", [ADMISSION, FORBIDDEN], ids=["422", "403"])
def test_a_pod_that_may_not_be_patched_is_left_and_the_rest_is_done(act, fleet, fault):
    node = fleet.add()
    (kept,) = fleet.pod_names(node, "Job")
    faults(fleet, [("patch", "pods/status")], **fault, name=kept)
    result = act(node)
    assert result["outcome"] == "partial" and "1 refused" in result["detail"]
    left = {pod["metadata"]["name"]: pod for pod in fleet.pods(node)}
    assert set(left) == {kept, *fleet.pod_names(node, "DaemonSet")}
    assert left[kept]["status"]["phase"] == "Running"
    assert fleet.api.exists(node.path)
    assert not [line for line in fleet.writes(node) if line["verb"] == "delete"
                and line["objectRef"]["name"] in (kept, node.name)]


def test_a_pod_whose_notes_are_refused_is_removed_without_them(act, fleet):
    node = fleet.add()
    (name,) = fleet.pod_names(node, "Job")
    since = fleet.version()
    faults(fleet, [("patch", "pods/status")], **{**ADMISSION, "count": 1}, name=name)
    assert act(node)["outcome"] == "deleted"
    last = fleet.api.last_states("pods", since)[name]
    assert last["status"]["phase"] == "Failed"
    assert not any("termination" in key for key in last["metadata"].get("annotations", {}))


def test_a_pod_that_may_not_be_deleted_leaves_the_node_in_place(act, fleet):
    node = fleet.add()
    (kept,) = fleet.pod_names(node, "StatefulSet")
    faults(fleet, [("delete", "pods")], **FORBIDDEN, name=f"^{kept}$")
    assert act(node)["outcome"] == "partial"
    assert fleet.api.exists(node.path) and fleet.pod_names(node, "Job") == []


@pytest.mark.parametrize("verb, resource", [("get", "nodes"), ("patch", "nodes")])
@pytest.mark.parametrize("fault", [ADMISSION, FORBIDDEN], ids=["422", "403"])
def test_a_node_that_may_not_be_read_or_marked_keeps_all_its_pods(act, fleet, verb, resource,
                                                                  fault):
    node = fleet.add()
    before = fleet.versions()
    faults(fleet, [(verb, resource)], **fault)
    assert act(node)["outcome"] == "refused"
    assert fleet.versions() == before


def test_pods_that_may_not_be_listed_are_not_taken_for_none(act, fleet):
    node = fleet.add()
    faults(fleet, [("list", "pods")], **FORBIDDEN)
    assert act(node)["outcome"] in ("refused", "partial")
    assert fleet.api.exists(node.path) and len(fleet.pods(node)) == 4


def test_a_node_that_may_not_be_deleted_stays_and_its_pods_are_done(act, fleet):
    node = fleet.add()
    faults(fleet, [("delete", "nodes")], **FORBIDDEN)
    result = act(node)
    assert result["outcome"] == "partial" and "Node is kept" in result["detail"]
    assert fleet.pod_names(node, "Job") == []


def test_events_that_are_refused_hold_nothing_up(act, fleet):
    node = fleet.add()
    faults(fleet, [("create", "events")], **FORBIDDEN)
    assert act(node)["outcome"] == "deleted"
    assert fleet.events(node) == []


def test_a_right_that_is_missing_is_logged_with_verb_and_resource(act, fleet):
    node = fleet.add()
    fleet.api.rights({"actuator": ["get nodes", "list nodes", "patch nodes", "list pods",
                                   "delete pods", "get leases", "update leases"]})
    try:
        assert act(node)["outcome"] == "partial"
    finally:
        fleet.api.rights({})
    (line, *_) = [line for line in act.pipeline.logs().splitlines() if "cannot patch" in line]
    assert 'resource "pods/status"' in line


def test_a_pod_of_the_same_name_that_is_another_one_is_not_touched(act, fleet):
    node, other = fleet.add(), fleet.add(pods=0)
    (name,) = fleet.pod_names(node, "StatefulSet")
    faults(fleet, [("patch", "nodes")], action="delay", delay=0.7)
    act.intend(node)
    fleet.api.wait_for(lambda: any(fleet.api.fault_hits()))
    fleet.api.drop("pods", name, "default")
    before = fleet.add_pod(other, name)
    assert act.correlator.wait_for("result")[0]["outcome"] == "deleted"
    (after,) = fleet.pods(other)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


@pytest.mark.parametrize("change, outcome", [
    ({"uid": "11111111-2222-3333-4444-555555555555"}, "recreated"),
    ({"boot": "11111111-2222-3333-4444-555555555555"}, "rebooted")], ids=["uid", "boot"])
def test_a_node_that_came_back_is_told_and_nothing_else(act, fleet, change, outcome):
    node = fleet.add()
    pods, version = fleet.pods(node), fleet.api.get(node.path)["metadata"]["resourceVersion"]
    assert act(dataclasses.replace(node, **change))["outcome"] == outcome
    wait_until(lambda: fleet.events(node))
    assert fleet.pods(node) == pods
    assert fleet.api.get(node.path)["metadata"]["resourceVersion"] == version


def test_a_node_that_reboots_in_the_middle_keeps_what_is_left(act, fleet):
    node = fleet.add(pods=1)
    faults(fleet, [("delete", "nodes")], action="delay", delay=0.5)
    act.intend(node)
    fleet.api.wait_for(lambda: any(fleet.api.fault_hits()))
    fleet.change(node, lambda obj: obj["status"]["nodeInfo"].update(bootID="another"))
    assert act.correlator.wait_for("result")[0]["outcome"] == "rebooted"
    assert fleet.api.exists(node.path)


def test_a_node_that_is_gone_already_needs_nothing(act, fleet):
    node = fleet.add(pods=0)
    fleet.api.drop("nodes", node.name)
    assert act(node)["outcome"] == "node-gone"
