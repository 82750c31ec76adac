"""The requests that lastgasp sent about one Node, as a plan that a bare generator can send again
about another: taken from the API server's audit log, in the order in which they depend on each
other."""
import datetime
import json
import re
import uuid

from kube_objects import node, node_status, pod

WINDOW = 16  # requests in flight
STRATEGIC = "application/strategic-merge-patch+json"
METHODS = {"create": "POST", "patch": "PATCH", "delete": "DELETE"}
EVENT_NAME = re.compile(r"\blastgasp\.[0-9a-f]{32}\b")
OWNERS = [("batch/v1", "Job"), ("apps/v1", "ReplicaSet"), ("apps/v1", "StatefulSet")]
NAMESPACE = "/api/v1/namespaces/default"


def request(method: str, path: str, body: object = None, keeps: str = "") -> dict:
    kind = STRATEGIC if method == "PATCH" else "application/json"
    return {"method": method, "path": path, "keeps": keeps, "type": kind if body else "",
            "body": json.dumps(body, separators=(",", ":")) if body else ""}


def making(name: str, address: str, pods: int, token: str) -> dict:
    """The plan that makes a Node with so many pods that run."""
    path = f"/api/v1/nodes/{name}"
    time = "2026-01-01T00:00:00Z"
    running = {"status": {"phase": "Running", "startTime": time, "conditions": [
        {"type": kind, "status": "True", "lastTransitionTime": time}
        for kind in ("Initialized", "ContainersReady", "Ready")]}}
    chains = []
    for i in range(pods):
        version, kind = OWNERS[i % len(OWNERS)]
        owner = {"apiVersion": version, "kind": kind, "name": f"{name}-{kind.lower()}",
                 "uid": str(uuid.uuid5(uuid.NAMESPACE_OID, name + kind)), "controller": True}
        pod_name = f"{name}-{kind.lower()}-{i:03}"
        chains.append([
            request("POST", f"{NAMESPACE}/pods", pod(pod_name, name, ownerReferences=[owner])),
            request("PATCH", f"{NAMESPACE}/pods/{pod_name}/status", running)])
    status = {"status": node_status(name, [address], str(uuid.uuid4()))}
    return {"token": token, "window": WINDOW, "tells": [], "tellsFrom": 0, "stages": [
        [[request("POST", "/api/v1/nodes", node(name))]],
        [[request("PATCH", f"{path}/status", status)]],
        chains]}


def seconds(stamp: str) -> float:
    return datetime.datetime.fromisoformat(stamp).timestamp()


class Recording:
    """One round of lastgasp's; .events are its lines of the audit log, by their time."""

    def __init__(self, events: list[dict], uids: list[str]):
        """UIDS are the Node's and its pods', in a fixed order."""
        self.events = sorted(events, key=lambda event: event["requestReceivedTimestamp"])
        self.uids = uids
        (end,) = self._of("delete", "nodes")
        self.node = end["objectRef"]["name"]
        self.began = seconds(self.events[0]["requestReceivedTimestamp"])
        self.ended = seconds(end["stageTimestamp"])

    def _of(self, verb: str, resource: str) -> list[dict]:
        return [event for event in self.events
                if (event["verb"], event["objectRef"]["resource"]) == (verb, resource)]

    def plan(self, name: str, uids: list[str], token: str) -> dict:
        """The same about the Node NAME with its pods' UIDS."""
        (first_get, last_get), (first_list, last_list) = (self._of("get", "nodes"),
                                                          self._of("list", "pods"))
        (mark,), (delete,) = self._of("patch", "nodes"), self._of("delete", "nodes")
        deletes = {event["objectRef"]["name"]: event for event in self._of("delete", "pods")}
        new = dict(zip([self.node, *self.uids], [name, *uids], strict=True))

        def again(event: dict, keeps: str = "") -> dict:
            return renamed(event, new, keeps)
        stages = [
            [[again(first_get, "@node@")], [again(first_list)]],
            [[again(mark, "@node@")]],
            [[again(patch, "@pods@"), again(deletes.pop(patch["objectRef"]["name"]), "@pods@")]
             for patch in self._of("patch", "pods")],
            [[again(last_list)], [again(last_get, "@node@")]],
            [[again(delete)]],
        ]
        tells = [again(event) for event in self._of("create", "events")]
        count = sum(len(chain) for stage in stages for chain in stage) + len(tells)
        if count != len(self.events) or deletes:
            raise RuntimeError(f"of {len(self.events)} requests of lastgasp's {count} are known")
        return {"token": token, "window": WINDOW, "stages": stages, "tells": tells, "tellsFrom": 2}


def renamed(event: dict, new: dict[str, str], keeps: str) -> dict:
    """The event's request with other names, uids and resourceVersions."""
    body = event.get("requestObject") if event["verb"] in METHODS else None
    if event["verb"] == "delete":
        body = {**body, "apiVersion": "v1"}  # the log has the server's internal version there
    made = request(METHODS.get(event["verb"], "GET"), event["requestURI"], body, keeps)
    for part in ("path", "body"):
        text = re.sub("|".join(map(re.escape, new)), lambda found: new[found.group()], made[part])
        text = EVENT_NAME.sub(lambda _: f"lastgasp.{uuid.uuid4().hex}", text)
        text = re.sub(r'"resourceVersion":"\d+"', '"resourceVersion":"@node@"', text)
        made[part] = re.sub(r"resourceVersion=[1-9]\d*", "resourceVersion=@pods@", text)
    return made
