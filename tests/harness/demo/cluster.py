"""The demo's small cluster: three nodes, a Job's, a Deployment's and a DaemonSet's pods.

On the simulated API server the objects are simply there; on the real one its controllers make the
pods, and will replace those that die.
"""
import os
import pathlib
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "cluster"))

from control_plane import ControlPlane
from kube_client import Client
from kube_objects import job, node, node_lease, node_status, pod, workload
from kubelets import LEASES, NODES, Kubelets, report_running

from tests.apiserver.apiserver import ApiServer
from tests.harness.programs import ROOT, wait_until

ADDRESSES = {"worker-1": "127.66.0.1", "worker-2": "127.66.0.2", "worker-3": "127.66.0.3"}
VICTIM = "worker-1"  # the capture's userdata says node=worker-1
PODS = "/api/v1/namespaces/default/pods"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
APPS = "/apis/apps/v1/namespaces/default"


class SimulatedCluster:
    title = "the simulated API server"

    def __init__(self):
        self.server = ApiServer()

    def __enter__(self) -> "SimulatedCluster":
        self.server.__enter__()
        self.api = Client(self.server.port, self.server.ca, self.server.token("admin"))
        for name, address in ADDRESSES.items():
            created = self.api.create(NODES, node(name))
            self.api.patch_status(f"{NODES}/{name}",
                                  node_status(name, [address], str(uuid.uuid4())))
            self.api.create(LEASES, node_lease(created, 40))
        work = self.api.create(JOBS, job("training"))
        self.api.create(f"{APPS}/deployments", workload("Deployment", "web", 3))
        web = self.api.create(f"{APPS}/replicasets", workload("ReplicaSet", "web-7d9f", 3))
        agent = self.api.create(f"{APPS}/daemonsets", workload("DaemonSet", "agent"))
        self._run_pod("training-x2k4p", VICTIM, work)
        for i, name in enumerate(ADDRESSES):
            self._run_pod(f"web-7d9f-{'abc'[i]}", name, web)
            self._run_pod(f"agent-{'pqr'[i]}", name, agent)
        return self

    def _run_pod(self, name: str, node_name: str, owner: dict) -> None:
        reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"],
                     "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
                     "controller": True}
        self.api.create(PODS, pod(name, node_name, ownerReferences=[reference]))
        report_running(self.api, f"{PODS}/{name}")

    def __exit__(self, *exception: object) -> None:
        self.server.__exit__(*exception)

    def kubeconfig(self, role: str) -> str:
        return self.server.kubeconfig(role)

    def victim_dies(self) -> None:
        """Nobody renews Leases here."""

    def wait_recovered(self) -> None:
        """No controllers, no replacements."""


class RealCluster:
    title = "a real kube-apiserver, etcd and kube-controller-manager"

    def __init__(self, programs: str):
        self.api = ControlPlane(pathlib.Path(programs), controller_manager=[])
        self.kubelets = Kubelets(self.api)

    def __enter__(self) -> "RealCluster":
        self.api.__enter__()
        self.api.apply(*sorted((ROOT / "systemd" / "kubernetes").glob("*.yaml"),
                               key=lambda path: path.name != "rbac.yaml"))
        self.kubelets.__enter__()
        for name, address in ADDRESSES.items():
            self.kubelets.register(name, [address])
        self.kubelets.schedule_onto(VICTIM)
        self.api.create(JOBS, job("training", ignore_disruption=True))
        self.api.create(f"{APPS}/deployments", workload("Deployment", "web", 3))
        self.api.create(f"{APPS}/daemonsets", workload("DaemonSet", "agent"))
        self.kubelets.wait_running(PODS, 7)
        self.kubelets.schedule_onto("worker-3")
        return self

    def __exit__(self, *exception: object) -> None:
        self.kubelets.__exit__(*exception)
        self.api.__exit__(*exception)

    def kubeconfig(self, role: str) -> str:
        return str(self.api.kubeconfig(f"lastgasp-{role}"))

    def victim_dies(self) -> None:
        self.kubelets.kill(VICTIM)

    def wait_recovered(self) -> None:
        """The Job's replacement, too, which its controller makes after some seconds."""
        def replaced() -> bool:
            return any(p["metadata"]["ownerReferences"][0]["kind"] == "Job"
                       and p["status"]["phase"] == "Running" for p in self.api.list(PODS))
        wait_until(replaced, 30, "the Job's pod has a replacement")


def chosen():
    programs = os.environ.get("DEMO_CONTROL_PLANE")
    return RealCluster(programs) if programs else SimulatedCluster()
