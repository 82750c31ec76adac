"""A TCP relay whose open connections can fall silent while new ones work: a dead peer behind a
load balancer, as its client sees it."""
import socket
import threading


class Freezer:
    def __init__(self, port: int):
        """Relays to PORT of this machine; .port is where clients connect."""
        self._target = port
        self._thawed: list[threading.Event] = []
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> int:
        """From now on nothing passes on the connections that are open; returns how many."""
        count = sum(thawed.is_set() for thawed in self._thawed)
        for thawed in self._thawed:
            thawed.clear()
        return count

    def _accept(self) -> None:
        try:
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                thawed = threading.Event()
                thawed.set()
                self._thawed.append(thawed)
                self._sockets += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=_relay, args=(source, sink, thawed),
                                     daemon=True).start()
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in (self._listener, *self._sockets):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
        for thawed in self._thawed:
            thawed.set()


def _relay(source: socket.socket, sink: socket.socket, thawed: threading.Event) -> None:
    try:
        while data := source.recv(65536):
            thawed.wait()
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass
