"""The kubelets and the scheduler of a cluster without machines, in one thread.

A registered Node is a machine that is well: its Lease is renewed and its pods run, until kill().
Pending pods are bound to the Node of schedule_onto(); a DaemonSet's to the Node it names.
"""

import math
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

from kube_client import MERGE, ApiError, Client
from kube_objects import node, node_lease, node_status, now
from processes import wait_until

NODES = "/api/v1/nodes"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
TURN_S = 0.2
STARTING = (429, 500, 503)  # what a server answers that has just started


class Kubelets:
    """A context manager: at its end the Nodes that it registered are deleted. The API server may
    be away for a while, as with real kubelets."""

    def __init__(self, api: Client, lease_s: int = 40):
        """lease_s: leaseDurationSeconds of the Leases; they are renewed four times as often."""
        self.api = api
        self.lease_s = lease_s
        self.renew_at: dict[str, float] = {}  # the machines that live
        self.registered: set[str] = set()
        self.target: str | None = None
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.failure: str | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Kubelets":
        self.thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stopping.set()
        self.thread.join()
        for name in self.registered:
            self._remove_node(name)
        if self.failure:
            raise RuntimeError(f"the kubelets' thread failed:\n{self.failure}")

    def register(self, name: str, addresses: list[str], kubelet_port: int = 10250,
                 labels: dict[str, str] | None = None, boot_id: str | None = None,
                 **metadata: object) -> dict:
        """Makes the Node and its Lease; returns the Node once it is Ready."""
        path = f"{NODES}/{name}"
        created = self.api.create(NODES, node(name, labels, **metadata))
        self.registered.add(name)
        self.api.patch_status(path, node_status(name, addresses, boot_id or str(uuid.uuid4()),
                                                kubelet_port))
        self.api.create(LEASES, node_lease(created, self.lease_s))
        with self.lock:
            self.renew_at[name] = time.monotonic() + self.lease_s / 4
        return self.api.get(path)

    def kill(self, name: str) -> None:
        """The machine dies: nothing more is heard of it. Returns when that is sure."""
        with self.lock:
            del self.renew_at[name]

    def boot(self, name: str, boot_id: str | None = None) -> dict:
        """A killed machine comes up again: another bootID, and the Lease is renewed at once."""
        path = f"{NODES}/{name}"
        old = self.api.get(path)["status"]
        addresses = [a["address"] for a in old["addresses"] if a["type"] == "InternalIP"]
        port = old["daemonEndpoints"]["kubeletEndpoint"]["Port"]
        self.api.patch_status(path, node_status(name, addresses, boot_id or str(uuid.uuid4()),
                                                port))
        with self.lock:
            self.renew_at[name] = 0
        return self.api.get(path)

    def schedule_onto(self, name: str) -> None:
        with self.lock:
            self.target = name

    def wait_running(self, pods_path: str, count: int, seconds: float = 30) -> list[dict]:
        """The pods of a list's path, when `count` of them run."""
        def running() -> list[dict] | None:
            pods = [p for p in self.api.list(pods_path) if p["status"].get("phase") == "Running"
                    and "deletionTimestamp" not in p["metadata"]]
            return pods if len(pods) == count else None
        return wait_until(f"{count} running pods in {pods_path}", running, seconds)

    def _run(self) -> None:
        while not self.stopping.wait(TURN_S):
            try:
                for name in list(self.renew_at):
                    self._step(self._renew_lease, name)
                for pod in self._pods():
                    self._step(self._care_for, pod)
            except (OSError, HTTPException):
                continue  # the API server is away
            except Exception:
                self.failure = traceback.format_exc()
                return

    def _pods(self) -> list[dict]:
        try:
            return self.api.list("/api/v1/pods?resourceVersion=0")
        except ApiError as error:
            if error.code not in STARTING:
                raise
            return []

    def _step(self, act: Callable[[Any], None], subject: Any) -> None:
        try:
            with self.lock:  # so that no write of a machine's comes after its kill()
                act(subject)
        except ApiError as error:
            # Objects go or change after they were listed, and a namespace that is being deleted
            # takes no bindings (403).
            if error.code not in (403, 404, 409, *STARTING):
                raise

    def _renew_lease(self, name: str) -> None:
        if time.monotonic() >= self.renew_at.get(name, math.inf):
            self.api.patch(f"{LEASES}/{name}", {"spec": {"renewTime": now()}}, MERGE)
            self.renew_at[name] = time.monotonic() + self.lease_s / 4

    def _care_for(self, pod: dict) -> None:
        metadata, status = pod["metadata"], pod.get("status", {})
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        node_name = pod["spec"].get("nodeName")
        if node_name is None:
            self._bind(pod, path)
        elif node_name not in self.renew_at:
            return
        elif "deletionTimestamp" in metadata:
            if not metadata.get("finalizers"):
                self.api.delete(path, {"gracePeriodSeconds": 0,
                                       "preconditions": {"uid": metadata["uid"]}})
        elif status.get("phase") == "Pending":
            report_running(self.api, path)

    def _bind(self, pod: dict, path: str) -> None:
        name = daemon_node(pod) or self.target
        if name in self.renew_at and "deletionTimestamp" not in pod["metadata"]:
            self.api.create(f"{path}/binding", {
                "apiVersion": "v1", "kind": "Binding",
                "metadata": {"name": pod["metadata"]["name"]},
                "target": {"apiVersion": "v1", "kind": "Node", "name": name}})

    def _remove_node(self, name: str) -> None:
        if self.api.exists(f"{NODES}/{name}"):
            self.api.patch(f"{NODES}/{name}", {"metadata": {"finalizers": None}}, MERGE)
            self.api.delete(f"{NODES}/{name}")


def report_running(api: Client, pod_path: str) -> dict:
    """As its kubelet would: the pod's containers run, it is Ready."""
    time_ = now()[:19] + "Z"
    return api.patch_status(pod_path, {
        "phase": "Running", "startTime": time_,
        "conditions": [{"type": type_, "status": "True", "lastTransitionTime": time_}
                       for type_ in ("Initialized", "ContainersReady", "Ready")]})


def daemon_node(pod: dict) -> str | None:
    """The node that the DaemonSet controller made this pod for."""
    required = pod["spec"].get("affinity", {}).get("nodeAffinity", {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution", {})
    for term in required.get("nodeSelectorTerms", []):
        for field in term.get("matchFields", []):
            if field["key"] == "metadata.name":
                return field["values"][0]
    return None
