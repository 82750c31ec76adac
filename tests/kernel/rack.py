"""A rack of nodes whose kernels are real, and a cluster that they belong to.

The control plane is a real one.  A guest is a virtual machine: its kubelet's port is served inside
it, its Lease is renewed here, but only after it said that it lives, and its Node has the boot id
that it told.  A bystander is a network namespace that always answers: witnesses, and Leases to
compare with, at the price of none.

A Rack is entered: from then on the calling thread is in the host's namespace.
"""
import contextlib
import pathlib
import sqlite3

from control_plane import LASTGASP, ControlPlane
from guest import Guest
from kube_objects import node, node_lease, node_status, pod
from kubelets import LEASES, NODES, Kubelets, report_running
from network import HOST, HOST6, PSTORE, REMEMBER, Network
from scenarios import Scenario
from tests.harness.fleet import Node, node_of
from tests.harness.namespaces import Namespace
from tests.harness.pipeline import Pipeline
from tests.harness.programs import ROOT, wait_until
from tests.harness.world import PORT, Kubelet
from wire import Wire

ACTUATOR = "lastgasp-actuator"
LEASE_SECONDS = 10
BYSTANDERS = 6
POD_PATH = "/api/v1/namespaces/default/pods"
EVENTS = "/apis/events.k8s.io/v1/events"
SENDER = ROOT / "systemd" / "node" / "lastgasp-netconsole"
# A guest is up once its kernel knows where to send.
START = """lastgasp-netconsole run >/dev/console 2>&1 &
sender=$!
until grep -qs 1 /sys/kernel/config/netconsole/lastgasp0/enabled; do sleep 0.1; done
"""
SILENCE_SECONDS = 2  # a guest that said nothing for so long looks after no pods


class GuestKubelets(Kubelets):
    """The kubelet of a node with a guest does nothing that the guest could not have done."""

    def __init__(self, api, lease_s: int):
        super().__init__(api, lease_s)
        self.guests: dict[str, Guest] = {}
        self._boots: dict[str, int] = {}
        self._heard: dict[str, float] = {}

    def join(self, name: str, addresses: list[str], guest: Guest) -> dict:
        self._boots[name] = len(guest.boots)
        self.guests[name] = guest
        return self.register(name, addresses, boot_id=guest.boots[-1])

    def _renew_lease(self, name: str) -> None:
        guest = self.guests.get(name)
        if guest:
            if guest.alive_at == self._heard.get(name):
                return
            self._heard[name] = guest.alive_at
            if len(guest.boots) > self._boots[name]:
                self._boots[name] = len(guest.boots)
                self._say_boot(name, guest.boots[-1])
        super()._renew_lease(name)

    def _say_boot(self, name: str, boot: str) -> None:
        """A kubelet that starts makes its Node anew, if somebody deleted it."""
        path, addresses = f"{NODES}/{name}", [self.guests[name].address, self.guests[name].address6]
        if not self.api.exists(path):
            if self.api.exists(f"{LEASES}/{name}"):
                self.api.delete(f"{LEASES}/{name}")
            self.api.create(LEASES, node_lease(self.api.create(NODES, node(name)), self.lease_s))
            self.api.patch_status(path, node_status(name, addresses, boot))
        else:
            self.api.patch_status(path, {"nodeInfo": {"bootID": boot}})

    def _care_for(self, obj: dict) -> None:
        guest = self.guests.get(obj["spec"].get("nodeName", ""))
        if not guest or guest.lives(SILENCE_SECONDS):
            super()._care_for(obj)


