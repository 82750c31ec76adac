"""What the correlator serves over HTTP, read as Prometheus and as a person would."""
import http.client
import json
import re
import socket
import subprocess

from tests.harness.programs import wait_until

SAMPLE = re.compile(r"(\w+(?:\{[^}]*\})?) (\S+)")


def free_tcp_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Pages:
    """The pages of the correlator that was started with --metrics=PAGES.endpoint."""

    def __init__(self):
        self.port = free_tcp_port()
        self.endpoint = f"127.0.0.1:{self.port}"

    def request(self, path: str, method: str = "GET", body: bytes | None = None) \
            -> tuple[http.client.HTTPResponse, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response, response.read().decode()
        finally:
            connection.close()

    def raw(self, data: bytes) -> bytes:
        """What comes back for these bytes until the connection ends."""
        with self.connect() as sock:
            sock.sendall(data)
            return b"".join(iter(lambda: sock.recv(65536), b""))

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def text(self) -> str:
        response, text = self.request("/metrics")
        assert response.status == 200
        return text

    def samples(self) -> dict[str, float]:
        """By name and labels, as they are written."""
        lines = [line for line in self.text().splitlines() if not line.startswith("#")]
        samples = dict(SAMPLE.fullmatch(line).groups() for line in lines)
        assert len(samples) == len(lines), "a sample comes twice"
        return {name: float(value) for name, value in samples.items()}

    def wait_for(self, name: str, value: float, seconds: float = 15) -> dict[str, float]:
        """The samples, once NAME is VALUE among them; None: it is not there any more."""
        def there():
            samples = self._try()
            return samples if samples and samples.get(name) == value else None
        return wait_until(there, seconds, f"{name} {value}")

    def _try(self) -> dict[str, float] | None:
        try:
            return self.samples()
        except ConnectionRefusedError:
            return None

    def nodes(self) -> tuple[dict[str, dict], dict]:
        """What is said of each Node, by name, and the sums."""
        response, text = self.request("/nodes")
        assert response.status == 200
        *lines, sums = [json.loads(line) for line in text.splitlines()]
        nodes = {line["node"]: line for line in lines}
        assert len(nodes) == len(lines), "a Node comes twice"
        return nodes, sums


def check(promtool: str, *arguments: str, given: str | None = None) -> None:
    """Fails with what promtool complains of."""
    done = subprocess.run([promtool, *arguments], input=given, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0 and "error" not in done.stderr, done.stdout + done.stderr
