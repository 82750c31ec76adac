"""Hosts that run an actuator, each with a stand-in for its correlator, and a cluster to act on.

The nodes' Leases last 4 s here, so that one has lapsed after LAPSED seconds.
"""
import contextlib
import os
import pathlib
import signal
import threading

from tests.apiserver.apiserver import MERGE, ApiServer
from tests.harness import ledger, records
from tests.harness.edges import connect
from tests.harness.fleet import NODES, Fleet, Node
from tests.harness.programs import Program, wait_until

NODE_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
SET = "node.titus.netflix.com/lastgasp-set"
LAPSED = 1.25 + 2


def silent_intent(node: Node, **changes) -> dict:
    now = records.now_us()
    return records.intent(node, **{"verdict": "silent", "words": "silent for 3.1 s",
                                   "silent_until_us": now, "last_answer_us": now - 4_000_000,
                                   "rtt_us": 300, **changes})


class Prober:
    """A correlator that sends evidence for what it was told to probe, until it is told not to."""

    def __init__(self, socket: pathlib.Path):
        self.edge = connect(socket, "correlator")
        self.silent: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._probe, daemon=True)
        self._thread.start()

    def _probe(self) -> None:
        while not self._stop.wait(0.4) and not self.edge.closed.is_set():
            for incident in list(self.silent):
                with contextlib.suppress(OSError):  # the actuator was killed
                    self.edge.send({"type": "evidence", "id": incident, "words": "still silent",
                                    "silent_until_us": records.now_us()})

    def intend(self, node: Node, probed: bool = True, **changes) -> str:
        """Sends an intent, with evidence from then on if PROBED, and waits for nothing."""
        intent = silent_intent(node, **changes)
        if probed and intent["verdict"] == "silent":
            self.silent.add(intent["id"])
        self.edge.send(intent)
        return intent["id"]

    def panicked(self, node: Node, **changes) -> str:
        incident = self.intend(node, **changes)
        self.edge.wait_for("ack", of="intent", id=incident)
        return incident

    def answers(self, incident: str, why: str = "answers") -> None:
        self.silent.discard(incident)
        self.edge.send({"type": "retract", "id": incident, "why": why})
        self.edge.wait_for("ack", of="retract", id=incident)

    def results(self, incident: str) -> list[dict]:
        return [record for record in self.edge.of("result") if record["id"] == incident]

    def result(self, incident: str, outcome: str, seconds: float = 15) -> dict:
        wait_until(lambda: self.results(incident), seconds, f"a result of {incident}")
        found = self.results(incident)[-1]
        assert found["outcome"] == outcome, found
        return found

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self.edge.close()


class Host:
    """An actuator and its prober, which may be started again."""

    def __init__(self, folder: pathlib.Path, api: ApiServer, *options: str, user: str = "actuator",
                 mode: str = "node", limits: tuple[str, ...] = ledger.UNLIMITED):
        self.folder, self.api = folder, api
        self.state, self.control = folder / "state", folder / "control.sock"
        self.state.mkdir()
        self.arguments = (f"--socket={folder / 'actuator.sock'}", f"--state={self.state}",
                          f"--kubeconfig={api.kubeconfig(user)}", f"--mode={mode}",
                          f"--control={self.control}", "--log-level=debug", *limits, *options)
        self.ran: list[Program] = []
        self.start()
        self.program.wait_for("this host (acts|stands by)", 20)

    def start(self) -> None:
        socket = self.folder / "actuator.sock"
        socket.unlink(missing_ok=True)
        self.program = Program("lastgasp-actuator", *self.arguments, folder=self.folder)
        self.ran.append(self.program)
        wait_until(socket.exists, 10, "the actuator's socket")
        self.prober = Prober(socket)

    def kill(self) -> None:
        self.program.kill()
        self.prober.close()

    def restart(self) -> None:
        silent = self.prober.silent
        self.kill()
        self.start()
        self.program.wait_for("this host (acts|stands by)", 20)
        self.prober.silent = silent

    def freeze(self) -> None:
        os.kill(self.program.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.program.pid, signal.SIGCONT)

    def stop(self) -> None:
        status = self.program.stop()
        self.prober.close()
        print(self.logs())
        assert status in (0, -signal.SIGKILL)

    def logs(self) -> str:
        return "".join(f"--- {self.folder.name}\n{program.log()}" for program in self.ran)


class Cluster:
    """A zone of nodes that live, and one more of them a test that dies."""

    def __init__(self, api: ApiServer, fleet: Fleet, living: int = 40):
        """LIVING: more than the tests touch, for the limits are a part of all."""
        self.api, self.fleet = api, fleet
        self.dead: list[str] = []
        for _ in range(living):
            self.add(pods=0)
        self.live()

    def add(self, pods: int = 12, **cluster) -> Node:
        node = self.fleet.add(pods=pods, **{"zones": 1, **cluster})
        self.api.patch(f"{NODE_LEASES}/{node.name}", {"spec": {"leaseDurationSeconds": 4}}, MERGE)
        return node

    def die(self, *nodes: Node) -> None:
        self.dead += [node.name for node in nodes]
        self.live()

    def lose(self) -> None:
        """What the node lifecycle controller says of the dead after some 50 s."""
        for name in self.dead:
            path = f"{NODES}/{name}"
            if self.api.exists(path):
                obj = self.api.get(path)
                for condition in obj["status"]["conditions"]:
                    if condition["type"] == "Ready":
                        condition["status"] = "Unknown"
                self.api.load(obj)

    def live(self) -> None:
        self.api.renew(0.5, self.dead)

    def stop_renewals(self) -> None:
        self.api.renew(0)

    def get(self, node: Node) -> dict:
        return self.api.get(node.path)

    def is_marked(self, node: Node) -> bool:
        obj = self.get(node)
        return obj["spec"].get("unschedulable", False) and SET in obj["metadata"]["annotations"]

    def assert_untouched(self, node: Node) -> None:
        obj = self.get(node)
        assert not obj["spec"].get("unschedulable"), obj["spec"]
        assert not [key for key in obj["metadata"]["annotations"] if "titus" in key]
        assert SET not in obj["metadata"]["labels"]
        self.assert_nothing_removed(node)

    def assert_nothing_removed(self, node: Node) -> None:
        assert [line for line in self.fleet.writes(node)
                if line["verb"] == "delete" or line["objectRef"]["resource"] == "pods"] == []
