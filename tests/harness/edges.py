"""Stand-ins for a stage at either end of a socket: real SEQPACKET sockets, records as dicts."""
import contextlib
import json
import os
import pathlib
import socket
import threading
import time

from tests.harness.programs import wait_until

PACKET_MAX = 65536
ACKNOWLEDGED = ("panic", "halt", "drill", "late", "intent", "retract")


def encode(*records: dict) -> bytes:
    return b"".join(json.dumps({"v": 1, **record}).encode() + b"\n" for record in records)


def decode(packet: bytes) -> list[dict]:
    return [json.loads(line) for line in packet.splitlines()]


class Connection:
    """One end of an edge; a thread reads, so that .received only grows."""

    def __init__(self, sock: socket.socket, on_record=None):
        self.sock = sock
        self.received: list[dict] = []
        self.closed = threading.Event()
        self._on_record = on_record
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while packet := self.sock.recv(PACKET_MAX + 1):
                now = time.time()
                for record in decode(packet):
                    record["_at"] = now
                    if self._on_record:
                        self._on_record(self, record)
                    self.received.append(record)
        except OSError:
            pass
        self.closed.set()

    def send(self, *records: dict) -> None:
        self.send_raw(encode(*records))

    def send_raw(self, packet: bytes) -> None:
        self.sock.sendall(packet)

    def of(self, kind: str) -> list[dict]:
        return [record for record in list(self.received) if record["type"] == kind]

    def wait_for(self, kind: str, count: int = 1, seconds: float = 10.0, **fields) -> list[dict]:
        def find():
            found = [record for record in self.of(kind)
                     if all(record.get(name) == value for name, value in fields.items())]
            return found if len(found) >= count else None
        return wait_until(find, seconds, f"{count} {kind} {fields or ''}; there are: "
                          + str([r for r in self.received if r["type"] != "sources"])[:2000])

    def close(self) -> None:
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(5)
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _try_to_connect(path: pathlib.Path) -> socket.socket | None:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        sock.connect(str(path))
        return sock
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        return None


def connect(path: pathlib.Path, role: str, hello: bool = True, on_record=None) -> Connection:
    """Plays the upstream stage, as soon as the downstream one is there."""
    sock = wait_until(lambda: _try_to_connect(path), what=f"somebody answering on {path}")
    connection = Connection(sock, on_record)
    if hello:
        connection.send({"type": "hello", "min_v": 1, "role": role, "version": "test"})
    return connection


class Server:
    """Plays the downstream stage: accepts, says hello, and acknowledges what must be, or answers
    each record by on_record(connection, record)."""

    def __init__(self, path: pathlib.Path, role: str, acknowledge: bool = True, hello: bool = True,
                 on_record=None):
        self.path, self.role, self.acknowledge, self.hello = path, role, acknowledge, hello
        self.on_record = on_record
        self.connections: list[Connection] = []
        if path.exists():
            os.unlink(path)
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._sock.bind(str(path))
        self._sock.listen(16)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        try:
            while True:
                sock, _ = self._sock.accept()
                connection = Connection(sock, self._on_record)
                if self.hello:
                    with contextlib.suppress(OSError):  # whoever connected was killed meanwhile
                        connection.send({"type": "hello", "min_v": 1, "role": self.role,
                                         "version": "test"})
                self.connections.append(connection)
        except OSError:
            pass

    def _on_record(self, connection: Connection, record: dict) -> None:
        if self.on_record:
            self.on_record(connection, record)
        elif self.acknowledge and record["type"] in ACKNOWLEDGED:
            connection.send({"type": "ack", "of": record["type"], "id": record["id"]})

    def of(self, kind: str) -> list[dict]:
        return [record for connection in list(self.connections) for record in connection.of(kind)]

    def wait_for(self, kind: str, count: int = 1, seconds: float = 10.0, **fields) -> list[dict]:
        def find():
            found = [record for record in self.of(kind)
                     if all(record.get(name) == value for name, value in fields.items())]
            return found if len(found) >= count else None
        return wait_until(find, seconds, f"{count} {kind} {fields or ''}; there are: "
                          + str([r for c in self.connections for r in c.received])[:2000])

    def wait_connected(self, seconds: float = 10.0) -> Connection:
        wait_until(lambda: self.connections, seconds, f"a connection to {self.path}")
        return self.connections[-1]

    def close(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._sock.close()
        self._thread.join(5)
        for connection in self.connections:
            connection.close()
        if self.path.exists():
            os.unlink(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
