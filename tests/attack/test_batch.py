"""kill -9 while the only trace of a panic is the batch in the listener's pending file."""
import os
import pathlib
import signal
import socket

import pytest

from tests.harness.edges import Server
from tests.harness.programs import Program, free_udp_port, wait_until

TOKEN = "0123456789abcdef"
NODE = "127.9.0.1"


class Listener:
    def __init__(self, folder: pathlib.Path, *arguments: str):
        self.folder, self.port = folder, free_udp_port()
        self.arguments = (f"--listen=127.0.0.1:{self.port}", f"--to={folder / 'correlator.sock'}",
                          f"--pending={folder / 'pending'}", *arguments)

    def start(self, wrapper=()) -> Program:
        program = Program("lastgasp-listener", *self.arguments, folder=self.folder,
                          wrapper=wrapper)
        program.wait_for("listening on")
        return program

    def send(self, *datagrams: bytes) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((NODE, 0))
            for datagram in datagrams:
                sock.sendto(datagram, ("127.0.0.1", self.port))

    def has_read_all(self) -> bool:
        """What is left in the kernel's queue dies with a socket that nobody else holds."""
        with open("/proc/net/udp", encoding="ascii") as file:
            queues = [line.split()[4] for line in file if f":{self.port:04X} " in line]
        return queues == ["00000000:00000000"]


def child_of(pid: int) -> int:
    return int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@pytest.mark.parametrize("line", [b"[    5.000000] Kernel panic - not syncing: x\n",
                                  b"0,9,5000000,-;Kernel panic - not syncing: x\n"],
                         ids=["basic", "extended"])
def test_what_was_received_and_not_handled_is_handled_after_a_kill(tmp_path, line):
    listener = Listener(tmp_path)
    trace = tmp_path / "trace"
    strace = listener.start(("strace", "-f", "-o", str(trace), "-e", "trace=recvmmsg", "-e",
                             "inject=recvmmsg:delay_exit=60000000"))
    try:
        listener.send(line)
        wait_until(lambda: "DELAYED" in trace.read_text(), what="recvmmsg having returned")
        os.kill(child_of(strace.pid), signal.SIGKILL)
    finally:
        strace.kill()  # which would sit out the delay
    assert "panic of" not in strace.log()
    with Server(tmp_path / "correlator.sock", "correlator") as correlator, listener.start():
        (panic,) = correlator.wait_for("panic")
        assert (panic["source"], panic["reason"]) == (NODE, "x")


BODY = f"Kernel panic - not syncing: x\n node=worker-1\n token={TOKEN}\n".encode()
CUTS = [0, 43, 56, len(BODY)]  # in the node's name, and in the token
FRAGMENTS = [b"0,9,5000000,-,ncfrag=%d/%d;" % (start, len(BODY)) + BODY[start:end]
             for start, end in zip(CUTS, CUTS[1:])]


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_panic_that_waits_for_its_token_is_whole_after_a_kill(tmp_path, before):
    tokens = tmp_path / "tokens"
    tokens.touch(0o600)
    tokens.write_text(f"worker-1 {TOKEN}\n")
    listener = Listener(tmp_path, f"--require-token={tokens}")
    with Server(tmp_path / "correlator.sock", "correlator") as correlator:
        killed = listener.start()
        for fragment in FRAGMENTS[:before]:
            listener.send(fragment)
            wait_until(listener.has_read_all, what="the fragment being read")
        killed.kill()
        with listener.start():
            listener.send(*FRAGMENTS[before:])
            (panic,) = correlator.wait_for("panic")
        assert panic["userdata"] == {"node": "worker-1"}
        assert TOKEN not in killed.log() + str(correlator.of("panic") + correlator.of("trace"))
    assert TOKEN.encode() not in b"".join(
        path.read_bytes() for path in tmp_path.glob("*.log"))
