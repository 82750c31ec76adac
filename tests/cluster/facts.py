"""What lastgasp takes for granted about a Kubernetes API server, as a list of facts.

Each is a function of an API client that may do everything (get, list, create, replace, patch,
delete, stream as in kube_client.py) and asserts one thing; FACTS lists them. The same list is for
the real server and for the simulated one, so that the two cannot drift apart.
"""

import contextlib
import uuid
from collections.abc import Callable, Iterator

import pytest

from kube_client import MERGE, ApiError, Client
from kube_objects import node, node_lease, now, pod

NODES = "/api/v1/nodes"
PODS = "/api/v1/namespaces/default/pods"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"
NO_GRACE = {"gracePeriodSeconds": 0}

Made = contextlib.AbstractContextManager[tuple[str, dict]]
FACTS: list[Callable[[Client], None]] = []


def fact(function: Callable[[Client], None]) -> Callable[[Client], None]:
    FACTS.append(function)
    return function


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


@contextlib.contextmanager
def made(api: Client, collection: str, obj: dict) -> Iterator[tuple[str, dict]]:
    """(path, object as created); whatever is left of it afterwards is removed."""
    created = api.create(collection, obj)
    path = f"{collection}/{created['metadata']['name']}"
    try:
        yield path, created
    finally:
        if exists(api, path):
            api.patch(path, {"metadata": {"finalizers": None}}, MERGE)
        if exists(api, path):
            api.delete(path, NO_GRACE)


def a_node(api: Client, **metadata: object) -> Made:
    return made(api, NODES, node(unique("node"), **metadata))


def a_pod(api: Client, **metadata: object) -> Made:
    """Bound to a node that nobody runs: without a scheduler or a kubelet nothing touches it."""
    return made(api, PODS, pod(unique("pod"), unique("node"), **metadata))


def an_event(**fields: object) -> dict:
    return {"apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": {"name": f"lastgasp-{uuid.uuid4().hex}", "namespace": "default"},
            "eventTime": now(), "reportingController": "lastgasp", "reportingInstance": "test",
            "action": "Test", "reason": "KernelPanic", "type": "Warning", "note": "a note",
            "regarding": {"apiVersion": "v1", "kind": "Node", "name": "some-node"}, **fields}


def exists(api: Client, path: str) -> bool:
    try:
        api.get(path)
    except ApiError as error:
        assert error.code == 404
        return False
    return True


@contextlib.contextmanager
def refused(code: int, reason: str) -> Iterator[None]:
    with pytest.raises(ApiError) as raised:
        yield
    assert (raised.value.code, raised.value.reason) == (code, reason)


def stale(api: Client, path: str) -> str:
    """A resourceVersion of the object that is no longer its newest."""
    old = api.get(path)["metadata"]["resourceVersion"]
    api.patch(path, {"metadata": {"labels": {"moved": unique("on")}}}, MERGE)
    return old


def disruption(status: str = "True") -> dict:
    return {"type": "DisruptionTarget", "status": status, "reason": "NodeKernelPanic",
            "message": "m", "lastTransitionTime": now()[:19] + "Z"}


@fact
def one_patch_of_a_pods_status_carries_annotations_phase_and_conditions(api: Client) -> None:
    with a_pod(api, annotations={"theirs": "kept"}) as (path, created):
        ready = {"type": "Ready", "status": "True"}
        api.patch(f"{path}/status", {"status": {"phase": "Running", "conditions": [ready]}})
        api.patch(f"{path}/status", {
            "metadata": {"uid": created["metadata"]["uid"], "annotations": {"ours": "added"}},
            "status": {"phase": "Failed", "reason": "NodeKernelPanic", "message": "m",
                       "conditions": [disruption()]}})
        after = api.get(path)
        assert after["metadata"]["annotations"] == {"theirs": "kept", "ours": "added"}
        assert after["status"]["phase"] == "Failed"
        assert after["status"]["reason"] == "NodeKernelPanic"
        conditions = {c["type"]: c["status"] for c in after["status"]["conditions"]}
        assert conditions == {"Ready": "True", "DisruptionTarget": "True"}


@fact
def conditions_merge_by_type(api: Client) -> None:
    with a_pod(api) as (path, _):
        for status in ("True", "False"):
            api.patch(f"{path}/status", {"status": {"conditions": [disruption(status)]}})
        assert [c["status"] for c in api.get(path)["status"]["conditions"]] == ["False"]


@fact
def a_patch_of_a_pods_status_leaves_its_spec(api: Client) -> None:
    with a_pod(api) as (path, _):
        api.patch(f"{path}/status", {"spec": {"activeDeadlineSeconds": 1}})
        assert "activeDeadlineSeconds" not in api.get(path)["spec"]


@fact
def a_patch_of_a_nodes_status_keeps_annotations(api: Client) -> None:
    with a_node(api, annotations={"theirs": "kept"}) as (path, _):
        api.patch(f"{path}/status", {"metadata": {"annotations": {"ours": "added"}}})
        annotations = api.get(path)["metadata"]["annotations"]
        assert (annotations["theirs"], annotations["ours"]) == ("kept", "added")


