"""The demo's small cluster: three machines, a Job's, a Deployment's and a DaemonSet's pods.

On the simulated API server the objects are simply there; on the real one its controllers make the
pods, and will replace those that die.
"""
import contextlib
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "cluster"))

from control_plane import ControlPlane
from kube_client import Client
from kube_objects import job, pod, workload
from kubelets import NODES, Kubelets, report_running

from tests.apiserver.apiserver import ApiServer
from tests.harness import ledger
from tests.harness.demo.machines import Machine
from tests.harness.programs import ROOT, wait_until

ADDRESSES = {"worker-1": "10.66.0.1", "worker-2": "10.66.0.2", "worker-3": "10.66.0.3"}
VICTIM = "worker-1"  # the capture's userdata says node=worker-1
LEASE_S = 4  # a real kubelet's lasts 40 s, and nobody wants to wait for that
PODS = "/api/v1/namespaces/default/pods"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
APPS = "/apis/apps/v1/namespaces/default"
MANIFESTS = ROOT / "systemd" / "kubernetes"


class Cluster:
    """Machines whose kubelets listen and renew their Leases, until victim_dies()."""

    def __init__(self, api: Client):
        self.api = api
        self.machines: dict[str, Machine] = {}
        self.kubelets = Kubelets(api, LEASE_S)
        self._ends = contextlib.ExitStack()

    def __enter__(self) -> "Cluster":
        with contextlib.ExitStack() as ends:
            ends.enter_context(self.kubelets)
            # All of it goes at once; after Ctrl-C the API server may be gone before the Nodes.
            ends.callback(self.kubelets.registered.clear)
            for name, address in ADDRESSES.items():
                self.machines[name] = Machine(name, address)
                ends.callback(self.machines[name].close)
                self.kubelets.register(name, [address])
            self.start_workloads()
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ends.close()

    def victim_dies(self) -> None:
        self.machines[VICTIM].fall_silent()
        self.kubelets.kill(VICTIM)


class SimulatedCluster(Cluster):
    title = "the simulated API server"

    def __init__(self, server: ApiServer):
        self.server = server
        super().__init__(Client(server.port, server.ca, server.token("admin")))

    def start_workloads(self) -> None:
        ledger.load(self.server)
        work = self.api.create(JOBS, job("training"))
        self.api.create(f"{APPS}/deployments", workload("Deployment", "web", 3))
        web = self.api.create(f"{APPS}/replicasets", workload("ReplicaSet", "web-7d9f", 3))
        agent = self.api.create(f"{APPS}/daemonsets", workload("DaemonSet", "agent"))
        self._run_pod("training-x2k4p", VICTIM, work)
        for i, name in enumerate(ADDRESSES):
            self._run_pod(f"web-7d9f-{'abc'[i]}", name, web)
            self._run_pod(f"agent-{'pqr'[i]}", name, agent)

    def _run_pod(self, name: str, node_name: str, owner: dict) -> None:
        reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"],
                     "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
                     "controller": True}
        self.api.create(PODS, pod(name, node_name, ownerReferences=[reference]))
        report_running(self.api, f"{PODS}/{name}")

    def kubeconfig(self, role: str) -> str:
        return self.server.kubeconfig(role)

    def wait_recovered(self) -> None:
        """No controllers, no replacements."""


class RealCluster(Cluster):
    title = "a real kube-apiserver, etcd and kube-controller-manager"

    def start_workloads(self) -> None:
        self.api.apply(*sorted(MANIFESTS.glob("*.yaml"), key=lambda path: path.name != "rbac.yaml"))
        self.kubelets.schedule_onto(VICTIM)
        self.api.create(JOBS, job("training", ignored="DisruptionTarget"))
        self.api.create(f"{APPS}/deployments", workload("Deployment", "web", 3))
        self.api.create(f"{APPS}/daemonsets", workload("DaemonSet", "agent"))
        self.kubelets.wait_running(PODS, 7)
        self.kubelets.schedule_onto("worker-3")

    def kubeconfig(self, role: str) -> str:
        return str(self.api.kubeconfig(f"lastgasp-{role}"))

    def wait_recovered(self) -> None:
        """The Job's replacement, too, which its controller makes after some seconds."""
        def replaced() -> bool:
            return any(p["metadata"]["ownerReferences"][0]["kind"] == "Job"
                       and p["status"]["phase"] == "Running" for p in self.api.list(PODS))
        wait_until(replaced, 30, "the Job's pod has a replacement")


@contextlib.contextmanager
def chosen():
    programs = os.environ.get("DEMO_CONTROL_PLANE")
    if programs:
        with ControlPlane(pathlib.Path(programs), controller_manager=[]) as api, \
                RealCluster(api) as cluster:
            yield cluster
    else:
        with ApiServer() as server, SimulatedCluster(server) as cluster:
            yield cluster
