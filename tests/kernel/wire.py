"""What really passes on the nodes' network: UDP datagrams to some ports, as they left nodes."""
import dataclasses
import socket
import struct
import threading
import time

from tests.harness.namespaces import Namespace
from tests.harness.programs import wait_until

ETH_P_ALL = 3
IPV4, IPV6 = 0x0800, 0x86DD
UDP = 17


@dataclasses.dataclass
class Datagram:
    at: float  # seconds since 1970
    to: str  # the MAC
    source: str
    port: int
    data: bytes


def parse(frame: bytes, ports: tuple[int, ...]) -> Datagram | None:
    kind, = struct.unpack_from("!H", frame, 12)
    if kind not in (IPV4, IPV6):
        return None
    packet = frame[14:]
    if kind == IPV4:
        protocol, size = packet[9], (packet[0] & 15) * 4
        family, addresses = socket.AF_INET, (12, 16)
    else:
        protocol, size = packet[6], 40
        family, addresses = socket.AF_INET6, (8, 24)
    if protocol != UDP:
        return None
    _, to, length, _ = struct.unpack_from("!4H", packet, size)
    if to not in ports:
        return None
    return Datagram(time.time(), frame[:6].hex(":"),
                    socket.inet_ntop(family, packet[addresses[0]:addresses[1]]), to,
                    packet[size + 8:size + length])


class Wire:
    def __init__(self, namespace: Namespace, device: str, *ports: int):
        self.datagrams: list[Datagram] = []
        self._ports = ports
        with namespace.inside():
            self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        self._sock.bind((device, ETH_P_ALL))
        self._sock.settimeout(0.2)
        self._ended = False
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        while not self._ended:
            try:
                frame = self._sock.recv(65536)
            except TimeoutError:
                continue
            datagram = parse(frame, self._ports)
            if datagram:
                self.datagrams.append(datagram)

    def seen(self, text: str, *sources: str) -> list[Datagram]:
        """Of these addresses, those with TEXT in them."""
        return [datagram for datagram in self.datagrams
                if datagram.source in sources and text.encode() in datagram.data]

    def wait_for(self, text: str, *sources: str, seconds: float = 10) -> Datagram:
        return wait_until(lambda: self.seen(text, *sources), seconds,
                          f"{text!r} from {sources} on the wire")[0]

    def close(self) -> None:
        self._ended = True
        self._thread.join(5)
        self._sock.close()