@fact
def a_patch_with_another_uid_is_422(api: Client) -> None:
    other = {"metadata": {"uid": str(uuid.uuid4()), "annotations": {"a": "b"}}}
    with a_pod(api) as (pod_path, _), a_node(api) as (node_path, _):
        for path in (pod_path, f"{pod_path}/status", node_path, f"{node_path}/status"):
            with refused(422, "Invalid"):
                api.patch(path, other)


@fact
def a_failed_pod_may_be_reported_running_again(api: Client) -> None:
    with a_pod(api) as (path, _):
        for phase in ("Running", "Failed", "Running"):
            assert api.patch(f"{path}/status",
                             {"status": {"phase": phase}})["status"]["phase"] == phase


@fact
def a_patch_with_a_stale_resource_version_is_409(api: Client) -> None:
    with a_pod(api) as (pod_path, _), a_node(api) as (node_path, _):
        for path in (pod_path, node_path):
            body = {"metadata": {"resourceVersion": stale(api, path), "annotations": {"a": "b"}}}
            for target in (path, f"{path}/status"):
                with refused(409, "Conflict"):
                    api.patch(target, body)


@fact
def a_patch_with_the_newest_resource_version_is_taken(api: Client) -> None:
    with a_node(api) as (path, _):
        stale(api, path)
        newest = api.get(path)["metadata"]["resourceVersion"]
        api.patch(path, {"metadata": {"resourceVersion": newest, "annotations": {"a": "b"}}})
        assert api.get(path)["metadata"]["resourceVersion"] != newest


@fact
def a_strategic_merge_of_taints_replaces_the_list(api: Client) -> None:
    def keys(taints: list[dict]) -> list[str]:
        return [taint["key"] for taint in taints]
    with a_node(api) as (path, _):
        for key in ("one", "two"):
            api.patch(path, {"spec": {"taints": [{"key": key, "effect": "NoSchedule"}]}})
        # The node lifecycle controller may add taints of its own, but never "one" again.
        assert "one" not in keys(api.get(path)["spec"]["taints"])
        assert "two" in keys(api.get(path)["spec"]["taints"])


@fact
def a_dry_run_of_patch_goes_into_the_query(api: Client) -> None:
    with a_node(api) as (path, _):
        answer = api.patch(f"{path}?dryRun=All", {"metadata": {"annotations": {"a": "b"}}})
        assert answer["metadata"]["annotations"]["a"] == "b"
        assert "a" not in api.get(path)["metadata"].get("annotations", {})


@fact
def a_dry_run_of_delete_in_the_query_beside_a_body_deletes_for_real(api: Client) -> None:
    with a_pod(api) as (pod_path, _), a_node(api) as (node_path, _):
        for path in (pod_path, node_path):
            api.delete(f"{path}?dryRun=All", NO_GRACE)
            assert not exists(api, path)


@fact
def a_dry_run_of_delete_in_the_body_deletes_nothing(api: Client) -> None:
    with a_pod(api) as (pod_path, _), a_node(api) as (node_path, _):
        for path in (pod_path, node_path):
            api.delete(path, {**NO_GRACE, "dryRun": ["All"]})
            assert "deletionTimestamp" not in api.get(path)["metadata"]


@fact
def a_delete_under_another_uid_is_409(api: Client) -> None:
    with a_pod(api) as (pod_path, _), a_node(api) as (node_path, _):
        for path in (pod_path, node_path):
            with refused(409, "Conflict"):
                api.delete(path, {**NO_GRACE, "preconditions": {"uid": str(uuid.uuid4())}})
            assert "deletionTimestamp" not in api.get(path)["metadata"]


@fact
def a_delete_under_a_stale_resource_version_is_409(api: Client) -> None:
    with a_pod(api) as (pod_path, _), a_node(api) as (node_path, _):
        for path in (pod_path, node_path):
            old = stale(api, path)
            with refused(409, "Conflict"):
                api.delete(path, {**NO_GRACE, "preconditions": {"resourceVersion": old}})
            assert "deletionTimestamp" not in api.get(path)["metadata"]


