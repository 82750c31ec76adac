"""The README's way from observe to node, walked as a new operator would: on a fresh machine beside a
real API server, a captured panic at each step, stages swapped and back, and all of it undone.

Its nodes are loopback addresses with a kubelet port that really answers, and really falls silent
when the machine dies.
"""
import contextlib
import json
import pathlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.harness.fleet import Node
from tests.harness.namespaces import Namespace
from tests.harness.programs import ROOT, wait_until
from tests.units.install import STATES, Installation

CLUSTER = ROOT / "tests" / "cluster"
sys.path.append(str(CLUSTER))

from control_plane import LASTGASP, ControlPlane  # noqa: E402
from kubelets import Kubelets  # noqa: E402
from scene import Scene  # noqa: E402

NAMESPACE = "walk"
KUBELET_PORT = 10250
LEASE_SECONDS = 4
NODES = 6
SILENCE = """
table inet silence {{
    chain input {{ type filter hook input priority 0; ip daddr {address} tcp dport {port} drop; }}
}}
"""


class Cluster:
    """Machines whose kubelets answer, until they die."""

    def __init__(self, network: Namespace, scene: Scene):
        self.network, self.scene, self.api = network, scene, scene.control_plane
        self._open = contextlib.ExitStack()
        self.nodes = [self._add(f"worker-{number}") for number in range(NODES)]

    def _add(self, name: str) -> Node:
        node = self.scene.add_node(name)
        self.scene.add_pods(node, f"{name}-a", f"{name}-b")
        listening = self._open.enter_context(socket.create_server((node.address, KUBELET_PORT)))
        threading.Thread(target=self._answer, args=(listening,), daemon=True).start()
        return node

    @staticmethod
    def _answer(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                listening.accept()[0].close()

    def dies(self, node: Node) -> None:
        self.scene.kubelets.kill(node.name)
        self.network.run("nft", "-f", "-",
                         given=SILENCE.format(address=node.address, port=KUBELET_PORT))

    def boots(self, node: Node) -> None:
        """As a machine does some time after its panic."""
        self.network.run("nft", "delete table inet silence")
        self.scene.kubelets.boot(node.name)

    def phases(self, node: Node) -> list[str]:
        return [pod["status"]["phase"] for pod in self.api.list(self.scene.pods)
                if pod["spec"]["nodeName"] == node.name]

    def is_cordoned(self, node: Node) -> bool:
        return self.api.get(node.path)["spec"].get("unschedulable", False)

    def close(self) -> None:
        self._open.close()


@pytest.fixture
def cluster(network) -> Iterator[Cluster]:
    built = subprocess.run([CLUSTER / "build-control-plane"], check=True, text=True,
                           stdout=subprocess.PIPE)
    with ControlPlane(pathlib.Path(built.stdout.strip())) as api:
        api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace",
                                          "metadata": {"name": NAMESPACE}})
        with Kubelets(api, LEASE_SECONDS) as kubelets:
            made = Cluster(network, Scene(api, kubelets, NAMESPACE))
            yield made
            made.close()


class Operator:
    """Types what the README shows."""

    def __init__(self, installation: Installation, cluster: Cluster):
        self.installation, self.cluster, self.machine = installation, cluster, installation.machine

    def prepares(self) -> None:
        kubernetes = self.machine.root / "usr/local/share/lastgasp/kubernetes"
        self.cluster.api.apply(*(kubernetes / f"{name}.yaml"
                                 for name in ("rbac", "ledger", "flowschema")))
        for user in LASTGASP:
            stage = user.removeprefix("lastgasp-")
            self.installation.write(stage, "kubeconfig",
                                    self.cluster.api.kubeconfig(user).read_text())
            self.installation.options(stage)

    def sets_mode(self, mode: str) -> None:
        self.installation.options("actuator", f"--mode={mode}")
        self.machine.run("systemctl", "restart", "lastgasp-actuator")

    def panics(self, node: Node) -> None:
        self.installation.panic(node)
        self.cluster.dies(node)

    def row(self, node: Node) -> dict | None:
        listed = self.machine.run("lastgasp-incidents", "list", "--json")
        rows = [row for row in map(json.loads, listed.splitlines()) if row["node"] == node.name]
        return rows[0] if rows else None

    def sees(self, node: Node, outcome: str) -> dict:
        def found():
            row = self.row(node)
            return row if row and row.get("outcome") == outcome else None
        return wait_until(found, 40, f"{node.name} {outcome}")


def test_from_observe_to_node_and_back(installed, cluster):
    operator = Operator(installed, cluster)
    observed, told, printed, gone, *_ = cluster.nodes
    operator.prepares()
    installed.start()
    status = "{0} of {0} kubelet ports answer".format(NODES)
    wait_until(lambda: status in installed.show("lastgasp-correlator", "StatusText"), 20, status)

    operator.panics(observed)
    operator.sees(observed, "observed")
    assert not cluster.scene.writes(), "observe wrote something"
    cluster.boots(observed)

    operator.sets_mode("annotate")
    operator.panics(told)
    incident = operator.sees(told, "told")
    assert cluster.is_cordoned(told) and cluster.phases(told) == ["Running", "Running"]
    wait_until(lambda: "the Node's Lease was not renewed" in operator.machine.run(
        "lastgasp-incidents", "show", incident["id"]), 5, "its evidence in the history")

    operator.machine.run("lastgasp-incidents", "undo", incident["id"])
    assert not cluster.is_cordoned(told)
    cluster.boots(told)

    operator.machine.run("systemctl", "start", "lastgasp-actuator-dry-run")
    operator.panics(printed)
    wait_until(lambda: [row for row in installed.incidents(STATES[1]) if row["outcome"]], 40,
               "the dry run's end")
    assert f"would DELETE nodes {printed.name}" in installed.journal("lastgasp-actuator-dry-run")
    operator.machine.run("systemctl", "start", "lastgasp-actuator")
    assert not cluster.is_cordoned(printed)
    cluster.boots(printed)

    operator.sets_mode("node")
    operator.panics(gone)
    operator.sees(gone, "deleted")
    assert not cluster.api.exists(gone.path) and cluster.phases(gone) == []

    operator.machine.run("systemctl", "disable", "--now", "lastgasp-listener.socket",
                         "lastgasp-listener", "lastgasp-correlator", "lastgasp-actuator")
    cluster.network.run("nft", "delete table inet silence")
    left = {node.name for node in cluster.nodes if cluster.api.exists(node.path)}
    assert left == {node.name for node in cluster.nodes} - {gone.name}
    assert not any(cluster.is_cordoned(node) for node in cluster.nodes if node.name in left)
