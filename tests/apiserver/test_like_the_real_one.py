"""The simulated API server answers as the real one does: the same calls go to both, and
codes, reasons, messages, details and the parts of objects that matter are compared."""

import http.client
import json
import re
import ssl
from typing import NamedTuple

import pytest

STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
JSON = "application/json"

NODES = "/api/v1/nodes"
PODS = "/api/v1/namespaces/default/pods"
EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
WATCH = "?watch=1&timeoutSeconds=1"
STREAM = WATCH + "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
PARTIAL_LIST = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
PARTIAL = {"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}


class Call(NamedTuple):
    """$UID and $RV in the body are those of the object at the path."""
    method: str
    path: str
    body: object = None
    media: str = JSON
    headers: dict = {}


def patch(path: str, body: object, media: str = STRATEGIC) -> Call:
    return Call("PATCH", path, body, media)


def make_node(name: str, **metadata) -> Call:
    return Call("POST", NODES, {"metadata": {"name": name, **metadata},
                                "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}})


def make_pod(name: str, **metadata) -> Call:
    return Call("POST", PODS, {
        "metadata": {"name": name, **metadata},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}})


def make_event(name: str | None, space: str = "default", **fields) -> Call:
    """Fields that are None are left out."""
    event = {"metadata": {"name": name} if name else {}, "eventTime": "2026-01-02T03:04:05.000006Z",
             "reportingController": "lastgasp.invalid/actuator", "reportingInstance": "host", "action": "Delete",
             "reason": "KernelPanic", "type": "Warning", "note": "n", "regarding": {"kind": "Node", "name": "n"},
             **fields}
    return Call("POST", EVENTS.replace("default", space), {k: v for k, v in event.items() if v is not None})


def make_lease(name: str, **spec) -> Call:
    return Call("POST", LEASES, {"metadata": {"name": name}, "spec": spec})


def conditions(*types: str) -> dict:
    return {"status": {"conditions": [{"type": t, "status": "True"} for t in types]}}


SCENARIOS: dict[str, list[Call]] = {
    "a pod is marked in one patch": [
        make_pod("marked"),
        patch(f"{PODS}/marked/status", {"metadata": {"annotations": {"a.b/c": "d"}}, "status": {
            "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}),
        patch(f"{PODS}/marked/status", {"metadata": {"uid": "$UID"}, "status": {"phase": "Failed", "conditions": [
            {"type": "DisruptionTarget", "status": "True", "reason": "NodeKernelPanic"}]}}),
        patch(f"{PODS}/marked/status?dryRun=All", {"status": {"phase": "Succeeded"}}),
        Call("GET", f"{PODS}/marked"),
        patch(f"{PODS}/marked/status", {"status": {"phase": "Running"}}),
        patch(f"{PODS}/marked/status", {"metadata": {"uid": "other"}}),
        patch(f"{PODS}/marked", {"metadata": {"uid": "other"}}),
        patch(f"{PODS}/marked/status", conditions("a/b/c")),
        patch(f"{PODS}/marked/status", conditions("a b")),
        patch(f"{PODS}/marked/status", {"status": {"conditions": [
            {"type": "X", "status": "True", "lastTransitionTime": "now"}]}}),
        patch(f"{PODS}/none/status", {}),
    ],
    "patches of a Node": [
        make_node("patched"),
        make_node("patched"),
        patch(f"{NODES}/patched", {"metadata": {"resourceVersion": "1"}}),
        patch(f"{NODES}/patched", {"metadata": {"resourceVersion": "$RV", "uid": "$UID"}, "spec": {
            "unschedulable": True, "taints": [{"key": "b", "effect": "NoSchedule"}]}}),
        patch(f"{NODES}/patched", {"metadata": {"annotations": {"k": "v"}}, "status": {"phase": "x"}}, MERGE),
        patch(f"{NODES}/patched/status", {"metadata": {"annotations": {"k2": "v"}}, "spec": {"unschedulable": False}}),
        patch(f"{NODES}/patched/status", conditions("A", "B")),
        patch(f"{NODES}/patched/status", conditions("C", "B", "D")),
        patch(f"{NODES}/patched/status", conditions("A", "E")),
        patch(f"{NODES}/patched/status", {"status": {"conditions": [{"type": "B", "$patch": "delete"}]}}),
        patch(f"{NODES}/patched/status", conditions("a b")),
        patch(f"{NODES}/patched/status", {"status": {"conditions": [{"status": "True"}]}}),
        patch(f"{NODES}/patched", {"metadata": {"finalizers": ["x.y/b", "x.y/a"]}}),
        patch(f"{NODES}/patched", {"metadata": {"finalizers": ["x.y/c", "x.y/a"]}}),
        patch(f"{NODES}/patched", {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.y/a"]}}),
        patch(f"{NODES}/patched", {"metadata": {"annotations": {"k": None}}}),
        patch(f"{NODES}/patched", {"metadata": {"annotations": {"a b": "c"}}}),
        patch(f"{NODES}/patched", {"metadata": {"annotations": {"a/b/c": "d"}}}),
        patch(f"{NODES}/patched", {"metadata": {"annotations": {"a": "x" * (256 << 10)}}}),
        patch(f"{NODES}/patched", {"metadata": {"annotations": {"a": "x\0\7"}}}),
        # One fault a request: the real server walks its maps, and so names several in any order.
        patch(f"{NODES}/patched", {"metadata": {"labels": {"k": "d e"}}}),
        patch(f"{NODES}/patched", {"metadata": {"labels": {"l": "x" * 64}}}),
        patch(f"{NODES}/patched", {"metadata": {"deletionTimestamp": "2026-01-02T03:04:05Z"}}),
        patch(f"{NODES}/patched", {"metadata": {"name": "x"}}),
        patch(f"{NODES}/patched", {}, JSON),
        patch(f"{NODES}/patched?dryRun=Some", {}),
    ],
    "deletes of a pod": [
        make_pod("deleted"),
        Call("DELETE", f"{PODS}/deleted", {"preconditions": {"uid": "other"}}),
        Call("DELETE", f"{PODS}/deleted", {"preconditions": {"resourceVersion": "1"}}),
        Call("DELETE", f"{PODS}/deleted", {"dryRun": ["All"], "gracePeriodSeconds": 0}),
        Call("DELETE", f"{PODS}/deleted", {"dryRun": ["Some"]}),
        Call("GET", f"{PODS}/deleted"),
        Call("DELETE", f"{PODS}/deleted", {"gracePeriodSeconds": 10}),
        Call("DELETE", f"{PODS}/deleted", {"gracePeriodSeconds": 60}),
        Call("DELETE", f"{PODS}/deleted"),
        Call("GET", f"{PODS}/deleted"),
        Call("DELETE", f"{PODS}/deleted?dryRun=All", {"gracePeriodSeconds": 0}),
        Call("GET", f"{PODS}/deleted"),
        Call("DELETE", f"{PODS}/deleted"),
    ],
    "a pod with a finalizer": [
        make_pod("held", finalizers=["a.b/c"]),
        Call("DELETE", f"{PODS}/held", {"gracePeriodSeconds": 0, "preconditions": {"uid": "$UID"}}),
        patch(f"{PODS}/held/status", {"status": {"phase": "Failed"}}),
        Call("DELETE", f"{PODS}/held", {"gracePeriodSeconds": 0}),
        patch(f"{PODS}/held", {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.b/c"]}}),
        Call("GET", f"{PODS}/held"),
    ],
    "deletes of Nodes": [
        make_node("bare"),
        Call("DELETE", f"{NODES}/bare", {"preconditions": {"uid": "other"}}),
        Call("DELETE", f"{NODES}/bare", {"preconditions": {"uid": "$UID", "resourceVersion": "1"}}),
        Call("DELETE", f"{NODES}/bare", {"dryRun": ["All"]}),
        Call("DELETE", f"{NODES}/bare", {"preconditions": {"uid": "$UID", "resourceVersion": "$RV"}}),
        Call("DELETE", f"{NODES}/bare"),
        make_node("owned", finalizers=["a.b/c"]),
        Call("DELETE", f"{NODES}/owned", {"preconditions": {"uid": "$UID", "resourceVersion": "$RV"}}),
        Call("DELETE", f"{NODES}/owned"),
        patch(f"{NODES}/owned", {"metadata": {"finalizers": None}}, MERGE),
        Call("GET", f"{NODES}/owned"),
    ],
    "events": [
        make_event("e"),
        make_event("e"),
        make_event(None),
        make_event("A_b"),
        make_event("e2", note="x" * 1025),
        make_event("e2", note="é" * 513),
        make_event("e2", reason="x" * 129),
        make_event("e2", reportingInstance="x" * 129),
        make_event("e2", reportingController="a b"),
        make_event("e2", type="Alarm"),
        *(make_event("e2", **{field: None})
          for field in ("eventTime", "reportingInstance", "action", "reason", "type")),
        make_event("e2", eventTime="2026-01-02T03:04:05Z"),
        make_event("e3", note=None),
        make_event("e4", regarding=None),
        make_event("e5", regarding={"kind": "Pod", "name": "p", "namespace": "other"}),
        make_event("e6", "kube-system"),
        make_event("e7", "kube-node-lease"),
        make_event("e8", "none"),
    ],
    "leases": [
        make_lease("l", renewTime="2026-01-02T03:04:05Z"),
        make_lease("l", renewTime="2026-01-02T03:04:05.000000Z"),
        Call("PUT", f"{LEASES}/l", {"metadata": {"name": "l"}}),
        Call("PUT", f"{LEASES}/l", {"metadata": {"name": "l", "resourceVersion": "1"}}),
        Call("PUT", f"{LEASES}/l", {"metadata": {"name": "l", "resourceVersion": "$RV", "uid": "$UID"}}),
        Call("PUT", f"{LEASES}/new", {"metadata": {"name": "new"}}),
        patch(f"{LEASES}/l", {"metadata": {"annotations": {"a b": "c"}}}, MERGE),
        Call("DELETE", f"{LEASES}/l", {"preconditions": {"uid": "x"}}),
        Call("DELETE", f"{LEASES}/l"),
    ],
    "lists": [
        make_node("listed-1"),
        make_node("listed-2"),
        Call("GET", f"{NODES}?limit=1"),
        Call("GET", f"{NODES}?limit=1&resourceVersion=0"),
        Call("GET", f"{NODES}?limit=1&labelSelector=!x"),
        Call("GET", f"{NODES}?fieldSelector=metadata.name%3Dlisted-2"),
        Call("GET", NODES, headers=PARTIAL_LIST),
        Call("GET", f"{NODES}/listed-1", headers=PARTIAL),
        Call("GET", f"{NODES}?limit=x"),
        Call("GET", f"{NODES}?resourceVersion=x"),
        Call("GET", f"{NODES}?resourceVersion=999999999"),
        Call("GET", f"{NODES}?resourceVersionMatch=NotOlderThan"),
        Call("GET", f"{NODES}?resourceVersion=1&resourceVersionMatch=Newest"),
        Call("GET", f"{NODES}?resourceVersion=0&resourceVersionMatch=Exact"),
        Call("GET", f"{NODES}?sendInitialEvents=true"),
        Call("GET", f"{NODES}?fieldSelector=no%3Dx"),
        Call("PUT", NODES, {}),
        Call("GET", f"{NODES}/listed-1/none"),
        Call("GET", "/api/v1/nonesuch"),
    ],
    "watches": [
        make_node("watched"),
        Call("GET", f"{NODES}{STREAM}&allowWatchBookmarks=true&resourceVersion="),
        Call("GET", f"{NODES}{STREAM}&allowWatchBookmarks=true&resourceVersion=", headers=PARTIAL),
        Call("GET", f"{NODES}{STREAM}"),
        Call("GET", f"{NODES}{WATCH}&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"),
        Call("GET", f"{NODES}{WATCH}&sendInitialEvents=true"),
        Call("GET", f"{NODES}{WATCH}&resourceVersionMatch=NotOlderThan&resourceVersion=5"),
        Call("GET", f"{NODES}{WATCH}&resourceVersion=0"),
        Call("GET", f"{NODES}{WATCH}"),
        Call("GET", f"{NODES}{WATCH}&resourceVersion=x"),
        Call("GET", f"{NODES}{WATCH}&resourceVersion=999999999"),
    ],
}


class Server:
    def __init__(self, port: int, authority: str, token: str):
        self.port = port
        self.tls = ssl.create_default_context(cafile=authority)
        self.token = token

    def do(self, call: Call) -> tuple[int, str]:
        body = json.dumps(call.body)
        if "$UID" in body or "$RV" in body:
            _, text = self._send(Call("GET", call.path.removesuffix("/status")), None)
            metadata = json.loads(text)["metadata"]
            body = body.replace("$UID", metadata["uid"]).replace("$RV", metadata["resourceVersion"])
        return self._send(call, None if call.body is None else body)

    def _send(self, call: Call, body: str | None) -> tuple[int, str]:
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=20)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": call.media, **call.headers}
        connection.request(call.method, call.path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text


def essence(code: int, text: str) -> tuple:
    """What has to be the same of an answer."""
    objects = [json.loads(line) for line in text.splitlines()]
    if any("type" in o and "object" in o for o in objects):
        return code, [(e["type"], of_object(e["object"])) for e in objects]
    return code, [of_object(o) for o in objects]


def of_object(obj: dict) -> dict:
    if obj["kind"] == "Status":
        return of_status(obj)
    if "items" in obj:
        return {"kind": obj["kind"], "apiVersion": obj["apiVersion"], "metadata": sorted(obj["metadata"]),
                "remaining": obj["metadata"].get("remainingItemCount"),
                "items": [of_object({"kind": None, **item}) for item in obj["items"]]}
    metadata, spec, status = (obj.get(part) or {} for part in ("metadata", "spec", "status"))
    return {
        "kind": obj["kind"], "apiVersion": obj.get("apiVersion"),
        "metadata": {k: metadata[k] for k in ("name", "namespace", "labels", "annotations", "finalizers",
                                              "deletionGracePeriodSeconds") if k in metadata},
        "deleted": "deletionTimestamp" in metadata,
        "phase": status.get("phase"),
        "conditions": [c["type"] for c in status.get("conditions", [])],
        # The real server's admission adds this one to a new Node.
        "taints": [t["key"] for t in spec.get("taints", []) if t["key"] != "node.kubernetes.io/not-ready"],
        "unschedulable": spec.get("unschedulable"),
    }


def of_status(status: dict) -> dict:
    """Without what differs from run to run, and each cause once: the real server repeats some."""
    text = json.dumps({k: v for k, v in status.items() if k != "metadata"})
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UID", text)
    text = re.sub(r"(record \(|current: )\d+", r"\1RV", text)
    plain = json.loads(text)
    details = plain.setdefault("details", {})
    if causes := details.get("causes"):
        details["causes"] = sorted({json.dumps(c, sort_keys=True) for c in causes})
    # How a body that does not decode is quoted is nobody's business.
    if plain.get("message", "").startswith(' "" is invalid: patch:'):
        return {"code": plain["code"], "reason": plain["reason"]}
    return plain


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_both_servers_answer_alike(scenario, real, simulated):
    servers = [Server(real.port, str(real.authority.certificate), real.token),
               Server(simulated.port, str(simulated.ca), simulated.token("admin"))]
    different = []
    for call in SCENARIOS[scenario]:
        expected, got = (essence(*server.do(call)) for server in servers)
        if expected != got:
            different.append(f"{call.method} {call.path} {str(call.body)[:200]}\n"
                             f"  real      {expected}\n  simulated {got}")
    for server in servers:
        for node in ("patched", "listed-1", "listed-2", "watched"):
            server.do(patch(f"{NODES}/{node}", {"metadata": {"finalizers": None}}, MERGE))
            server.do(Call("DELETE", f"{NODES}/{node}"))
    assert not different, "\n".join(different)
