"""A small world in which a machine can really fall silent.

Our host, a router, and each machine are network namespaces:

    host 10.90.0.1 --- router --- one bridge a subnet, 10.90.1.0/24 and so on --- machines

A World is entered: from then on the calling thread is in the host's namespace, so that the API
server and the three programs that it starts are there, too, and talk over its loopback device.
A machine's kubelet is a socket that really listens in the machine's namespace.  Its Lease moves
while it lives; kubelets reach the API server by a way of their own, so a broken link between our
host and a machine stops no Lease.
"""
import contextlib
import pathlib
import socket
import threading

from tests.apiserver.apiserver import ApiServer
from tests.harness import captures, ledger
from tests.harness.fleet import Fleet, Node
from tests.harness.namespaces import Namespace
from tests.harness.pipeline import PANIC, Pipeline
from tests.harness.programs import wait_until

HOST = "10.90.0.1"
PORT = 10250
NODE_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
SETTLE_SECONDS = 3  # of the correlator, by default
LEASE_SECONDS = 4
RENEW_SECONDS = 0.5
# Of a Lease of that length: 1.25 renewal intervals, which are a quarter of it, and 2 s.
LAPSED_SECONDS = 1.25 * LEASE_SECONDS / 4 + 2
SET = "node.titus.netflix.com/lastgasp-set"
IP_TRANSPARENT = 19
JOIN = "link add {inner} type veth peer name {outer} netns {path}"


class Kubelet:
    """Listens in a namespace; whoever connects is accepted, counted and closed."""

    def __init__(self, namespace: Namespace, address: str, port: int):
        self.asked = 0
        with namespace.inside():
            self._sock = socket.create_server((address, port), backlog=64)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._sock.accept()
                self.asked += 1
                connection.close()

    def close(self) -> None:
        """From now on the kernel answers with resets."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._sock.close()


class Machine:
    """A node: its Node object, its namespace, and its kubelet."""

    def __init__(self, world: "World", node: Node, gateway: str, port: int):
        self.world, self.node, self.gateway, self.port = world, node, gateway, port
        self.namespace = Namespace()
        self.is_renewing = True

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def address(self) -> str:
        return self.node.address

    def connect(self, bridge: str) -> None:
        outer = f"veth-{self.name}"[:15]
        self.namespace.ip(JOIN.format(inner="eth0", outer=outer, path=self.world.router.path))
        self.world.router.ip(f"link set {outer} master {bridge}", f"link set {outer} up")
        self.namespace.ip(f"address add {self.address}/24 dev eth0")
        self._link_up()
        self.kubelet = Kubelet(self.namespace, self.address, self.port)

    def _link_up(self) -> None:
        self.namespace.ip("link set eth0 up", f"route replace default via {self.gateway}")

    # What happens to it.

    def forge(self, capture: str = PANIC, by: "Machine | None" = None) -> None:
        """The datagrams of a panic, and nothing more: from a pod that the machine masquerades, or
        BY another machine, which writes this one's address into its packets."""
        self.send([data for _, data in captures.datagrams(capture)], by)

    def send(self, datagrams: list[bytes], by: "Machine | None" = None) -> None:
        """To the listener, from this machine's address."""
        with (by or self).namespace.inside():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sock:
            sock.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
            sock.bind((self.address, 0))
            for data in datagrams:
                sock.sendto(data, (HOST, self.world.pipeline.port))

    def die(self) -> None:
        """Its link is down, and its Lease moves no more."""
        self.namespace.ip("link set eth0 down")
        self.stop_renewing()

    def panic(self, capture: str = PANIC) -> None:
        self.forge(capture)
        self.die()

    def reboot(self, boot: str) -> None:
        """It comes back as another boot."""
        def change(obj: dict) -> None:
            obj["status"]["nodeInfo"]["bootID"] = boot
        self.node = self.world.fleet.change(self.node, change)
        self.revive()

    def revive(self) -> None:
        self._link_up()
        self.is_renewing = True
        self.world.renew()

    def stop_renewing(self) -> None:
        self.is_renewing = False
        self.world.renew()

    def stop_kubelet(self) -> None:
        """The machine lives: its kernel answers with resets."""
        self.kubelet.close()

    def filter_syns(self, on: bool = True) -> None:
        """A rule of its own firewall drops new connections to the kubelet."""
        self.namespace.run("nft", "-f", "-", given=f"""
            table inet lost {{ chain input {{ type filter hook input priority 0;
                tcp dport {self.port} tcp flags & (syn | ack) == syn drop; }}; }}
            """ if on else "delete table inet lost")

    def cut(self) -> None:
        """What our host sends to it is lost on the way."""
        self.world.router.ip(f"route add blackhole {self.address}/32")

    def heal(self) -> None:
        self.world.router.ip(f"route delete blackhole {self.address}/32")

    # What became of it.

    @property
    def exists(self) -> bool:
        return self.world.api.exists(self.node.path)

    def object(self) -> dict:
        return self.world.api.get(self.node.path)

    def pods(self) -> list[dict]:
        """Without those that go only with their Node."""
        return [pod for pod in self.world.fleet.pods(self.node)
                if pod["metadata"]["ownerReferences"][0]["kind"] != "DaemonSet"]

    def is_marked(self) -> bool:
        obj = self.object()
        return SET in obj["metadata"]["annotations"] or obj["spec"].get("unschedulable", False)

    def writes(self) -> list:
        """Whatever lastgasp wrote about it: requests by the audit log, and Events."""
        return self.world.fleet.writes(self.node) + self.world.fleet.events(self.node)

    def incidents(self) -> list[dict]:
        return self.world.pipeline.incidents(self.node)

    def outcome(self, seconds: float = 30) -> str:
        """Of its one incident, as soon as there is one."""
        wait_until(lambda: [row for row in self.incidents() if row["outcome"]], seconds,
                   f"an outcome of {self.name}")
        (incident,) = self.incidents()
        return incident["outcome"]


