"""From the datagram with the panic line, sent over UDP, to the intent at the actuator's socket.

The real listener and correlator, a simulated API server, and a stand-in for both the panicking
kernels and the actuator (intents/main.go), so that one clock sees both ends. Each panic is of
another Node. Beside it, by turns, the same way through two programs that only copy (hops/main.go):
what of the time, and of its tail, is the machine's.
"""
import base64
import dataclasses
import pathlib
import tempfile

from tests.apiserver.apiserver import ApiServer
from tests.bench.partner import Partner
from tests.bench.report import Row, percentile, say, spread, tell
from tests.harness import captures
from tests.harness.fleet import NODES, Node, node_of
from tests.harness.pipeline import Pipeline
from tests.harness.programs import free_udp_port

CAPTURE = "6.12/ext-oopspanic"
ROUNDS, TINY_ROUNDS = 1000, 20
TARGET_MS = 1.0
TURN = 50  # panics, before it is the other side's turn
SPACED_US = 20_000  # so that all of them sleep before a panic
KERNELS_GAP_US = 100  # the kernels of the captures took 150 to 800 us a line of an oops


@dataclasses.dataclass
class Way:
    name: str
    before: list[bytes]
    gap_us: int
    panic: bytes
    after: list[bytes]
    pause_us: int
    most_ms: float | None = TARGET_MS


def parts_of_capture() -> tuple[list[bytes], bytes, list[bytes]]:
    """What a real kernel sent before its panic line, that line, and the rest."""
    sent = [data for _, data in captures.datagrams(CAPTURE)]
    at = next(i for i, data in enumerate(sent) if b";Kernel panic - not syncing" in data)
    return sent[:at], sent[at], sent[at + 1:]


def encoded(datagrams: list[bytes]) -> list[str]:
    return [base64.b64encode(data).decode() for data in datagrams]


class Line:
    """From the kernels through two stages to a stand-in for the actuator."""

    def __init__(self, intents: Partner, listener: str, bare: bool):
        self.intents, self.listener, self.bare = intents, listener, bare

    def panic(self, nodes: list[Node], way: Way) -> list[float]:
        """One panic of each node; returns the milliseconds of each."""
        context = {} if self.bare else {"before": encoded(way.before), "after": encoded(way.after),
                                        "panic": encoded([way.panic])[0]}
        us = self.intents.order(
            listener=self.listener, gapUs=way.gap_us, pauseUs=way.pause_us,
            nodes=[{"name": node.name, "address": node.address} for node in nodes], **context)
        return [one / 1000 for one in us]


def ways() -> list[Way]:
    before, panic, after = parts_of_capture()
    return [
        Way("the line alone, one after the other", [], 0, panic, [], 1_000),
        Way("the line alone, all asleep before it", [], 0, panic, [], SPACED_US),
        Way(f"after {len(before)} lines, one each {KERNELS_GAP_US} us", before, KERNELS_GAP_US,
            panic, after, SPACED_US),
        Way(f"after {len(before)} lines in one burst", before, 0, panic, after, SPACED_US, None),
    ]


def measure(ours: Line, bare: Line, nodes: list[Node]) -> list[Row]:
    rows = []
    share = len(nodes) // len(ways())
    for i, way in enumerate(ways()):
        took, took_bare = [], []
        for at in range(i * share, (i + 1) * share, TURN):
            some = nodes[at:min(at + TURN, (i + 1) * share)]
            took += ours.panic(some, way)
            took_bare += bare.panic(some, way)
        say(f"  {way.name}: {spread(took, 'ms')} of {len(took)}; bare {spread(took_bare, 'ms')}")
        rows.append(Row(f"panic -> intent, {way.name}, p99", percentile(took, 99), "ms",
                        "two programs that copy", percentile(took_bare, 99), most=way.most_ms))
    return rows


def run(rounds: int, _tiny: bool) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="lastgasp-bench-") as name, ApiServer() as api:
        folder = pathlib.Path(name)
        api.generate(nodes=len(ways()) * rounds, size=2000, addresses=["127.66.0.0/16"])
        nodes = [node_of(obj) for obj in api.list(NODES)]
        pipeline = Pipeline(folder, api)
        end, middle, port = folder / "bare.sock", folder / "middle.sock", free_udp_port()
        with Partner("intents", str(pipeline.sockets["actuator"])) as intents, \
                Partner("intents", str(end)) as bare_intents, \
                Partner("hops", "packets", str(middle), str(end)) as second, \
                Partner("hops", "udp", f"127.0.0.1:{port}", str(middle)) as first:
            pipeline.start("correlator", "listener")
            for partner in (intents, bare_intents, second, first):
                partner.line()  # it is connected
            pipeline.running["listener"].wait_for(rf"{len(nodes)} addresses are Nodes'", 20)
            rows = measure(Line(intents, f"127.0.0.1:{pipeline.port}", False),
                           Line(bare_intents, f"127.0.0.1:{port}", True), nodes)
            pipeline.stop("listener", "correlator")
    for row in rows:
        tell(row)
    return rows
