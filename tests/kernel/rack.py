"""A rack of nodes whose kernels are real, and a cluster that they belong to.

Our host, a router, and the nodes' network:

    host 10.90.0.1 --- router --- a bridge, 10.90.1.0/24 --- guests, bystanders

and the same in IPv6, fd90:: and fd90:0:0:1::.  The control plane is a real one.  A guest is a
virtual machine: its kubelet's port is served inside it, its Lease is renewed here, but only after
it said that it lives, and its Node has the boot id that it told.  A bystander is a network namespace
that always answers: witnesses, and Leases to compare with, at the price of none.

A Rack is entered: from then on the calling thread is in the host's namespace.
"""
import contextlib
import pathlib
import sqlite3

from control_plane import LASTGASP, ControlPlane
from guest import Guest
from kube_objects import pod
from kubelets import Kubelets, report_running
from tests.harness.fleet import Node, node_of
from tests.harness.metrics import Pages
from tests.harness.namespaces import Namespace
from tests.harness.pipeline import Pipeline
from tests.harness.programs import wait_until
from tests.harness.world import JOIN, PORT, Kubelet
from wire import Wire

ACTUATOR = "lastgasp-actuator"
HOST, HOST6 = "10.90.0.1", "fd90::1"
LEASE_SECONDS = 10
BYSTANDERS = 6
POD_PATH = "/api/v1/namespaces/default/pods"
EVENTS = "/apis/events.k8s.io/v1/events"
GATEWAY_MAC = "02:66:00:00:00:01"
NETCONSOLE = """modprobe netconsole
target=/sys/kernel/config/netconsole/one
mkdir $target
echo eth0 >$target/dev_name
echo {address} >$target/local_ip
echo 10.90.0.1 >$target/remote_ip
echo {port} >$target/remote_port
echo {mac} >$target/remote_mac
echo 1 >$target/extended
echo 1 >$target/enabled
"""
PROBABLE = "lastgasp_correlator_kubelet_ports_probable"
SILENCE_SECONDS = 2  # a guest that said nothing for so long looks after no pods


class GuestKubelets(Kubelets):
    """The kubelet of a node with a guest does nothing that the guest could not have done."""

    def __init__(self, api, lease_s: int):
        super().__init__(api, lease_s)
        self.guests: dict[str, Guest] = {}
        self._boots: dict[str, int] = {}
        self._heard: dict[str, float] = {}

    def join(self, name: str, addresses: list[str], guest: Guest) -> dict:
        obj = self.register(name, addresses, boot_id=guest.boots[-1])
        self._boots[name] = len(guest.boots)
        self.guests[name] = guest
        return obj

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
        if self.api.exists(f"/api/v1/nodes/{name}"):
            self.api.patch_status(f"/api/v1/nodes/{name}", {"nodeInfo": {"bootID": boot}})
            self.renew_at[name] = 0

    def _care_for(self, obj: dict) -> None:
        guest = self.guests.get(obj["spec"].get("nodeName", ""))
        if not guest or guest.lives(SILENCE_SECONDS):
            super()._care_for(obj)


