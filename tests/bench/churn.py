"""The correlator's CPU while each of 5,000 or 20,000 Nodes is updated every 5 minutes.

Four ways, by turns, so that each part shows: nothing happens; the watch alone; the sweep alone
(one connect a kubelet port in 10 minutes, each Node with an IPv4 and an IPv6 address; over the
loopback device, so that the kernel's part of both ends is the correlator's time); and all of it, as
it runs by default.  After them an informer of client-go (informer/) with every update; it reads
JSON as we do, for the simulated API server has no protobuf.
"""
import contextlib
import dataclasses
import time
from collections.abc import Callable

from tests.apiserver.apiserver import ApiServer
from tests.bench.alone import NODE_BYTES, Alone, cpu_seconds, sleeps
from tests.bench.partner import informer
from tests.bench.report import Row, say, table_of, tell
from tests.harness.namespaces import Namespace

ROUNDS, TINY_ROUNDS = 1, 1
NETWORKS = ["10.77.0.0/16", "fd00:10::/64"]  # all of it answers, by a reset
EVERY_S = 300
TARGET_PERCENT = 0.2
SETTLED_S = 75.0  # a first sweep takes a minute, and baselines are counted within another
MEASURED_S = 60.0


@contextlib.contextmanager
def correlator(api: ApiServer, count: int, *options: str):
    """Yields its pid once it has all Nodes."""
    with Alone(api, *options) as alone:
        alone.synced_ms(count)
        yield alone.pid


@dataclasses.dataclass
class Way:
    name: str
    churns: bool
    options: tuple[str, ...] = ()
    settled_s: float = 5.0
    program: Callable = correlator


QUIET = ("--verify=none", "--metrics=none")
WATCH = Way("the watch alone", True, QUIET)
PEER = Way("an informer of client-go", True, program=informer)
WAYS = [Way("nothing", False, QUIET), WATCH,
        Way("the sweep alone", False, ("--metrics=none",), SETTLED_S),
        Way("all of it, as by default", True, ("--metrics=127.0.0.1:9478",), SETTLED_S), PEER]


def measure(api: ApiServer, way: Way, count: int, tiny: bool) -> tuple[float, float]:
    """Percent of a core, and how often a second it fell asleep."""
    settled_s, measured_s = (0.5, 1.0) if tiny else (way.settled_s, MEASURED_S)
    with way.program(api, count, *way.options) as pid:
        if way.churns:
            api.churn(round(count / EVERY_S) or 1, settled_s + measured_s)
        time.sleep(settled_s)
        began, cpu_s, slept = time.monotonic(), cpu_seconds(pid), sleeps(pid)
        time.sleep(measured_s)
        took_s = time.monotonic() - began
        return ((cpu_seconds(pid) - cpu_s) / took_s * 100,
                (sleeps(pid) - slept) / took_s)


def run(rounds: int, tiny: bool) -> list[Row]:
    rows = []
    for count in [300] if tiny else [5_000, 20_000]:
        namespace = Namespace()
        namespace.ip(*(f"route add local {network} dev lo" for network in NETWORKS))
        with namespace.inside(), ApiServer() as api:
            api.generate(nodes=count, size=NODE_BYTES, podsPerNode=0, addresses=NETWORKS)
            measured = {way.name: max(measure(api, way, count, tiny) for _ in range(rounds))
                        for way in WAYS}
        namespace.close()
        say(f"  {count} Nodes, {round(count / EVERY_S) or 1} updates a second:")
        table_of(["what happens", "percent of a core", "sleeps a second"],
                 [[name, f"{percent:.3f}", f"{slept:.1f}"]
                  for name, (percent, slept) in measured.items()])
        percents = {name: percent for name, (percent, _) in measured.items()}
        rows += [Row(f"{way.name}, {count} Nodes", percents[way.name], "% of a core", "none")
                 for way in WAYS if way not in (WATCH, PEER)]
        rows.append(Row(f"{WATCH.name}, {count} Nodes", percents[WATCH.name], "% of a core",
                        PEER.name, percents[PEER.name],
                        most=TARGET_PERCENT if count == 5_000 else None))
    for row in rows:
        tell(row)
    return rows
