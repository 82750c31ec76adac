"""Controllers of a real control plane, and machines that live and die without being there: what
becomes of pods when their Node's machine dies and they are deleted."""

import time

import pytest

from control_plane import ControlPlane
from kube_client import MERGE, ApiError
from kube_objects import job, mirror_pod, pod, workload
from kubelets import LEASES, NODES, Kubelets

ADDRESS = "127.0.0.1"


@pytest.fixture
def kubelets(control_plane):
    with Kubelets(control_plane, lease_s=4) as running:
        yield running


@pytest.fixture
def two_nodes(kubelets, namespace):
    """(the Node where pods start, the one that stays); named after the test's namespace."""
    names = (f"{namespace}-first", f"{namespace}-second")
    for name in names:
        kubelets.register(name, [ADDRESS])
    kubelets.schedule_onto(names[0])
    return names


def replace_pod(control_plane, kubelets, pod, onto, mark_failed):
    """The pod's machine dies; the pod is deleted as a failed one, or just so."""
    kubelets.kill(pod["spec"]["nodeName"])
    kubelets.schedule_onto(onto)
    metadata = pod["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
    if mark_failed:
        control_plane.patch_status(path, {"phase": "Failed", "conditions": [
            {"type": "DisruptionTarget", "status": "True", "reason": "NodeKernelPanic"}]})
    try:
        control_plane.delete(path, {"gracePeriodSeconds": 0})
    except ApiError as error:
        assert error.code == 404  # the StatefulSet controller deletes failed pods itself
    return path


def test_a_machines_lease_is_renewed_until_it_dies(control_plane, kubelets, namespace):
    path = f"{LEASES}/{namespace}"
    first = kubelets.register(namespace, [ADDRESS], kubelet_port=12345)
    assert first["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"] == 12345
    begin = control_plane.get(path)["spec"]["renewTime"]
    control_plane.wait(path, lambda lease: lease["spec"]["renewTime"] > begin, seconds=5)
    kubelets.kill(namespace)
    last = control_plane.get(path)["spec"]["renewTime"]
    time.sleep(2.5)
    assert control_plane.get(path)["spec"]["renewTime"] == last
    second = kubelets.boot(namespace)
    assert second["status"]["nodeInfo"]["bootID"] != first["status"]["nodeInfo"]["bootID"]
    assert second["status"]["addresses"] == first["status"]["addresses"]
    control_plane.wait(path, lambda lease: lease["spec"]["renewTime"] > last, seconds=5)


def test_a_dead_machines_node_is_unknown_after_the_time_that_a_test_chooses(control_plane_programs):
    options = ["--node-monitor-period=1s", "--node-monitor-grace-period=6s"]
    with (ControlPlane(control_plane_programs, options) as control_plane,
          Kubelets(control_plane, lease_s=4) as kubelets):
        for name in ("dead", "alive"):
            kubelets.register(name, [ADDRESS])
        kubelets.kill("dead")
        control_plane.wait(f"{NODES}/dead", lambda node: ready(node) == "Unknown")
        assert ready(control_plane.get(f"{NODES}/alive")) == "True"


def test_mirror_pods_and_pods_with_finalizers_run(control_plane, kubelets, namespace):
    pods = f"/api/v1/namespaces/{namespace}/pods"
    node = kubelets.register(namespace, [ADDRESS])
    control_plane.create(pods, mirror_pod("mirror", node))
    control_plane.create(pods, pod("held", namespace, finalizers=["example.com/stay"]))
    kubelets.wait_running(pods, 2)
    control_plane.delete(f"{pods}/held", {"gracePeriodSeconds": 0})
    assert "deletionTimestamp" in control_plane.get(f"{pods}/held")["metadata"]
    control_plane.patch(f"{pods}/held", {"metadata": {"finalizers": None}}, MERGE)
    control_plane.wait_gone(f"{pods}/held")


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_deleted_pod_is_replaced_on_the_other_node(control_plane, kubelets, namespace, two_nodes,
                                                     kind):
    first, second = two_nodes
    pods = f"/api/v1/namespaces/{namespace}/pods"
    control_plane.create(f"/apis/apps/v1/namespaces/{namespace}/{kind.lower()}s",
                         workload(kind, "app"))
    before, = kubelets.wait_running(pods, 1)
    assert before["spec"]["nodeName"] == first
    replace_pod(control_plane, kubelets, before, onto=second, mark_failed=True)
    after, = kubelets.wait_running(pods, 1)
    assert after["spec"]["nodeName"] == second


def test_a_daemon_sets_pod_comes_back_on_the_same_node(control_plane, kubelets, namespace,
                                                       two_nodes):
    first, second = two_nodes
    pods = f"/api/v1/namespaces/{namespace}/pods"
    control_plane.create(f"/apis/apps/v1/namespaces/{namespace}/daemonsets",
                         workload("DaemonSet", "agent"))
    before = {p["spec"]["nodeName"]: p for p in kubelets.wait_running(pods, 2)}
    assert set(before) == {first, second}
    path = replace_pod(control_plane, kubelets, before[first], onto=second, mark_failed=False)
    control_plane.wait_gone(path)
    control_plane.wait(pods, lambda found: len(found["items"]) == 2)


@pytest.mark.parametrize("ignored, mark_failed, outcome", [
    ("DisruptionTarget", True, "replaced"),
    ("DisruptionTarget", False, "stuck"),
    (None, True, "failed"),
    (None, False, "failed"),
])
def test_a_jobs_only_pod_dies(control_plane, kubelets, namespace, two_nodes, ignored, mark_failed,
                              outcome):
    jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    pods = f"/api/v1/namespaces/{namespace}/pods"
    control_plane.create(jobs, job("work", ignored))
    before, = kubelets.wait_running(pods, 1)
    path = replace_pod(control_plane, kubelets, before, two_nodes[1], mark_failed)
    if outcome == "stuck":
        time.sleep(15)  # a replacement takes 11
        assert control_plane.get(path)["metadata"]["finalizers"] == [
            "batch.kubernetes.io/job-tracking"]
        assert len(control_plane.list(pods)) == 1
    elif outcome == "failed":
        ended = control_plane.wait(f"{jobs}/work", failure)
        assert failure(ended) == "BackoffLimitExceeded"
    else:
        after, = kubelets.wait_running(pods, 1)
        assert after["spec"]["nodeName"] == two_nodes[1]
        control_plane.wait_gone(path)
        assert failure(control_plane.get(f"{jobs}/work")) is None


def ready(node):
    return next(c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready")


def failure(job_obj):
    return next((c["reason"] for c in job_obj["status"].get("conditions", [])
                 if c["type"] == "Failed" and c["status"] == "True"), None)