class Machine:
    """A node of the rack with a guest."""

    def __init__(self, rack: "Rack", name: str, guest: Guest, address: str, address6: str):
        self.rack, self.name, self.guest = rack, name, guest
        self.address, self.address6 = address, address6
        self.typed_at = 0.0

    def join(self) -> None:
        """Becomes a Node with a pod that runs, once it has booted."""
        self.guest.wait_booted()
        api, addresses = self.rack.api, [self.address, self.address6]
        self.node: Node = node_of(self.rack.kubelets.join(self.name, addresses, self.guest))
        self.pod = f"{POD_PATH}/{self.name}"
        api.create(POD_PATH, pod(self.name, self.name))
        report_running(api, self.pod)

    def pull(self, command: str, is_last: bool) -> None:
        """The trigger: a command that makes the kernel panic (IS_LAST), or seem to."""
        self.typed_at = self.guest.type(command)
        if is_last:
            self.guest.stop_after_panic()

    def incidents(self) -> list[dict]:
        return self.rack.pipeline.incidents(self.node)

    def ended(self, seconds: float = 60) -> dict:
        """Its one incident, once it has an outcome."""
        wait_until(lambda: [row for row in self.incidents() if row["outcome"]], seconds,
                   f"an outcome of {self.name}; it is {self.incidents()}, and its console "
                   f"{self.guest.folder / 'console'}")
        (row,) = self.incidents()
        return row

    def steps(self) -> list[tuple[float, str]]:
        """What was done about its incident, and when: seconds after its trigger."""
        (row,) = self.incidents()
        steps = wait_until(lambda: self._steps(row["id"]), 10, "the last step in the history")
        steps.insert(0, (row["received_us"], f"heard: {row['reason']}"))
        return [(at / 1e6 - self.typed_at, words) for at, words in steps]

    def _steps(self, incident: str) -> list[tuple[int, str]]:
        """None before the last one is written: rows for people follow a little later."""
        history = sqlite3.connect(f"file:{self.rack.pipeline.state}/incidents.db?mode=ro", uri=True)
        with contextlib.closing(history):
            steps = history.execute("SELECT at_us, words FROM steps WHERE incident = ?"
                                    " ORDER BY at_us", (incident,)).fetchall()
        return steps if steps and steps[-1][1].startswith("closed") else []

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
        self.machines: list[Machine] = []
        self.pipeline: Pipeline | None = None
        self._bystanders: list[tuple[Kubelet, Namespace]] = []
        self._next = 10
        self.pages = Pages()
        self._open = contextlib.ExitStack()

    def __enter__(self) -> "Rack":
        with contextlib.ExitStack() as undo:
            self.host, self.router = Namespace(), Namespace()
            undo.callback(self.host.close)
            undo.callback(self.router.close)
            self._connect()
            undo.enter_context(self.host.inside())
            undo.enter_context(self.api)
            self.kubelets = GuestKubelets(self.api, LEASE_SECONDS)
            undo.callback(self._end_machines)
            undo.enter_context(self.kubelets)
            self._open = undo.pop_all()
        return self

    def __exit__(self, *_) -> None:
        with self._open:
            if self.pipeline:
                self._open.callback(lambda: print(self.pipeline.logs()))
                self._open.callback(self.pipeline.close)
                self.pipeline.stop()

    def _end_machines(self) -> None:
        for machine in self.machines:
            machine.guest.end()
        for kubelet, namespace in self._bystanders:
            kubelet.close()
            namespace.close()

    def _connect(self) -> None:
        self.host.ip(JOIN.format(inner="eth0", outer="host", path=self.router.path),
                     f"address add {HOST}/24 dev eth0", f"address add {HOST6}/64 dev eth0 nodad",
                     "link set eth0 up", "route add default via 10.90.0.254")
        self.router.ip("address add 10.90.0.254/24 dev host",
                       "address add fd90::fe/64 dev host nodad", "link set host up",
                       f"link add nodes address {GATEWAY_MAC} type bridge", "link set nodes up",
                       "address add 10.90.1.254/24 dev nodes",
                       "address add fd90:0:0:1::fe/64 dev nodes nodad")
        self.host.ip("route add ::/0 via fd90::fe")
        with self.router.inside():
            for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
                pathlib.Path("/proc/sys/net", name).write_text("1")

    def start(self, *correlator: str, **options) -> None:
        """The control plane knows lastgasp, and the three programs run."""
        manifests = pathlib.Path(__file__).parents[2] / "systemd" / "kubernetes"
        self.api.apply(*(manifests / f"{name}.yaml" for name in ("rbac", "ledger", "flowschema")))
        users = {user.removeprefix("lastgasp-"): self.api.kubeconfig(user) for user in LASTGASP}
        self.pipeline = Pipeline(self.folder, self.api, kubeconfigs=users, verify="probe",
                                 listen=HOST, actuator=(), correlator=correlator,
                                 metrics=self.pages.endpoint, **options).start()
        self.wire = Wire(self.router, "nodes", self.pipeline.port)
        self._open.callback(self.wire.close)
        for number in range(BYSTANDERS):
            self._add_bystander(f"bystander-{number}", f"10.90.1.{200 + number}")

    def _add_bystander(self, name: str, address: str) -> None:
        namespace = Namespace()
        namespace.ip(JOIN.format(inner="eth0", outer=name, path=self.router.path))
        self.router.ip(f"link set {name} master nodes", f"link set {name} up")
        namespace.ip(f"address add {address}/24 dev eth0", "link set eth0 up",
                     "route add default via 10.90.1.254")
        self._bystanders.append((Kubelet(namespace, address, PORT), namespace))
        self.kubelets.register(name, [address])

    def boot(self, name: str, kernel: pathlib.Path, more: str = "") -> Machine:
        """A machine that begins to boot; it is nobody's Node before its join(). MORE: shell that it
        runs when its netconsole is set up."""
        number, self._next = self._next, self._next + 1
        tap, address, address6 = f"tap{number}", f"10.90.1.{number}", f"fd90:0:0:1::{number}"
        self.router.ip(f"tuntap add dev {tap} mode tap", f"link set {tap} master nodes",
                       f"link set {tap} up")
        guest = Guest(self.folder / name, kernel, self.router, tap, {
            "etc/guest": f"NAME={name} ADDRESS={address} GATEWAY=10.90.1.254 "
                         f"ADDRESS6={address6} GATEWAY6=fd90:0:0:1::fe COLLECTOR={HOST}:{self.pipeline.port}\n",
            "etc/start": NETCONSOLE.format(address=address, port=self.pipeline.port, mac=GATEWAY_MAC)
                         + more})
        self.machines.append(Machine(self, name, guest, address, address6))
        return self.machines[-1]

    def wait_swept(self, *machines: Machine) -> None:
        """Until the correlator has had an answer of each of these."""
        self.pages.wait_for(PROBABLE, len(machines) + BYSTANDERS, 60)