@fact
def a_delete_under_the_right_uid_and_resource_version_deletes(api: Client) -> None:
    with a_pod(api) as (pod_path, _), a_node(api) as (node_path, _):
        for path in (pod_path, node_path):
            metadata = api.get(path)["metadata"]
            api.delete(path, {**NO_GRACE, "preconditions": {
                "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}})
            assert not exists(api, path)


@fact
def a_delete_of_what_is_gone_is_404(api: Client) -> None:
    for collection in (PODS, NODES):
        with refused(404, "NotFound"):
            api.delete(f"{collection}/{unique('gone')}", NO_GRACE)


@fact
def a_deleted_pod_is_answered_with_the_pod_and_a_node_with_a_status(api: Client) -> None:
    with a_pod(api) as (pod_path, _), a_node(api) as (node_path, _):
        assert api.delete(pod_path, NO_GRACE)["kind"] == "Pod"
        assert api.delete(node_path)["kind"] == "Status"


@fact
def what_has_a_finalizer_stays_after_its_delete(api: Client) -> None:
    with (a_pod(api, finalizers=["example.com/stay"]) as (pod_path, _),
          a_node(api, finalizers=["example.com/stay"]) as (node_path, _)):
        for path in (pod_path, node_path):
            api.delete(path, NO_GRACE)
            assert "deletionTimestamp" in api.get(path)["metadata"]
        after = api.patch(f"{pod_path}/status", {"status": {"phase": "Failed"}})
        assert after["status"]["phase"] == "Failed"


@fact
def annotations_may_hold_control_characters(api: Client) -> None:
    text = "bell \a, escape \x1b, nul \0, tab \t"
    with a_node(api) as (path, _):
        api.patch(path, {"metadata": {"annotations": {"a": text}}})
        assert api.get(path)["metadata"]["annotations"]["a"] == text


@fact
def annotations_over_256_kib_are_422(api: Client) -> None:
    with a_pod(api) as (path, _):
        with refused(422, "Invalid"):
            api.patch(path, {"metadata": {"annotations": {"a": "x" * (256 << 10)}}})


@fact
def keys_that_are_not_qualified_names_are_422(api: Client) -> None:
    bad = "two words"
    with a_pod(api) as (path, _):
        with refused(422, "Invalid"):
            api.patch(path, {"metadata": {"annotations": {bad: "x"}}})
        with refused(422, "Invalid"):
            api.patch(f"{path}/status",
                      {"status": {"conditions": [{**disruption(), "type": bad}]}})


@fact
def pods_are_listed_by_node(api: Client) -> None:
    with a_pod(api) as (_, one), a_pod(api):
        name = one["spec"]["nodeName"]
        newest = one["metadata"]["resourceVersion"]
        path = (f"/api/v1/pods?fieldSelector=spec.nodeName={name}"
                f"&resourceVersion={newest}&resourceVersionMatch=NotOlderThan")
        answer = api.get(path)
        assert [p["metadata"]["uid"] for p in answer["items"]] == [one["metadata"]["uid"]]
        assert int(answer["metadata"]["resourceVersion"]) >= int(newest)


@fact
def a_limited_list_says_how_many_remain_unless_it_selects(api: Client) -> None:
    with a_node(api), a_node(api), a_node(api):
        limited = api.get(f"{NODES}?limit=1")
        assert len(limited["items"]) == 1
        assert limited["metadata"]["remainingItemCount"] >= 2
        rest = api.get(f"{NODES}?limit=500&continue={limited['metadata']['continue']}")
        assert len(rest["items"]) == limited["metadata"]["remainingItemCount"]
        selecting = api.get(f"{NODES}?limit=1&labelSelector=kubernetes.io/hostname")
        assert "remainingItemCount" not in selecting["metadata"]


@fact
def a_streaming_list_brings_what_is_there_then_a_bookmark_then_changes(api: Client) -> None:
    with a_node(api) as (path, one):
        stream = api.stream(f"{NODES}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true"
                            "&resourceVersionMatch=NotOlderThan&resourceVersion=&timeoutSeconds=5")
        uids = set()
        for event in stream:
            if event["type"] == "BOOKMARK":
                break
            assert event["type"] == "ADDED"
            uids.add(event["object"]["metadata"]["uid"])
        annotations = event["object"]["metadata"]["annotations"]
        assert annotations["k8s.io/initial-events-end"] == "true"
        assert one["metadata"]["uid"] in uids
        api.delete(path)
        deleted = next(e for e in stream if e["type"] == "DELETED")
        assert deleted["object"]["metadata"]["uid"] == one["metadata"]["uid"]


@fact
def an_event_of_a_name_that_is_taken_is_409(api: Client) -> None:
    event = an_event()
    with made(api, EVENTS, event):
        with refused(409, "AlreadyExists"):
            api.create(EVENTS, event)


@fact
def an_event_that_breaks_a_rule_is_422(api: Client) -> None:
    for field, value in (("note", "x" * 1025), ("reportingController", ""), ("eventTime", None),
                         ("action", ""), ("reason", ""), ("type", "Sad")):
        with refused(422, "Invalid"):
            api.create(EVENTS, an_event(**{field: value}))


@fact
def the_longest_note_of_an_event_is_taken(api: Client) -> None:
    with made(api, EVENTS, an_event(note="x" * 1024)) as (path, _):
        assert len(api.get(path)["note"]) == 1024


@fact
def an_update_of_a_lease_with_a_stale_resource_version_is_409(api: Client) -> None:
    with a_node(api) as (_, owner), made(api, LEASES, node_lease(owner, 40)) as (path, lease):
        lease["spec"]["holderIdentity"] = "first"
        newer = api.replace(path, lease)
        lease["spec"]["holderIdentity"] = "second, from an old copy"
        with refused(409, "Conflict"):
            api.replace(path, lease)
        assert api.get(path)["spec"]["holderIdentity"] == "first"
        newer["spec"]["holderIdentity"] = "third"
        assert api.replace(path, newer)["spec"]["holderIdentity"] == "third"
