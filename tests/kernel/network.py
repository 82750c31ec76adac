"""The network of guests: our host, a router, and a bridge.

    host 10.90.0.1 --- router --- a bridge, 10.90.1.0/24 --- guests

and the same in IPv6, fd90:: and fd90:0:0:1::.  A Network is entered: from then on the calling
thread is in the host's namespace.
"""
import contextlib
import pathlib

from guest import HOLE, HOLE_SIZE, Guest
from tests.harness.namespaces import Namespace
from tests.harness.world import JOIN

HOST, HOST6 = "10.90.0.1", "fd90::1"
GATEWAY, GATEWAY6 = "10.90.1.254", "fd90:0:0:1::fe"
GATEWAY_MAC = "02:66:00:00:00:01"
FIRST = 10  # number of the first guest's tap and the last part of its addresses
# Shell of a guest's: its network is on a device above its card.
ABOVE = {
    "": "",
    "bridge": """modprobe bridge
device=br0
ip link add br0 type bridge
ip link set eth0 master br0
""",
    "bond": """modprobe bonding max_bonds=0
device=bond0
ip link add bond0 type bond mode active-backup miimon 100
ip link set eth0 down
ip link set eth0 master bond0
"""}
MOVE = """ip address flush dev eth0
ip link set $device up
ip address add $ADDRESS/24 dev $device
ip route replace default via $GATEWAY
ip address add $ADDRESS6/64 dev $device nodad
ip -6 route replace default via $GATEWAY6
"""
# What a guest needs whose last words and whose sending side's memory are to outlive a panic.
PSTORE = f"""modprobe ramoops mem_address={HOLE} mem_size={HOLE_SIZE} record_size=65536
mount -t pstore pstore /sys/fs/pstore
modprobe virtio_blk
until [ -e /dev/vda ]; do sleep 0.1; done
tar -xf /dev/vda 2>/dev/null
"""
REMEMBER = "tar -cf /dev/vda var/lib/lastgasp-netconsole\n"
# A target of a guest's netconsole.
TARGET = """modprobe netconsole
target=/sys/kernel/config/netconsole/to-{port}
mkdir $target
echo eth0 >$target/dev_name
echo $ADDRESS >$target/local_ip
echo {remote} >$target/remote_ip
echo {port} >$target/remote_port
echo {mac} >$target/remote_mac
echo {extended} >$target/extended
[ {release} = 0 ] || echo 1 >$target/release
echo 1 >$target/enabled
"""


def target(port: int, extended: bool = True, release: bool = False) -> str:
    """Shell of a guest's: its netconsole sends to that port of our host, too."""
    return TARGET.format(remote=HOST, port=port, mac=GATEWAY_MAC, extended=int(extended),
                         release=int(release))


class Network:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.guests: list[Guest] = []
        self._open = contextlib.ExitStack()

    def __enter__(self) -> "Network":
        with contextlib.ExitStack() as undo:
            self.host, self.router = Namespace(), Namespace()
            undo.callback(self.host.close)
            undo.callback(self.router.close)
            self._connect()
            undo.enter_context(self.host.inside())
            undo.callback(self._end_guests)
            self._open = undo.pop_all()
        return self

    def __exit__(self, *_) -> None:
        self._open.close()

    def _end_guests(self) -> None:
        for guest in self.guests:
            guest.end()

    def _connect(self) -> None:
        self.host.ip(JOIN.format(inner="eth0", outer="host", path=self.router.path),
                     f"address add {HOST}/24 dev eth0", f"address add {HOST6}/64 dev eth0 nodad",
                     "link set eth0 up", "route add default via 10.90.0.254",
                     "route add ::/0 via fd90::fe")
        self.router.ip("address add 10.90.0.254/24 dev host",
                       "address add fd90::fe/64 dev host nodad", "link set host up",
                       f"link add nodes address {GATEWAY_MAC} type bridge",
                       "link set nodes promisc on up",  # a Wire sees what goes elsewhere, too
                       f"address add {GATEWAY}/24 dev nodes",
                       f"address add {GATEWAY6}/64 dev nodes nodad")
        with self.router.inside():
            for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding",
                         "ipv4/conf/nodes/arp_notify", "ipv6/conf/nodes/ndisc_notify"):
                pathlib.Path("/proc/sys/net", name).write_text("1")

    def boot(self, name: str, kernel: pathlib.Path, start: str, settings: str = "",
             files: dict[str, pathlib.Path | str] | None = None, above: str = "") -> Guest:
        """A guest that begins to boot. START: shell that it runs when its network is up, with these
        SETTINGS besides its addresses. FILES: as Guest has them. ABOVE: of ABOVE."""
        number = FIRST + len(self.guests)
        address, address6, tap = f"10.90.1.{number}", f"fd90:0:0:1::{number}", f"tap{number}"
        self.router.ip(f"tuntap add dev {tap} mode tap", f"link set {tap} master nodes",
                       f"link set {tap} up")
        self.guests.append(Guest(self.folder / name, kernel, self.router, tap, {
            "etc/start": ABOVE[above] + (MOVE if above else "") + start,
            "etc/guest": f"ADDRESS={address} GATEWAY={GATEWAY} "
                         f"ADDRESS6={address6} GATEWAY6={GATEWAY6} {settings}\n",
            **(files or {})}))
        self.guests[-1].address, self.guests[-1].address6 = address, address6
        return self.guests[-1]

    def change_gateway(self, mac: str) -> None:
        """Another router takes the gateway's addresses over, and tells the network so."""
        self.router.ip(f"link set nodes address {mac}")

    def plug(self, namespace: Namespace, name: str, address: str) -> None:
        """Connects a namespace to the bridge."""
        namespace.ip(JOIN.format(inner="eth0", outer=name, path=self.router.path))
        self.router.ip(f"link set {name} master nodes", f"link set {name} up")
        namespace.ip(f"address add {address}/24 dev eth0", "link set eth0 up",
                     f"route add default via {GATEWAY}")
