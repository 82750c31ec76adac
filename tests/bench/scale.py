"""100,000 Nodes: 10,000 of them panic within a second, and more while the API server is away.

The real programs beside the simulated API server, in a network namespace in which every address of
127.0.0.0/8 answers as a kubelet until it is dead.  Unlike the other benchmarks this one fails when
what it shows is not so: that no Node's panic is lost.
"""
import contextlib
import dataclasses
import ipaddress
import pathlib
import socket
import sqlite3
import struct
import tempfile
import threading
import time

from tests.apiserver.apiserver import ApiServer
from tests.bench.idle_memory import STAGES, memory_kb
from tests.bench.report import Row, say, table_of, tell
from tests.harness import captures, ledger
from tests.harness.crowd import PORT, Kubelets, cpu_seconds
from tests.harness.metrics import Pages
from tests.harness.namespaces import Namespace
from tests.harness.pipeline import Pipeline
from tests.harness.programs import wait_until

ROUNDS, TINY_ROUNDS = 1, 1
NODE_BYTES = 2_000
FIRST = "127.64.0.0"
NETWORKS = [f"{FIRST}/10", "fd00:10::/64"]  # each Node has an address of both
ZONES = 9  # of the Nodes that live
CAPTURE = "6.12/cfgbasic-sysrqc"  # 37 datagrams
PANIC = [b"[    5.000000] Kernel panic - not syncing: Fatal exception\n"]
LIMIT = 20  # Nodes within ten minutes, unless told otherwise
IP_PKTINFO = 8  # linux/in.h
STALE_S = 60  # without a watch the map of Nodes is not relied on any more
QUEUE = "bytes in the kernel's queue"
PANICS_OPEN = "lastgasp_correlator_panics_open"
SLOTS_USED = 'lastgasp_listener_node_slots_used{listener="0"}'
WAITS = ["incidents", "with the correlator", "listener's slots", QUEUE]
DROPPED = ['lastgasp_listener_queue_drops_total{listener="0"}',
           'lastgasp_listener_addresses_refused_total{listener="0"}',
           'lastgasp_listener_node_panics_replaced_total{listener="0"}',
           'lastgasp_listener_sources_displaced_total{listener="0"}',
           'lastgasp_listener_traces_lost_total{listener="0"}',
           'lastgasp_downstream_records_dropped_total{stage="listener",listener="0"}',
           'lastgasp_downstream_records_dropped_total{stage="correlator"}',
           'lastgasp_upstream_dropped_total{stage="actuator"}']
LOSS = [QUEUE, SLOTS_USED, PANICS_OPEN, "lastgasp_correlator_machines_probed",
        "lastgasp_correlator_unacknowledged", "lastgasp_correlator_gaps_total",
        "lastgasp_correlator_evidence_total", "lastgasp_actuator_incidents_open",
        "lastgasp_actuator_incidents_held", *DROPPED]
OUTAGE = [QUEUE, SLOTS_USED, PANICS_OPEN, "lastgasp_correlator_panics_held",
          "lastgasp_correlator_no_room_total", "lastgasp_actuator_incidents_open",
          "lastgasp_actuator_intents_refused_total", *DROPPED]


@dataclasses.dataclass
class Size:
    nodes: int
    lost: int  # Nodes of the data centre that loses its power
    steady_s: float
    wave: int  # panics, twice, while the API server is away
    away_s: tuple[float, float]  # from its end to the second wave, and from there to its return


FULL = Size(100_000, 10_000, 20.0, 20_000, (STALE_S + 10.0, 10.0))
TINY = Size(300, 60, 1.0, 50, (1.0, 1.0))


def address(number: int) -> str:
    """Of Node NUMBER, as the simulated API server gives them."""
    first = int.from_bytes(socket.inet_aton(FIRST), "big")
    return socket.inet_ntoa((first + 1 + number).to_bytes(4, "big"))


def send(numbers: range, lines: list[bytes], port: int) -> float:
    """A line of each, then the next line of each; returns how many seconds that took."""
    sources = [(socket.IPPROTO_IP, IP_PKTINFO, struct.pack("=I4s4x", 0, socket.inet_aton(
        address(number)))) for number in numbers]
    began = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        for line in lines:
            for source in sources:
                sock.sendmsg([line], [source])
    return time.monotonic() - began


