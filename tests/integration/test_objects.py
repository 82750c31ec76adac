"""Pods and Nodes that are not like the others: each is treated as its kind needs."""
from tests.harness.programs import wait_until

REASON = "pod.titus.netflix.com/pod-termination-reason"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


def pod_of(fleet, node, name: str) -> dict:
    (found,) = [pod for pod in fleet.pods(node) if pod["metadata"]["name"] == name]
    return found


def as_it_was(fleet, pod: dict) -> bool:
    now = fleet.api.get(f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}")
    return now == pod


def test_a_pod_that_had_finished_keeps_how_it_ended(pipeline, fleet):
    node = fleet.add(pods=1)
    before = [fleet.add_pod(node, f"{phase.lower()}-{node.name}", phase)
              for phase in ("Succeeded", "Failed")]
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    assert all(as_it_was(fleet, pod) for pod in before)


def test_a_daemonsets_pod_is_told_and_made_unready_and_left(pipeline, fleet):
    node = fleet.add()
    (name,) = fleet.pod_names(node, "DaemonSet")
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    pod = pod_of(fleet, node, name)
    assert pod["metadata"]["annotations"][REASON].startswith(f"Kernel panic on node {node.name}: ")
    assert [c["status"] for c in pod["status"]["conditions"] if c["type"] == "Ready"] == ["False"]
    assert pod["status"]["phase"] == "Running"


def test_a_mirror_pod_is_not_touched(pipeline, fleet):
    node = fleet.add(pods=1)
    before = fleet.add_pod(node, f"static-{node.name}",
                           annotations={"kubernetes.io/config.mirror": "hash"})
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    assert as_it_was(fleet, before)


def test_a_pod_with_a_finalizer_is_marked_and_stays_until_its_owner_lets_it_go(pipeline, fleet):
    node = fleet.add(pods=1)
    fleet.add_pod(node, f"kept-{node.name}", finalizers=["example.org/mine"])
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    pod = pod_of(fleet, node, f"kept-{node.name}")
    assert pod["status"]["phase"] == "Failed" and pod["metadata"]["deletionTimestamp"]
    assert pod["metadata"]["finalizers"] == ["example.org/mine"]


def test_a_job_pod_is_failed_before_it_is_deleted_or_its_job_would_hang(pipeline, fleet):
    node = fleet.add(pods=1, owners=["Job"], jobTracking=True)
    (name,) = fleet.pod_names(node, "Job")
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    pod = pod_of(fleet, node, name)  # without a Job controller its finalizer stays
    assert pod["status"]["phase"] == "Failed" and pod["metadata"]["deletionTimestamp"]
    assert [line["verb"] for line in fleet.writes(node)
            if line["objectRef"]["resource"] == "pods"] == ["patch", "delete"]


def test_a_pod_that_was_bound_meanwhile_goes_too(pipeline, fleet):
    node = fleet.add()
    (job,) = fleet.pod_names(node, "Job")
    fleet.api.faults({"user": "actuator", "verb": "patch", "resource": "^pods/status$",
                      "name": job, "action": "delay", "delay": 0.7})
    pipeline.panic(node)
    wait_until(lambda: fleet.api.get(node.path)["spec"].get("unschedulable"))
    fleet.add_pod(node, f"late-{node.name}")
    assert pipeline.ended(node)["outcome"] == "deleted"
    assert f"late-{node.name}" not in {pod["metadata"]["name"] for pod in fleet.pods(node)}


def test_a_node_without_pods_goes_as_well(pipeline, fleet):
    node = fleet.add(pods=0)
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    assert not fleet.api.exists(node.path)


def test_more_pods_than_one_page_of_a_list_all_go(pipeline, fleet):
    node = fleet.add(pods=520, owners=["ReplicaSet"])
    pipeline.panic(node)
    assert pipeline.ended(node, 30)["outcome"] == "deleted"
    assert fleet.pods(node) == []


def test_a_node_with_volumes_attached_is_tainted_and_deleted_once_they_are_gone(pipeline, fleet):
    theirs = {"key": "example.org/other", "value": "kept", "effect": "NoSchedule"}

    def attach(obj):
        obj["spec"]["taints"] = [theirs]
        obj["status"]["volumesAttached"] = [{"name": "csi/disk-1", "devicePath": ""}]
    node = fleet.change(fleet.add(), attach)
    pipeline.panic(node)
    taints = wait_until(lambda: [t for t in [fleet.api.get(node.path)["spec"]["taints"]]
                                 if any(taint["key"] == OUT_OF_SERVICE for taint in t)])[0]
    assert theirs in taints
    assert {"key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"}.items() <= \
        taints[-1].items()
    assert [p["metadata"]["ownerReferences"][0]["kind"] for p in fleet.pods(node)] == ["DaemonSet"]
    fleet.change(node, lambda obj: obj["status"].pop("volumesAttached"))
    assert pipeline.ended(node)["outcome"] == "deleted"


def test_a_node_with_a_finalizer_is_left_to_its_owner(pipeline, fleet):
    node = fleet.change(fleet.add(), lambda obj: obj["metadata"].update(
        finalizers=["karpenter.sh/termination"]))
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "left-to-owner"
    kept = fleet.api.get(node.path)
    assert kept["spec"]["unschedulable"] and "deletionTimestamp" not in kept["metadata"]
    assert len(fleet.pods(node)) == 1
