"""The requests that lastgasp sent about one Node, as a plan that a bare generator can send again
about another: taken from the API server's audit log, in the order in which they depend on each
other."""
import dataclasses
import datetime
import json
import re
import sys
import uuid

from tests.harness.programs import ROOT

sys.path.insert(0, str(ROOT / "tests" / "cluster"))
from kube_objects import node, node_status, pod

STRATEGIC = "application/strategic-merge-patch+json"
METHODS = {"create": "POST", "patch": "PATCH", "delete": "DELETE"}
EVENT_NAME = re.compile(r"\blastgasp\.[0-9a-f]{32}\b")
OWNERS = [("batch/v1", "Job"), ("apps/v1", "ReplicaSet"), ("apps/v1", "StatefulSet")]
NAMESPACE = "/api/v1/namespaces/default"


@dataclasses.dataclass
class Victim:
    """A Node that is there to be killed; its pods' names begin with its own."""
    name: str
    address: str
    uids: list[str] = dataclasses.field(default_factory=list)  # its own, then its pods' by name


def request(method: str, path: str, body: object = None, keeps: str = "") -> dict:
    kind = STRATEGIC if method == "PATCH" else "application/json"
    return {"method": method, "path": path, "keeps": keeps, "type": kind if body else "",
            "body": json.dumps(body, separators=(",", ":")) if body else ""}


def making(victim: Victim, pods: int, token: str) -> dict:
    """The plan that makes the Node with so many pods that run."""
    name = victim.name
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
    status = {"status": node_status(name, [victim.address], str(uuid.uuid4()))}
    return {"token": token, "tells": [], "tellsFrom": 0, "stages": [
        [[request("POST", "/api/v1/nodes", node(name))]],
        [[request("PATCH", f"{path}/status", status)]],
        chains]}


def seconds(stamp: str) -> float:
    return datetime.datetime.fromisoformat(stamp).timestamp()


def received(event: dict) -> float:
    return seconds(event["requestReceivedTimestamp"])


def answered(event: dict) -> float:
    return seconds(event["stageTimestamp"])


class Recording:
    """What was sent about one Node; .events are the lines of the audit log, by their time, but for
    what the server refused, which nobody needs to send again."""

    def __init__(self, events: list[dict], victim: Victim):
        self.events = sorted((event for event in events if event["responseStatus"]["code"] < 300),
                             key=received)
        self.victim = victim
        (end,) = self._of("delete", "nodes")
        self.began = received(self.events[0])
        self.ended = answered(end)
        self.first_pod = min(answered(event) for event in self._of("patch", "pods"))

    def _of(self, verb: str, resource: str) -> list[dict]:
        return [event for event in self.events
                if (event["verb"], event["objectRef"]["resource"]) == (verb, resource)]

    def plan(self, victim: Victim, token: str) -> dict:
        """The same about another Node."""
        first_get, *gets, last_get = self._of("get", "nodes")
        first_list, *lists, last_list = self._of("list", "pods")
        (mark,), (delete,) = self._of("patch", "nodes"), self._of("delete", "nodes")
        deletes = {event["objectRef"]["name"]: event for event in self._of("delete", "pods")}
        new = dict(zip([self.victim.name, *self.victim.uids], [victim.name, *victim.uids],
                       strict=True))

        def again(event: dict, keeps: str = "") -> dict:
            return renamed(event, new, keeps)
        stages = [
            [[again(first_get, "@node@")], [again(first_list)]],
            [[again(mark, "@node@")]],
            [[again(patch, "@pods@"), again(deletes.pop(patch["objectRef"]["name"]), "@pods@")]
             for patch in self._of("patch", "pods")]
            + [[again(event)] for event in [*gets, *lists]],
            [[again(last_list)], [again(last_get, "@node@")]],
            [[again(delete)]],
        ]
        tells = [again(event) for event in self._of("create", "events")]
        count = sum(len(chain) for stage in stages for chain in stage) + len(tells)
        if count != len(self.events) or deletes:
            raise RuntimeError(f"of {len(self.events)} requests of lastgasp's {count} are known")
        return {"token": token, "stages": stages, "tells": tells, "tellsFrom": 2}


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
