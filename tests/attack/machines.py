"""Machines that panic and then do what the actuator must not miss, at moments that are drawn."""
import collections
import contextlib
import copy
import http.client
import math
import random
import threading
import time
import uuid
from collections.abc import Callable

from tests.apiserver.apiserver import MERGE, ApiError, ApiServer
from tests.attack.oracle import Fate
from tests.harness import records
from tests.harness.audit import AuditLog
from tests.harness.fleet import NODES, Node
from tests.harness.hosts import Cluster, Host, Prober
from tests.harness.pipeline import incidents

ENDED = ("closed", "watching")
EXPIRES = 7  # seconds
OUTCOMES = {
    "stays dead": {"deleted"},
    "is lost sight of": {"deleted"},
    "reboots": {"rebooted", "recreated", "retracted", "partial", "deleted"},
    "is created anew": {"recreated", "retracted", "node-gone", "partial", "deleted"},
    "expires": {"expired"},
    "answers": {"retracted", "partial", "deleted", "stranded"},
}


OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


def attach(api: ApiServer, path: str, *volumes: str) -> None:
    """These, and no other, are attached to the Node at PATH."""
    attached = [{"name": f"kubernetes.io/csi/{volume}", "devicePath": ""} for volume in volumes]
    api.patch(f"{path}/status", {"status": {"volumesAttached": attached}}, MERGE)


def is_out_of_service(obj: dict) -> bool:
    return any(taint["key"] == OUT_OF_SERVICE for taint in obj["spec"].get("taints", []))


def insist(call: Callable[[], object]) -> bool:
    """As kubelets and controllers do while the server is away; False: there is no such object."""
    while True:
        try:
            call()
            return True
        except ApiError as error:
            assert error.code == 404, error
            return False
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)


def registers(api: ApiServer, obj: dict) -> None:
    """As a kubelet does that starts: with what the machine has by itself, and no more."""
    new = copy.deepcopy(obj)
    new["metadata"]["uid"] = str(uuid.uuid4())
    new["status"]["nodeInfo"]["bootID"] = str(uuid.uuid4())
    api.load(new)


def boots(api: ApiServer, obj: dict) -> None:
    """The machine of the Node OBJ, as it was before all this, starts anew."""
    status = {"status": {"nodeInfo": {"bootID": str(uuid.uuid4())}}}
    if not insist(lambda: api.patch(f"{NODES}/{obj['metadata']['name']}/status", status)):
        registers(api, obj)


def is_created_anew(api: ApiServer, obj: dict, after: float) -> None:
    with contextlib.suppress(RuntimeError):  # gone already
        api.drop("nodes", obj["metadata"]["name"])
    time.sleep(after)
    registers(api, obj)


class Tail:
    """How many writes of the actuator about each Node and its pods were answered, so far."""

    def __init__(self, api: ApiServer):
        self._log = AuditLog(api.directory / "audit.log")
        self._log.skip()
        self._lock = threading.Lock()
        self._counts: collections.Counter[str] = collections.Counter()

    def count(self, names: set[str]) -> int:
        with self._lock:
            for event in self._log.new():
                if event["verb"] in ("patch", "delete") and event["user"]["username"] == "actuator":
                    self._counts[event["objectRef"]["name"]] += 1
            return sum(self._counts[name] for name in names)


