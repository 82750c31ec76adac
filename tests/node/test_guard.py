"""Programs of the node, and those behind it, cannot send to the collectors' port."""
import subprocess
import sys

from tests.node.node import ip

SEND = ("import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
        "try: s.sendto(b'x',('10.9.0.1',int(sys.argv[1])))\nexcept PermissionError: pass")


def send(namespace: str, port: int) -> None:
    subprocess.run(["ip", "netns", "exec", namespace, sys.executable, "-c", SEND, str(port)],
                   check=True)


def heard(node, sender: str) -> list[int]:
    """The ports at which the collector heard SENDER, who sent to both."""
    listen = ("import socket\nfor p in (6666,6667):\n s=socket.socket(socket.AF_INET,"
              "socket.SOCK_DGRAM); s.bind(('10.9.0.1',p)); globals()['s%d'%p]=s\n"
              "print('up',flush=True); input()\n"
              "for p in (6666,6667):\n s=globals()['s%d'%p]; s.settimeout(0.3)\n"
              " try: s.recv(9); print(p)\n except TimeoutError: pass")
    with subprocess.Popen(["ip", "netns", "exec", node.gateway, sys.executable, "-c", listen],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout.readline() == "up\n"
        for port in (6666, 6667):
            send(sender, port)
        return [int(port) for port in listener.communicate("\n", timeout=10)[0].split()]


def test_the_nodes_own_programs(node):
    assert heard(node, node.name) == [6666, 6667]
    node.start()
    assert heard(node, node.name) == [6667]
    node.stop()
    assert heard(node, node.name) == [6666, 6667]


def test_a_pod_behind_it(node):
    pod = node.name + "p"
    ip("netns", "add", pod)
    try:
        ip("-n", node.name, "link", "add", "pod0", "type", "veth", "peer", "name", "eth0", "netns",
           pod)
        ip("-n", node.name, "address", "add", "10.5.0.1/24", "dev", "pod0")
        ip("-n", node.name, "link", "set", "pod0", "up")
        ip("-n", pod, "address", "add", "10.5.0.2/24", "dev", "eth0")
        ip("-n", pod, "link", "set", "eth0", "up")
        ip("-n", pod, "route", "add", "default", "via", "10.5.0.1")
        ip("-n", node.gateway, "route", "add", "10.5.0.0/24", "via", "10.1.0.2")
        subprocess.run(["ip", "netns", "exec", node.name, "sh", "-c",
                        "echo 1 >/proc/sys/net/ipv4/ip_forward"], check=True)
        assert heard(node, pod) == [6666, 6667]
        node.start()
        assert heard(node, pod) == [6667]
    finally:
        ip("netns", "delete", pod)
