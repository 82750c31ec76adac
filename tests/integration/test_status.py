"""STATUS=: what `systemctl status` shows of each stage, in words useful to whoever runs it."""
import re
import socket

import pytest

from tests.harness.hosts import Cluster, Host
from tests.harness.programs import Program, run, wait_until

STAGES = {"actuator": "mode ", "correlator": "kubelet ports", "listener": "addresses are Nodes'"}


class Notified:
    """Listens where systemd would; the last status of each stage."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(path))
        self.sock.setblocking(False)
        self.last: dict[str, str] = {}

    def _read(self) -> None:
        try:
            while True:
                status = self.sock.recv(4096).decode().removeprefix("STATUS=")
                for stage, words in STAGES.items():
                    if words in status:
                        self.last[stage] = status
        except BlockingIOError:
            pass

    def wait_for(self, stage: str, pattern: str, seconds: float = 15) -> str:
        def find():
            self._read()
            return re.search(pattern, self.last.get(stage, ""))
        wait_until(find, seconds, f"{stage} saying {pattern!r}; the last words: {self.last}")
        return self.last[stage]


@pytest.fixture
def notified(tmp_path, monkeypatch):
    path = tmp_path / "notify"
    made = Notified(path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    yield made
    made.sock.close()


def test_each_stage_says_what_it_does_and_who_is_missing(make_pipeline, fleet, notified):
    for _ in range(3):
        fleet.add(pods=1, kubeletPort=10250)
    pipeline = make_pipeline(verify="probe", limits=()).start()
    notified.wait_for("listener",
                      r"^reading, \d+ addresses are Nodes', 0 .* correlator connected$")
    notified.wait_for("correlator", r"^watches 3 nodes; 3 of 3 kubelet ports answer; judges 0 nodes,"
                      r" probes 0 of open incidents; 0 panics held; 0 not acknowledged;"
                      r" actuator connected$")
    notified.wait_for("actuator", r"^mode node: acts; 0 Nodes touched lately, the limits allow 2"
                      r" more; 0 incidents open, 0 of them held; the correlator is there; ")
    pipeline.stop("correlator")
    notified.wait_for("listener", "correlator AWAY$")
    notified.wait_for("actuator", "NO CORRELATOR is connected")


def test_a_correlator_without_nodes_or_actuator_says_so(api, tmp_path, notified):
    api.away()
    with Program("lastgasp-correlator", f"--socket={tmp_path}/c.sock", f"--to={tmp_path}/a.sock",
                 f"--kubeconfig={api.kubeconfig('correlator')}", folder=tmp_path):
        notified.wait_for("correlator",
                          "^NO LIST OF NODES yet, so judges nothing; .* actuator AWAY$")


def test_an_actuator_says_what_stops_it_and_what_waits(api, fleet, tmp_path, notified):
    cluster = Cluster(api, fleet, living=5)
    host = Host(tmp_path, api, limits=("--limit=2/10m",))
    try:
        notified.wait_for("actuator", "the limits allow 2 more")
        node = cluster.add(pods=1)
        host.prober.panicked(node)
        notified.wait_for("actuator", "1 Nodes touched lately, the limits allow 1 more; 1 incidents "
                          "open, 1 of them held")
        run("lastgasp-incidents", "pause", f"--control={host.control}")
        notified.wait_for("actuator", "^mode node: acts, PAUSED; ")
        run("lastgasp-incidents", "resume", f"--control={host.control}")
        notified.wait_for("actuator", "^mode node: acts; ")
    finally:
        host.stop()


@pytest.mark.parametrize("options, words", [
    (("--mode=observe",), "^mode observe: writes nothing; "),
    (("--mode=node", "--dry-run=local"), r"^mode node \(dry run\): writes nothing; ")])
def test_an_actuator_that_writes_nothing_says_so(api, tmp_path, notified, options, words):
    (tmp_path / "state").mkdir()
    with Program("lastgasp-actuator", f"--socket={tmp_path}/a.sock", f"--state={tmp_path}/state",
                 f"--kubeconfig={api.kubeconfig('actuator')}", *options, folder=tmp_path):
        notified.wait_for("actuator", words)