class Machine:
    """A node of the rack with a guest."""

    def __init__(self, rack: "Rack", name: str, guest: Guest):
        self.rack, self.name, self.guest = rack, name, guest
        self.addresses = [guest.address, guest.address6]
        self.typed_at = 0.0

    def join(self) -> None:
        """Becomes a Node with a pod that runs, once it has booted."""
        self.guest.wait_booted()
        api = self.rack.api
        self.node: Node = node_of(self.rack.kubelets.join(self.name, self.addresses, self.guest))
        self.pod = f"{POD_PATH}/{self.name}"
        api.create(POD_PATH, pod(self.name, self.name))
        report_running(api, self.pod)

    def wait_back(self, boot: int) -> None:
        """Until its so manieth boot is known to the cluster."""
        self.guest.wait_booted(boot)

        def is_known() -> bool:
            return self.exists() and \
                self.object()["status"]["nodeInfo"]["bootID"] == self.guest.boots[-1]
        wait_until(is_known, 30, f"boot {boot} of {self.name} known to the cluster")

    def wait_asked(self) -> None:
        """Until the correlator has had an answer of its kubelet's port."""
        self.guest.run("until [ -e /run/asked ]; do sleep 0.1; done", 60)

    def pull(self, command: str, is_last: bool) -> None:
        """The trigger: a command that makes the kernel panic (IS_LAST), or seem to."""
        self.typed_at = self.guest.type(command)
        if is_last:
            self.guest.stop_after_panic()

    def leave(self) -> None:
        """It is shut down for good, and its Node deleted, as an operator would."""
        if self.name in self.rack.kubelets.renew_at:
            self.rack.kubelets.kill(self.name)
        if self.exists():
            self.rack.api.delete(self.node.path)
        self.guest.end()

    def incidents(self) -> list[dict]:
        return self.rack.pipeline.incidents(self.node)

    def ended(self, seconds: float = 60) -> dict:
        """Its one incident, once it has an outcome."""
        try:
            wait_until(lambda: [row for row in self.incidents() if row["outcome"]], seconds,
                       f"an outcome of {self.name}, whose console is "
                       f"{self.guest.folder / 'console'}")
        except AssertionError as error:
            sent = self.rack.wire.seen("", *self.addresses)
            error.add_note(f"{self.incidents()}; on the wire {len(sent)} datagrams, at last "
                           f"{[(each.at - self.typed_at, each.data) for each in sent[-3:]]}")
            raise
        (row,) = self.incidents()
        return row

    def wait_incidents(self, count: int, seconds: float = 60) -> None:
        """Until there are so many with an outcome."""
        wait_until(lambda: len([row for row in self.incidents() if row["outcome"]]) == count,
                   seconds, f"{count} outcomes of {self.name}; there are {self.incidents()}")

    def steps(self) -> list[tuple[float, str]]:
        """What was done about its one incident, and when: seconds after its trigger."""
        (_,) = self.incidents()

        def whole() -> list[tuple[float, str]] | None:
            steps = self.steps_so_far()
            return steps if steps[-1][1].startswith("closed") else None
        return wait_until(whole, 10, "the last step in the history")

    def steps_so_far(self) -> list[tuple[float, str]]:
        """Rows for people follow a little later."""
        steps = [(row["received_us"], f"heard: {row['reason']}") for row in self.incidents()]
        if steps:
            history = f"file:{self.rack.pipeline.state}/incidents.db?mode=ro"
            with contextlib.closing(sqlite3.connect(history, uri=True)) as file:
                steps += file.execute(
                    "SELECT at_us, steps.words FROM steps JOIN incidents ON id = incident"
                    " WHERE node = ?", (self.name,)).fetchall()
        return [(at / 1e6 - self.typed_at, words) for at, words in sorted(steps)]

    def exists(self) -> bool:
        return self.rack.api.exists(self.node.path)

    def object(self) -> dict:
        return self.rack.api.get(self.node.path)

    def events(self) -> list[str]:
        return [event["note"] for event in self.rack.api.list(EVENTS)
                if event.get("reportingController") == "lastgasp"
                and f"node {self.name}:" in event["note"]]

    def last_state(self) -> dict:
        """Its pod, as lastgasp left it before it deleted it."""
        def patched() -> list[dict]:
            return [line for line in self.rack.api.audit(ACTUATOR, "patch", "pods")
                    if line["objectRef"]["name"] == self.name]
        return wait_until(patched, 10, f"a patch of the pod {self.pod}")[-1]["responseObject"]

    def writes(self) -> list[dict]:
        """What lastgasp asked the server to change of the Node and its pod."""
        return [line for user in LASTGASP for line in self.rack.api.audit(user)
                if line["verb"] not in ("get", "list", "watch")
                and line.get("objectRef", {}).get("name") == self.name]


class Rack:
    def __init__(self, folder: pathlib.Path, api: ControlPlane):
        """API: not running yet."""
        self.folder, self.api = folder, api
        self.network = Network(folder)
        self.pipeline: Pipeline | None = None
        self._bystanders: list[tuple[Kubelet, Namespace]] = []
        self._open = contextlib.ExitStack()

    def __enter__(self) -> "Rack":
        with contextlib.ExitStack() as undo:
            undo.enter_context(self.network)
            undo.enter_context(self.api)
            undo.callback(self._end_bystanders)
            self.kubelets = undo.enter_context(GuestKubelets(self.api, LEASE_SECONDS))
            self._open = undo.pop_all()
        return self

    def __exit__(self, *_) -> None:
        with self._open:
            if self.pipeline:
                self._open.callback(lambda: print(self.pipeline.logs()))
                self._open.callback(self.pipeline.close)
                self.pipeline.stop()

    def _end_bystanders(self) -> None:
        for kubelet, namespace in self._bystanders:
            kubelet.close()
            namespace.close()

    def start(self, *correlator: str, **options) -> None:
        """The control plane knows lastgasp, and the three programs run."""
        manifests = ROOT / "systemd" / "kubernetes"
        self.api.apply(*(manifests / f"{name}.yaml" for name in ("rbac", "ledger", "flowschema")))
        users = {user.removeprefix("lastgasp-"): self.api.kubeconfig(user) for user in LASTGASP}
        self.pipeline = Pipeline(self.folder, self.api, kubeconfigs=users, verify="probe",
                                 listen=HOST, actuator=(), correlator=correlator, **options)
        self.pipeline.arguments["listener"] += (f"--listen=[{HOST6}]:{self.pipeline.port}",)
        self.pipeline.start()
        self.wire = Wire(self.network.router, "nodes", self.pipeline.port)
        self._open.callback(self.wire.close)
        for number in range(BYSTANDERS):
            self._add_bystander(f"bystander-{number}", f"10.90.1.{200 + number}")

    def _add_bystander(self, name: str, address: str) -> None:
        namespace = Namespace()
        self.network.plug(namespace, name, address)
        self._bystanders.append((Kubelet(namespace, address, PORT), namespace))
        self.kubelets.register(name, [address])

    def boot(self, name: str, kernel: pathlib.Path, scenario: Scenario) -> Machine:
        """A machine that begins to boot; it is nobody's Node before its join()."""
        host, port = HOST6 if scenario.v6 else HOST, self.pipeline.port
        start = PSTORE + START + REMEMBER if scenario.keeps else START
        guest = self.network.boot(name, kernel, start, f"COLLECTOR={HOST}:{port}", {
            "usr/sbin/lastgasp-netconsole": SENDER,
            "etc/lastgasp-netconsole/options": f"HOSTS={host}\nPORT={port}\nNODE={name}\n"}, scenario.above)
        return Machine(self, name, guest)