class World:
    def __init__(self, folder: pathlib.Path, lease_seconds: int = LEASE_SECONDS,
                 renew_seconds: float = RENEW_SECONDS):
        """Leases are renewed twice as often as kubelets do it for their length, if not said."""
        self.folder = folder
        self.lease_seconds, self.renew_seconds = lease_seconds, renew_seconds
        self.machines: list[Machine] = []
        self.pipeline: Pipeline | None = None
        self._subnets: list[str] = []
        self._open = contextlib.ExitStack()

    def __enter__(self) -> "World":
        with contextlib.ExitStack() as undo:
            self._open = undo
            self.host, self.router = Namespace(), Namespace()
            undo.callback(self.host.close)
            undo.callback(self.router.close)
            self._connect_host()
            undo.enter_context(self.host.inside())
            self.api = undo.enter_context(ApiServer("--bookmark-every=1s"))
            ledger.load(self.api)
            self.fleet = Fleet(self.api)
            undo.callback(self._end_machines)
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
            machine.kubelet.close()
            machine.namespace.close()

    def _connect_host(self) -> None:
        self.host.ip(JOIN.format(inner="eth0", outer="host", path=self.router.path),
                     f"address add {HOST}/24 dev eth0")
        self.router.ip("address add 10.90.0.254/24 dev host", "link set host up")
        with self.router.inside():
            pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
            pathlib.Path("/proc/sys/net/ipv4/conf/all/rp_filter").write_text("0")
        self.plug()

    def _bridge(self, subnet: str) -> tuple[str, int]:
        """The bridge and number of a subnet, which is made when it is new."""
        bridge = f"net-{subnet}"
        if subnet not in self._subnets:
            self._subnets.append(subnet)
            self.router.ip(f"link add {bridge} type bridge", f"link set {bridge} up",
                           f"address add 10.90.{len(self._subnets)}.254/24 dev {bridge}")
            with self.router.inside():
                pathlib.Path(f"/proc/sys/net/ipv4/conf/{bridge}/rp_filter").write_text("0")
        return bridge, self._subnets.index(subnet) + 1

    def add(self, zone: str = "a", pods: int = 4, subnet: str | None = None,
            port: int = PORT) -> Machine:
        """A machine that lives and renews its Lease; a zone is one subnet unless it is said."""
        bridge, number = self._bridge(subnet or zone)
        node = self.fleet.add(pods=pods, addresses=[f"10.90.{number}.0/24"], kubeletPort=port)
        label = {"topology.kubernetes.io/zone": f"zone-{zone}"}
        self.api.patch(node.path, {"metadata": {"labels": label}})
        self.api.patch(f"{NODE_LEASES}/{node.name}",
                       {"spec": {"leaseDurationSeconds": self.lease_seconds}},
                       "application/merge-patch+json")
        machine = Machine(self, node, f"10.90.{number}.254", port)
        machine.connect(bridge)
        self.machines.append(machine)
        return machine

    def add_many(self, count: int, zone: str = "a", **options) -> list[Machine]:
        return [self.add(zone, **options) for _ in range(count)]

    def renew(self) -> None:
        """From now on the Leases of those move that renew them."""
        self.api.renew(self.renew_seconds, [m.name for m in self.machines if not m.is_renewing])

    def start(self, *correlator: str, actuator: tuple[str, ...] = (), **options) -> Pipeline:
        """The three programs; returns when each kubelet that can be reached has been asked once."""
        self.renew()
        self.pipeline = Pipeline(self.folder, self.api, verify="probe", listen=HOST,
                                 correlator=("--evidence=1s", *correlator), actuator=actuator,
                                 **options).start()
        return self.pipeline

    def wait_swept(self, *machines: Machine) -> None:
        """Until the correlator has had an answer of each of these, or of all."""
        for machine in machines or self.machines:
            wait_until(lambda machine=machine: machine.kubelet.asked, 20,
                       f"a first answer of {machine.name}")

    # What happens to the network.

    def unplug(self) -> None:
        """Our host's own link is down."""
        self.host.ip("link set eth0 down")

    def plug(self) -> None:
        self.host.ip("link set eth0 up", "route replace default via 10.90.0.254")

    def _halves(self, subnet: str) -> list[str]:
        number = self._subnets.index(subnet) + 1
        return [f"10.90.{number}.0/25", f"10.90.{number}.128/25"]

    def cut(self, subnet: str) -> None:
        """What our host sends into that subnet is lost on the way, without a word."""
        self.router.ip(*(f"route add blackhole {half}" for half in self._halves(subnet)))

    def heal(self, subnet: str) -> None:
        self.router.ip(*(f"route delete blackhole {half}" for half in self._halves(subnet)))

    def answer_for(self, machine: Machine) -> Kubelet:
        """A proxy on the way takes the machine's address for its own."""
        self.router.ip(f"address add {machine.address}/32 dev lo")
        return Kubelet(self.router, machine.address, machine.port)

    # What lastgasp did.

    def deletes(self) -> list[dict]:
        return [line for line in self.fleet.writes() if line["verb"] == "delete"]

    def writes(self) -> list[dict]:
        """Without those to the ledger."""
        return [line for line in self.fleet.writes() if line["objectRef"]["resource"] != "leases"]
