"""What one test works with: Nodes of its own whose machines can die, pods in a namespace of its
own, and what lastgasp asked the API server meanwhile."""

import itertools
from collections.abc import Iterator

from control_plane import LASTGASP, ControlPlane
from kube_client import Client
from kube_objects import now, pod
from kubelets import LEASES, Kubelets
from processes import wait_until
from tests.harness.fleet import Node, node_of

ACTUATOR = "lastgasp-actuator"
READS = ("get", "list", "watch")
EVENTS = "/apis/events.k8s.io/v1/events"

_addresses = (f"127.66.{high}.{low}" for high, low in
              itertools.product(range(256), range(1, 255)))


class Scene:
    def __init__(self, control_plane: ControlPlane, kubelets: Kubelets, namespace: str):
        self.control_plane = control_plane
        self.kubelets = kubelets
        self.namespace = namespace
        self.pods = f"/api/v1/namespaces/{namespace}/pods"
        self.began = now()

    def add_node(self, name: str = "dying", **metadata: object) -> Node:
        """A Node whose InternalIP is a loopback address, so that a datagram can come from it. Pods
        that have no Node are bound to the one that was added first, until die()."""
        whole = f"{self.namespace}-{name}"
        made = node_of(self.kubelets.register(whole, [next(_addresses)], **metadata))
        if not self.kubelets.target:
            self.kubelets.schedule_onto(whole)
        return made

    def die(self, *nodes: Node, onto: Node | None = None) -> None:
        """Nothing more is heard of these machines; new pods start on the Node `onto`."""
        for node in nodes:
            self.kubelets.kill(node.name)
        self.kubelets.schedule_onto(onto.name if onto else "")

    def recreate(self, node: Node) -> Node:
        """A dead machine's Node is deleted and made anew, with its name and address."""
        self.control_plane.delete(f"{LEASES}/{node.name}")
        self.control_plane.delete(node.path)
        return node_of(self.kubelets.register(node.name, [node.address]))

    def add_pods(self, node: Node, *names: str, **metadata: object) -> list[dict]:
        """Pods that nobody owns, once they run."""
        for name in names:
            self.control_plane.create(self.pods, pod(name, node.name, **metadata))
        return [self.control_plane.wait(f"{self.pods}/{name}", is_running) for name in names]

    def start(self, *workloads: dict, pods: int) -> list[dict]:
        """Creates them; returns the pods of the namespace, once so many run."""
        for obj in workloads:
            self.control_plane.create(self.path_of(obj), obj)
        return self.kubelets.wait_running(self.pods, pods)

    def path_of(self, workload: dict) -> str:
        return (f"/apis/{workload['apiVersion']}/namespaces/{self.namespace}"
                f"/{workload['kind'].lower()}s")

    def pod(self, name: str) -> dict:
        return self.control_plane.get(f"{self.pods}/{name}")

    def pod_names(self) -> set[str]:
        return {obj["metadata"]["name"] for obj in self.control_plane.list(self.pods)}

    def events(self, node: Node) -> dict[tuple[str, str], dict]:
        """lastgasp's Events that speak of the Node, by kind and name of what they are about."""
        return {(event["regarding"]["kind"], event["regarding"]["name"]): event
                for event in self.control_plane.list(EVENTS)
                if event.get("reportingController") == "lastgasp"
                and f"node {node.name}:" in event["note"]}

    def asked(self, verb: str | None = None, resource: str | None = None) -> list[dict]:
        """The audit log's lines about what lastgasp asked since the scene began, but of its
        ledger."""
        return [line for user in LASTGASP
                for line in self.control_plane.audit(user, verb, resource)
                if line["requestReceivedTimestamp"] >= self.began
                and line.get("objectRef", {}).get("namespace") != "lastgasp"]

    def writes(self) -> list[dict]:
        return [line for line in self.asked() if line["verb"] not in READS]

    def taken(self, verb: str, resource: str) -> dict[str, dict]:
        """By object name, the newest such request that the server took."""
        return {line["objectRef"]["name"]: line for line in self.asked(verb, resource)
                if line["responseStatus"]["code"] < 300}

    def wait_taken(self, verb: str, resource: str, names: set[str]) -> dict[str, dict]:
        """taken(), once these objects are in it: a line is written after its answer was sent."""
        def all_there() -> dict[str, dict] | None:
            lines = self.taken(verb, resource)
            return lines if names <= set(lines) else None
        return wait_until(f"{verb} {resource} of {sorted(names)}", all_there, seconds=10)

    def versions(self) -> dict[tuple[str, str, str], str]:
        """The resourceVersion of each object of each kind that there is; but for what changes by
        itself: the Leases of API servers and our ledger, the Events of others, and what other tests left, which
        may be on its way out still."""
        return {(path, namespace, name): obj["metadata"]["resourceVersion"]
                for path in _collections(self.control_plane)
                for obj in self.control_plane.list(path)
                for namespace, name in [(obj["metadata"].get("namespace", ""),
                                         obj["metadata"]["name"])]
                if not (path.endswith("/leases") and namespace in ("kube-system", "lastgasp")
                        or path.endswith("/events") and not name.startswith("lastgasp")
                        or self._is_anothers(namespace) or self._is_anothers(name))}

    def _is_anothers(self, name: str) -> bool:
        return name.startswith("test-") and not name.startswith(self.namespace)

    def settled_versions(self) -> dict[tuple[str, str, str], str]:
        """versions(), once the controllers have nothing more to do."""
        seen: list[dict] = [{}]

        def same_again() -> dict | None:
            seen.append(self.versions())
            return seen[-1] if seen[-1] == seen[-2] else None
        return wait_until("two looks that show the same", same_again, seconds=30)


def is_running(obj: dict) -> bool:
    return obj["status"].get("phase") == "Running"


def condition(obj: dict, kind: str) -> dict:
    found, = (c for c in obj["status"]["conditions"] if c["type"] == kind)
    return found


def _collections(api: Client) -> Iterator[str]:
    """The path of each kind of object that can be listed."""
    groups = [group["preferredVersion"]["groupVersion"] for group in api.get("/apis")["groups"]]
    for prefix in ["/api/v1", *(f"/apis/{group}" for group in groups)]:
        for resource in api.get(prefix)["resources"]:
            if "list" in resource["verbs"] and resource["name"] != "componentstatuses":
                yield f"{prefix}/{resource['name']}"
