"""The demo's machines: network namespaces, each with an address and a kubelet's port that answers.

A machine whose link is down says nothing at all, as one whose kernel has panicked; a closed port
would not do, for a kernel that lives answers there with a reset.
"""
import socket
import subprocess

from tests.harness.namespaces import Namespace
from tests.harness.world import PORT, Kubelet

HOST = "10.66.0.254"  # lastgasp's side of each link


class Machine:
    def __init__(self, name: str, address: str):
        self.namespace = Namespace()
        subprocess.run(["ip", "link", "add", name, "type", "veth",
                        "peer", "name", "eth0", "netns", self.namespace.path], check=True)
        subprocess.run(["ip", "address", "add", HOST, "peer", address, "dev", name], check=True)
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
        self.namespace.ip(f"address add {address} peer {HOST} dev eth0", "link set eth0 up")
        self.kubelet = Kubelet(self.namespace, address, PORT)
        with self.namespace.inside():
            self._kernel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self, datagram: bytes, port: int) -> None:
        self._kernel.sendto(datagram, (HOST, port))

    def fall_silent(self) -> None:
        self.namespace.ip("link set eth0 down")

    def close(self) -> None:
        self._kernel.close()
        self.kubelet.close()
        self.namespace.close()
