"""Nodes of the simulated cluster, and what there is of them."""
import dataclasses

from tests.apiserver.apiserver import ApiServer

PODS = "/api/v1/pods"
EVENTS = "/apis/events.k8s.io/v1/events"
LEASES = "/apis/coordination.k8s.io/v1/leases"
NODES = "/api/v1/nodes"
# Every kind of request that the actuator makes about an incident, as verb and resource.
REQUESTS = [("get", "nodes"), ("list", "pods"), ("patch", "nodes"), ("patch", "pods/status"),
            ("delete", "pods"), ("delete", "nodes"), ("create", "events")]


@dataclasses.dataclass
class Node:
    name: str
    uid: str
    boot: str
    address: str

    @property
    def path(self) -> str:
        return f"{NODES}/{self.name}"


def node_of(obj: dict) -> Node:
    (address, *_) = [a["address"] for a in obj["status"]["addresses"] if a["type"] != "Hostname"]
    return Node(obj["metadata"]["name"], obj["metadata"]["uid"],
                obj["status"]["nodeInfo"]["bootID"], address)


class Fleet:
    """Makes Nodes whose InternalIPs are loopback addresses, 127.66.0.1 and so on: a datagram sent
    from there is that Node's."""

    def __init__(self, api: ApiServer):
        self.api = api
        self._next = 0

    def add(self, pods: int = 4, **cluster) -> Node:
        """A Node with pods of a Job, a ReplicaSet, a StatefulSet and a DaemonSet in turn."""
        settings = {"first": self._next, "nodes": 1, "podsPerNode": pods, "size": 2000,
                    "addresses": ["127.66.0.0/16"], **cluster}
        self.api.generate(**settings)
        self._next += 1
        return node_of(self.api.get(f"{NODES}/node-{settings['first']}"))

    def change(self, node: Node, change) -> Node:
        """Stores the Node anew after change(object); its address may be another then."""
        obj = self.api.get(node.path)
        change(obj)
        self.api.load(obj)
        return node_of(self.api.get(node.path))

    def add_pod(self, node: Node, name: str, phase: str = "Running", **metadata) -> dict:
        obj = {"apiVersion": "v1", "kind": "Pod",
               "metadata": {"name": name, "namespace": "default", **metadata},
               "spec": {"nodeName": node.name, "containers": [{"name": "main", "image": "none"}]},
               "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "True"}]}}
        self.api.load(obj)
        return self.api.get(f"/api/v1/namespaces/default/pods/{name}")

    def pods(self, node: Node) -> list[dict]:
        return [pod for pod in self.api.list(PODS) if pod["spec"].get("nodeName") == node.name]

    def pod_names(self, node: Node, kind: str) -> list[str]:
        """Of the pods on the Node that a controller of that kind made."""
        return [pod["metadata"]["name"] for pod in self.pods(node)
                if any(owner["kind"] == kind
                       for owner in pod["metadata"].get("ownerReferences", []))]

    def events(self, node: Node) -> list[dict]:
        return [event for event in self.api.list(EVENTS)
                if f"node {node.name}:" in event.get("note", "")]

    def version(self) -> int:
        """The newest resourceVersion, for last_states()."""
        return int(self.api.get(NODES)["metadata"]["resourceVersion"])

    def versions(self) -> dict[str, str]:
        """The resourceVersion of everything that lastgasp could change; its ledger is its own."""
        return {f"{path} {obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}":
                obj["metadata"]["resourceVersion"]
                for path in (NODES, PODS, EVENTS, LEASES) for obj in self.api.list(path)
                if obj["metadata"].get("namespace") != "lastgasp"}

    def writes(self, node: Node | None = None) -> list[dict]:
        """What lastgasp asked the server to change, by the audit log, besides its ledger; of one Node
        and its pods."""
        lines = [line for user in ("actuator", "correlator") for line in self.api.audit(user=user)
                 if line["verb"] not in ("get", "list", "watch")
                 and line.get("objectRef", {}).get("namespace") != "lastgasp"]
        if node is None:
            return lines
        mine = {node.name} | {c["object"]["metadata"]["name"] for c in self.api.changes("pods")
                              if c["object"]["spec"].get("nodeName") == node.name}
        return [line for line in lines if line["objectRef"].get("name") in mine]


def faults(fleet: Fleet, requests: list[tuple[str, str]] = REQUESTS, **fault) -> None:
    """The same fault for each of these kinds of requests of the actuator: once, unless it says
    otherwise."""
    fleet.api.faults(*({"user": "actuator", "verb": verb, "resource": f"^{resource}$", "count": 1,
                        **fault} for verb, resource in requests))