class Machine:
    """One that panicked, as all HOSTS hear."""

    _renewals = threading.Lock()  # which Leases are renewed is said for all at once

    def __init__(self, cluster: Cluster, hosts: list[Host], node: Node, does: str):
        self.cluster, self.api, self.hosts, self.node, self.does = \
            cluster, cluster.api, hosts, node, does
        self.incident = records.digest(node.uid, node.boot)
        pods = cluster.fleet.pods(node)
        self.object = cluster.get(node)
        self.died = frozenset(pod["metadata"]["uid"] for pod in pods)
        self.fate = Fate(node, set(self.died))
        self.names = {node.name} | {pod["metadata"]["name"] for pod in pods}
        self.is_silent = True  # to the probe
        self.unseen = 0.0  # for so many seconds nothing but the Node shows that it is back
        self.moment = "never"
        self.why, self.heard = "", math.inf  # what the probe says of it, since when
        self._heard_again: dict[Prober, int] = {}  # so often each was told so because it asked

    def __str__(self) -> str:
        unseen = f" unseen for {self.unseen:.1f} s" if self.unseen else ""
        outcomes = [row and row["outcome"] for row in map(self.row, self.hosts)]
        return f"{self.node.name} {self.does}{unseen}, {self.moment}: {outcomes}"

    def panics(self) -> None:
        changes = {}
        if self.does == "expires":
            self.fate.ended = time.time() + EXPIRES
            changes["expires_us"] = int(self.fate.ended * 1e6)
        for host in self.hosts:
            host.prober.intend(self.node, **changes)

    def is_heard(self, why: str) -> None:
        """The probe has an answer."""
        self.why = why
        self._seems(False)
        self.heard = time.time()
        self.fate.blind.append((self.heard, math.inf))
        for host in self.hosts:
            self._retract(host)
        with contextlib.suppress(AssertionError):  # one is killed or stopped
            for host in self.hosts:
                host.prober.edge.wait_for("ack", of="retract", id=self.incident, seconds=5)
            self.fate.ended = time.time()

    def is_heard_again(self) -> None:
        """By a host that asks for it: after the Node's delete, or when it was started again."""
        if not self.why:
            return
        for host in self.hosts:
            asked = len([r for r in host.prober.edge.of("open") if r["id"] == self.incident
                         and r["_at"] > self.heard])
            if asked > self._heard_again.get(host.prober, 0):
                self._heard_again[host.prober] = asked
                self._retract(host)

    def _retract(self, host: Host) -> None:
        with contextlib.suppress(OSError):  # it is killed
            host.prober.edge.send({"type": "retract", "id": self.incident, "why": self.why})

    def is_lost_sight_of(self, chance: random.Random) -> None:
        """No evidence comes for a while, in which its Lease lapses; it is dead all the time."""
        last = time.time()
        self._seems(False)
        time.sleep(chance.uniform(1, 4))
        self._renews(False)
        time.sleep(chance.uniform(9, 11))
        self.fate.blind.append((last, time.time()))
        self._seems(True)

    def _seems(self, silent: bool) -> None:
        self.is_silent = silent
        for host in self.hosts:
            (host.prober.silent.add if silent else host.prober.silent.discard)(self.incident)

    def _renews(self, does: bool) -> None:
        with self._renewals:
            (self.cluster.dead.remove if does else self.cluster.dead.append)(self.node.name)
            self.cluster.live()

    def comes_back(self, chance: random.Random) -> None:
        """The Node shows it, the probe hears it and the Lease moves, in any order."""
        if not self.unseen:
            self._renews(True)
        if self.does == "answers":
            self.is_heard("answers")
            return
        is_heard_first = not self.unseen and chance.random() < 0.5
        why = {"reboots": "rebooted", "is created anew": "recreated"}[self.does]
        if is_heard_first:
            self.is_heard("answers")
            time.sleep(chance.uniform(0, 0.5))
        if self.does == "reboots":
            boots(self.api, self.object)
        else:
            is_created_anew(self.api, self.object, chance.choice([0, chance.uniform(0, 0.3)]))
        self.fate.returned = time.time()
        if self.unseen:
            time.sleep(self.unseen)
            self._renews(True)
        elif not is_heard_first:
            time.sleep(chance.uniform(0, 0.5))
        if not is_heard_first:
            self.is_heard(why)

    def row(self, host: Host) -> dict | None:
        return next((row for row in incidents(host.state) if row["id"] == self.incident), None)

    def has_ended(self) -> bool:
        self.is_heard_again()
        return all((row := self.row(host)) and row["state"] in ENDED for host in self.hosts)
