"""Thousands of machines at once, of which any may fall silent, and the correlator alone.

They all are one network namespace, whose loopback device has a whole network: one listener answers
for every address, and a rule drops what is sent to the dead.  The stages at both ends of the
correlator are stand-ins.
"""
import contextlib
import os
import pathlib
import socket
import threading
import time
from collections.abc import Iterable

from tests.apiserver.apiserver import ApiServer
from tests.harness import records
from tests.harness.edges import Server, connect
from tests.harness.fleet import NODES, Node, node_of
from tests.harness.namespaces import Namespace
from tests.harness.programs import Program, wait_until

NETWORK = "10.77.0.0/16"
PORT = 10250
BACKLOG = 4096  # the kernel allows no more unless it is told to
PANICS_A_PACKET = 64
RULES = f"""
table inet crowd {{
    set dead {{ type ipv4_addr; }}
    chain input {{
        type filter hook input priority 0;
        ip daddr @dead tcp dport {PORT} drop
    }}
}}
"""


def cpu_seconds(pid: int) -> float:
    """Of a process, its own and the kernel's for it, so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1]
    ticks = sum(int(field) for field in fields.split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


class Kubelets:
    """Listens at every address of the namespace; whoever connects is accepted and closed."""

    def __init__(self):
        self.asked: set[str] = set()
        self._sock = socket.create_server(("0.0.0.0", PORT), backlog=BACKLOG)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._sock.accept()
                self.asked.add(connection.getsockname()[0])
                connection.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._sock.close()


class Crowd:
    def __init__(self, folder: pathlib.Path, count: int, descriptors: int, *correlator: str):
        """COUNT Nodes, and a correlator that may have so many DESCRIPTORS."""
        self.folder, self.count = folder, count
        self._limit = ("prlimit", f"--nofile={descriptors}:{descriptors}")
        self._options = correlator
        self.nodes: list[Node] = []
        self.panicked_us: dict[str, int] = {}  # by the Node's name
        self._open = contextlib.ExitStack()

    def __enter__(self) -> "Crowd":
        with contextlib.ExitStack() as undo:
            self.namespace = Namespace()
            undo.callback(self.namespace.close)
            self.namespace.ip(f"route add local {NETWORK} dev lo")
            self.namespace.run("nft", "-f", "-", given=RULES)
            undo.enter_context(self.namespace.inside())
            api = undo.enter_context(ApiServer())
            api.generate(nodes=self.count, size=1000, podsPerNode=0, zones=2, addresses=[NETWORK])
            self.nodes = [node_of(obj) for obj in api.list(NODES)]
            self.kubelets = Kubelets()
            undo.callback(self.kubelets.close)
            self.actuator = undo.enter_context(Server(self.folder / "actuator.sock", "actuator"))
            self._start(undo, api)
            self._open = undo.pop_all()
        return self

    def _start(self, undo: contextlib.ExitStack, api: ApiServer) -> None:
        path = self.folder / "correlator.sock"
        self.correlator = undo.enter_context(Program(
            "lastgasp-correlator", f"--socket={path}", f"--to={self.actuator.path}",
            "--verify=probe", f"--kubeconfig={api.kubeconfig('correlator')}", *self._options,
            folder=self.folder, wrapper=self._limit))
        self.listener = undo.enter_context(connect(path, "listener"))
        wait_until(lambda: len(self.kubelets.asked) == self.count, 120,
                   "an answer of every machine")

    def __exit__(self, *exception) -> None:
        self._open.__exit__(*exception)

    def die(self, nodes: Iterable[Node]) -> None:
        """From now on nothing that is sent to them arrives."""
        addresses = ", ".join(node.address for node in nodes)
        self.namespace.run("nft", "-f", "-",
                           given=f"add element inet crowd dead {{ {addresses} }}\n")

    def panic(self, nodes: list[Node]) -> None:
        """A panic of each, true or not, as fast as the correlator takes them."""
        for at in range(0, len(nodes), PANICS_A_PACKET):
            some = nodes[at:at + PANICS_A_PACKET]
            panics = [records.panic(node.address) for node in some]
            for node, panic in zip(some, panics, strict=True):
                self.panicked_us[node.name] = panic["received_us"]
            self.listener.send(*panics)

    def wait_settled(self, count: int, seconds: float) -> None:
        wait_until(lambda: len(self.actuator.of("intent")) >= count, seconds, f"{count} intents")

    def intents(self) -> dict[str, dict]:
        """The one of each Node, by name."""
        intents = self.actuator.of("intent")
        by_node = {intent["node"]: intent for intent in intents}
        assert len(by_node) == len(intents), "two intents of one Node"
        return by_node

    def settled_after(self) -> list[float]:
        """Seconds from each panic to its intent."""
        return [intent["_at"] - self.panicked_us[name] / 1e6
                for name, intent in self.intents().items()]

    def oldest_evidence(self, until: float) -> float:
        """The age in seconds of the oldest silence that the actuator went by at any time from an
        intent to UNTIL."""
        heard: dict[str, list[tuple[float, float]]] = {}
        for record in self.actuator.of("intent") + self.actuator.of("evidence"):
            heard.setdefault(record["id"], []).append(
                (record["_at"], record["silent_until_us"] / 1e6))
        oldest = 0.0
        for one in heard.values():
            newest = 0.0
            for i, (_, silent_until) in enumerate(one):
                newest = max(newest, silent_until)
                then = one[i + 1][0] if i + 1 < len(one) else until
                oldest = max(oldest, then - newest)
        return oldest

    def cpu_seconds(self) -> float:
        """Of the correlator, so far."""
        return cpu_seconds(self.correlator.pid)