class Watcher:
    """The most that each thing held while it was watched."""

    def __init__(self, pipeline: Pipeline, pages: Pages, namespace: Namespace):
        self.pipeline, self.pages, self.namespace = pipeline, pages, namespace
        self.most: dict[str, float] = {}
        self.now: dict[str, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        with self.namespace.inside():
            while not self._over.wait(0.2):
                self._note("bytes in the kernel's queue", self._queue())
                with contextlib.suppress(OSError):
                    for name, value in self.pages.samples().items():
                        self._note(name, value)

    def _queue(self) -> int:
        table = pathlib.Path("/proc/thread-self/net/udp").read_text().splitlines()
        return sum(int(line.split()[4].partition(":")[2], 16) for line in table
                   if f":{self.pipeline.port:04X} " in line)

    def _note(self, name: str, value: float) -> None:
        self.now[name] = value
        self.most[name] = max(self.most.get(name, 0), value)

    def close(self) -> None:
        self._over.set()
        self._thread.join(20)


class World:
    """The Nodes, the API server, and the network in which they answer."""

    def __init__(self, folder: pathlib.Path, size: Size):
        self.folder, self.size = folder, size
        self._open = contextlib.ExitStack()

    def __enter__(self) -> "World":
        with contextlib.ExitStack() as undo:
            self.namespace = Namespace()
            undo.callback(self.namespace.close)
            self.namespace.ip(f"route add local {NETWORKS[1]} dev lo")
            undo.enter_context(self.namespace.inside())
            self.api = undo.enter_context(ApiServer())
            ledger.load(self.api)
            self.api.generate(nodes=self.size.lost, zone="zone-lost", **self._made())
            self.api.generate(nodes=self.size.nodes - self.size.lost, first=self.size.lost,
                              zones=ZONES, **self._made())
            self.kubelets = Kubelets()
            undo.callback(self.kubelets.close)
            self._open = undo.pop_all()
        return self

    def _made(self) -> dict:
        return {"size": NODE_BYTES, "podsPerNode": 0, "addresses": NETWORKS}

    def __exit__(self, *exception) -> None:
        self._open.__exit__(*exception)

    @contextlib.contextmanager
    def running(self, name: str, **options):
        """The three programs, knowing all Nodes, and who watches them."""
        folder, pages = self.folder / name, Pages()
        folder.mkdir()
        pipeline = Pipeline(folder, self.api, limits=(), metrics=pages.endpoint, **options).start()
        watcher = Watcher(pipeline, pages, self.namespace)
        try:
            pipeline.running["listener"].wait_for(r"\d+ addresses are Nodes'", 120)
            yield pipeline, watcher
            pipeline.stop()
        finally:
            watcher.close()
            pipeline.close()

    def _last6(self) -> str:
        """The last of the lost Nodes' IPv6 addresses."""
        network = ipaddress.ip_network(NETWORKS[1])
        return str(network.network_address + self.size.lost)

    def lose_power(self) -> None:
        """From now on nothing that is sent to the first Nodes' kubelets arrives."""
        self.namespace.run("nft", "-f", "-", given=f"""
            table inet scale {{
                chain input {{
                    type filter hook input priority 0;
                    ip daddr {address(0)}-{address(self.size.lost - 1)} tcp dport {PORT} drop
                    ip6 daddr {NETWORKS[1].partition('/')[0]}1-{self._last6()} tcp dport {PORT} drop
                }}
            }}""")


def nodes_of(pipeline: Pipeline, where: str = "true") -> set[str]:
    """The Nodes that incidents in the history are about."""
    path = pipeline.state / "incidents.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return {row[0] for row in database.execute(f"SELECT node FROM incidents WHERE {where}")}


def wait_incidents(pipeline: Pipeline, count: int, where: str, seconds: float) -> None:
    """Until there are so many in the history; seldom asked, for that takes the stages' time."""
    def enough() -> bool:
        time.sleep(0.2)
        return len(nodes_of(pipeline, where)) >= count
    wait_until(enough, seconds, f"{count} incidents in the history, {where}")


def names(numbers: range) -> set[str]:
    return {f"node-{number}" for number in numbers}


def tell_memory(pipeline: Pipeline, when: str) -> None:
    held = [memory_kb(pipeline.running[stage].pid) for stage in STAGES]
    say(f"  {when}: " + ", ".join(f"{stage} {kb['Anonymous'] / 1024:.1f} MiB anonymous"
                                  for stage, kb in zip(STAGES, held, strict=True)))


def tell_history(pipeline: Pipeline) -> None:
    size = sum(path.stat().st_size for path in pipeline.state.glob("incidents.db*"))
    say(f"  incidents.db and its log: {size / 1e6:.1f} MB")


def cpu_s(pipeline: Pipeline) -> dict[str, float]:
    return {stage: cpu_seconds(pipeline.running[stage].pid) for stage in STAGES}


def tell_cpu(pipeline: Pipeline, before: dict[str, float], began: float, when: str) -> None:
    took_s, after = time.monotonic() - began, cpu_s(pipeline)
    say(f"  {when}, {took_s:.1f} s, cores: " + ", ".join(
        f"{stage} {(after[stage] - before[stage]) / took_s:.2f}" for stage in STAGES))


def loss(world: World) -> list[Row]:
    """A data centre, which is a zone, loses its power: each of its kernels panics."""
    lost = range(world.size.lost)
    with world.running("loss", verify="probe", mode="node", actuator=()) as (pipeline, watcher):
        wait_until(lambda: len(world.kubelets.asked) >= world.size.nodes, 300,
                   "an answer of every machine")
        tell_memory(pipeline, f"{world.size.nodes} Nodes with {len(NETWORKS)} addresses each")
        world.lose_power()
        before, began = cpu_s(pipeline), time.monotonic()
        lines = [data for _, data in captures.datagrams(CAPTURE)]
        took_s = send(lost, lines, pipeline.port)
        wait_incidents(pipeline, len(lost), "true", 120)
        recorded_s = time.monotonic() - began
        say(f"  {len(lost)} panics, {len(lines) * len(lost)} datagrams, within {took_s:.2f} s")
        tell_cpu(pipeline, before, began, "until all were on disk")
        before, began = cpu_s(pipeline), time.monotonic()
        time.sleep(world.size.steady_s)
        tell_cpu(pipeline, before, began, "while all are open")
        tell_memory(pipeline, "at its end")
        tell_history(pipeline)
        tell_most(watcher, LOSS)
        assert nodes_of(pipeline) == names(lost), "not exactly the Nodes that panicked"
        touched = nodes_touched(world)
        say(f"  {len(touched)} Nodes were touched before it latched")
        assert len(touched) <= LIMIT, "more were touched than --limit allows"
        assert "lastgasp/latched" in world.api.get(ledger.PATH)["metadata"]["annotations"]
    return [Row(f"{len(lost)} of {world.size.nodes} Nodes panic at once: the last is on disk after",
                recorded_s, "s", "none")]


def nodes_touched(world: World) -> set[str]:
    return {line["objectRef"]["name"] for line in world.api.audit(user="actuator")
            if line["verb"] in ("patch", "delete") and line["objectRef"]["resource"] == "nodes"}


def outage(world: World) -> list[Row]:
    """Panics of more Nodes than any stage has room for come while the API server is away."""
    first = range(world.size.lost, world.size.lost + world.size.wave)
    second = range(first.stop, first.stop + world.size.wave)
    wait1_s, wait2_s = world.size.away_s
    with world.running("outage", verify="none", mode="observe", actuator=()) as (pipeline, watcher):
        world.api.away()
        send(first, PANIC, pipeline.port)
        time.sleep(wait1_s)
        lines = [tell_where(pipeline, watcher, f"{wait1_s:g} s after {len(first)} panics")]
        send(second, PANIC, pipeline.port)
        time.sleep(wait2_s)
        lines.append(tell_where(pipeline, watcher, f"{wait2_s:g} s after {len(second)} more"))
        table_of(["without an API server", *WAITS], lines)
        tell_memory(pipeline, "then")
        world.api.away(False)
        before, began = cpu_s(pipeline), time.monotonic()
        wait_incidents(pipeline, len(first) + len(second), "state = 'closed'", 300)
        came_out_s = time.monotonic() - began
        tell_cpu(pipeline, before, began, "until all had ended")
        tell_history(pipeline)
        tell_most(watcher, OUTAGE)
        assert nodes_of(pipeline) == names(range(first.start, second.stop)), \
            "not exactly the Nodes that panicked"
    return [Row(f"{len(first) + len(second)} panics without an API server: closed after its return",
                came_out_s, "s", "none")]


def tell_where(pipeline: Pipeline, watcher: Watcher, when: str) -> list[str]:
    """WHEN, and how many panics wait where."""
    now = watcher.now
    return [when, str(len(nodes_of(pipeline))), f"{now.get(PANICS_OPEN, 0):g}",
            f"{now.get(SLOTS_USED, 0):g}", f"{now[QUEUE]:g}"]


def tell_most(watcher: Watcher, of: list[str]) -> None:
    table_of(["the most of", ""], [[name, f"{watcher.most.get(name, 0):.10g}"] for name in of])


def run(rounds: int, tiny: bool) -> list[Row]:
    rows = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="lastgasp-bench-") as name, \
                World(pathlib.Path(name), TINY if tiny else FULL) as world:
            rows += loss(world) + outage(world)
    for row in rows:
        tell(row)
    return rows
