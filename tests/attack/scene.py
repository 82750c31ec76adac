"""Many machines that panic at once and come back or not, each at a moment of its own.  A third has
a volume attached, so that their Nodes are put out of service before they go."""
import concurrent.futures
import contextlib
import http.client
import random
import threading
import time
import uuid
from collections.abc import Callable

from tests.apiserver.apiserver import ApiError
from tests.attack import oracle
from tests.attack.machines import OUTCOMES, Machine, Tail, attach, insist, is_out_of_service
from tests.harness.fleet import NODES
from tests.harness.hosts import Cluster, Host
from tests.harness.programs import wait_until

PODS_A_NODE = 12
# What is written about a Node with so many pods, a quarter of which a DaemonSet made.
WRITES_A_NODE = 2 * 9 + 3 + 3
WITH_VOLUMES = 1 / 3
MOST_SECONDS = 7.0


class Scene:
    def __init__(self, cluster: Cluster, hosts: list[Host], chance: random.Random):
        self.cluster, self.api, self.hosts, self.chance = cluster, cluster.api, hosts, chance
        self.machines: list[Machine] = []
        self.began = time.time()
        self.stalls: list[tuple[float, float]] = []  # when the server was silent
        self._tail = Tail(cluster.api)
        self._threads = concurrent.futures.ThreadPoolExecutor(max_workers=128)
        self._events: list[concurrent.futures.Future] = []
        self._over = threading.Event()
        self._detacher = threading.Thread(target=self._detach, daemon=True)
        self._detacher.start()

    def machine(self, does: str) -> Machine:
        node = self.cluster.add(pods=PODS_A_NODE)
        if self.chance.random() < WITH_VOLUMES:
            attach(self.api, node.path, "one", "two")
        machine = Machine(self.cluster, self.hosts, node, does)
        if does in ("reboots", "is created anew") and self.chance.random() < 0.5:
            machine.unseen = self.chance.uniform(4, 12)
        self.machines.append(machine)
        return machine

    def _detach(self) -> None:
        """As the attach-detach controller does, from Nodes that are out of service."""
        while not self._over.wait(0.2):
            with contextlib.suppress(ApiError, OSError, http.client.HTTPException):
                for obj in self.api.list(NODES):
                    if is_out_of_service(obj) and obj["status"].get("volumesAttached"):
                        attach(self.api, f"{NODES}/{obj['metadata']['name']}")

    def start(self) -> None:
        """All of them panic; what each does then, it does from now on."""
        self.cluster.die(*(machine.node for machine in self.machines
                           if machine.does != "is lost sight of"))
        for machine in self.machines:
            machine.panics()
            draws = random.Random(self.chance.random())
            if machine.does == "stays dead":
                self._at(machine, self._befall_pods(machine), self.chance.random() < 0.5)
            elif machine.does == "is lost sight of":
                self._at(machine, lambda m=machine, d=draws: m.is_lost_sight_of(d), False)
            elif machine.does != "expires":
                self._at(machine, lambda m=machine, d=draws: m.comes_back(d),
                         machine.unseen or self.chance.random() < 0.5)

    def _at(self, machine: Machine, event: Callable[[], None], between_writes: bool) -> None:
        """At a moment that is drawn: so many seconds from now, or between two writes."""
        began, after = time.monotonic(), self.chance.uniform(0, MOST_SECONDS)
        count = self.chance.randrange(1, WRITES_A_NODE) if between_writes else 0
        machine.moment = f"after write {count}" if count else f"after {after:.2f} s"

        def wait() -> None:
            until = began + (2 * MOST_SECONDS if count else after)
            while time.monotonic() < until and not 0 < count <= self._tail.count(machine.names):
                time.sleep(0.005)
            event()

        self._events.append(self._threads.submit(wait))

    def also(self, event: Callable[[], None]) -> None:
        """Beside the machines, in a thread of its own."""
        self._events.append(self._threads.submit(event))

    def _befall_pods(self, machine: Machine) -> Callable[[], None]:
        """Of three pods one finishes, one goes, and one goes and returns under its name: on that
        Node or on another."""
        pods = [pod for pod in self.cluster.fleet.pods(machine.node)
                if pod["metadata"]["ownerReferences"][0]["kind"] != "DaemonSet"]
        finishes, goes, returns = self.chance.sample(pods, 3)
        here = self.chance.random() < 0.5
        elsewhere = self.cluster.fleet.add(pods=0, zones=1)

        def befall() -> None:
            insist(lambda: self.api.patch(f"{path(finishes)}/status",
                                          {"status": {"phase": "Succeeded"}}))
            for pod in (goes, returns):
                insist(lambda p=pod: self.api.delete(path(p), {"gracePeriodSeconds": 0}))
            uid = str(uuid.uuid4())
            if here:
                machine.fate.pods.add(uid)
            insist(lambda: self.cluster.fleet.add_pod(machine.node if here else elsewhere,
                                                      returns["metadata"]["name"], uid=uid))
        return befall

    def close(self) -> None:
        self._over.set()
        self._detacher.join()
        self._threads.shutdown(cancel_futures=True)

    def finish(self, seconds: float) -> None:
        """Waits until every incident has ended, and looks at what is left then."""
        for event in self._events:
            event.result(seconds)
        for machine in self.machines:
            wait_until(machine.has_ended, seconds, f"the end of {machine}")
        for machine in self.machines:
            self.is_right(machine)
        wait_until(self._strays_are_named, 30, "stranded machines named")
        wait_until(lambda: not self.marked(), 50, "the Nodes that came back unmarked")
        print("\n".join(map(str, self.machines)))

    def is_right(self, machine: Machine) -> None:
        """It ended as it may, for one host; what stayed dead is gone."""
        found = [machine.row(host)["outcome"] for host in self.hosts]
        others = {"elsewhere", "node-gone"} if len(found) > 1 else set()
        assert set(found) <= OUTCOMES[machine.does] | others and found.count("deleted") <= 1, \
            (str(machine), [machine.row(host) for host in self.hosts])
        if OUTCOMES[machine.does] == {"deleted"}:
            assert not self.api.exists(machine.node.path), str(machine)
            left = {pod["metadata"]["name"] for pod in self.cluster.fleet.pods(machine.node)
                    if pod["status"]["phase"] == "Running"
                    and pod["metadata"]["uid"] in machine.died}
            assert left <= set(self.cluster.fleet.pod_names(machine.node, "DaemonSet")), left

    def _strays_are_named(self) -> bool:
        strays = [machine for machine in self.machines if machine.does == "answers"
                  and not self.api.exists(machine.node.path)]
        for machine in strays:
            machine.is_heard_again()
        return all(any(machine.row(host)["outcome"] == "stranded" for host in self.hosts)
                   for machine in strays)

    def marked(self) -> list[str]:
        """Nodes that came back and still bear what was set."""
        back = {machine.node.name for machine in self.machines}
        return [obj["metadata"]["name"] for obj in self.api.list(NODES)
                if obj["metadata"]["name"] in back and bears(obj)]


def path(pod: dict) -> str:
    return f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}"


def assert_right(*scenes: Scene) -> None:
    """All that was written since they began."""
    api, since = scenes[0].api, min(scene.began for scene in scenes)
    fates = [machine.fate for scene in scenes for machine in scene.machines]
    stalls = [stall for scene in scenes for stall in scene.stalls]
    wrongs = oracle.wrongs(api, fates, stalls, since)
    assert not wrongs, "\n".join(wrongs)
    assert oracle.other_boots(api, fates) == []


def bears(obj: dict) -> bool:
    """Whether anything that lastgasp sets is on that Node."""
    keys = {**obj["metadata"].get("annotations", {}), **obj["metadata"].get("labels", {})}
    return bool(obj["spec"].get("unschedulable") or obj["spec"].get("taints")
                or [key for key in keys if "titus" in key])
