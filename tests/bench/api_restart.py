"""The API server comes back without the past: the old map serves until the new one is whole.

While it is away a Node is added and the resourceVersions that a watch could go on from are
forgotten, so that all Nodes are listed anew.  All the while panics come from addresses of the old
map, and the memory is looked at every few milliseconds.
"""
import contextlib
import threading
import time

from tests.apiserver.apiserver import ApiServer
from tests.bench.alone import NODE_BYTES, Alone, anonymous_mb
from tests.bench.report import Row, percentile, say, spread, tell
from tests.harness import records
from tests.harness.fleet import NODES, node_of

ROUNDS, TINY_ROUNDS = 1, 1
TARGET_TIMES = 2.0
LOOK_S = 0.005
STEADY_S = 3.0
PANIC_EVERY_S, PANICS_MOST = 0.02, 500


class Peak:
    """Of the anonymous memory, while it is open."""

    def __init__(self, pid: int):
        self.pid, self.most_mb = pid, 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._over.wait(LOOK_S):
            self.most_mb = max(self.most_mb, anonymous_mb(self.pid))

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_exception) -> None:
        self._over.set()
        self._thread.join()


def answered_ms(alone: Alone, node) -> float:
    """From a panic of that Node until the intent that names it."""
    panic = records.panic(node.address)
    alone.listener.send(panic)
    (intent,) = alone.actuator.wait_for("intent", node=node.name)
    return intent["_at"] * 1000 - panic["received_us"] / 1000


def restart(api: ApiServer, alone: Alone, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of the panics before the new list was asked for, and of those until it was
    whole."""
    nodes = [node_of(obj) for obj in api.list(NODES, limit=PANICS_MOST)]
    away_ms, listing_ms = [], []
    api.away()
    api.generate(nodes=1, first=count, size=NODE_BYTES, podsPerNode=0)
    api.compact()
    away_ms.append(answered_ms(alone, nodes.pop()))
    api.away(False)
    asked = api.counters()["requests"]
    while f"synced {count + 1} nodes" not in alone.program.log():
        listing = api.counters()["requests"] != asked
        (listing_ms if listing else away_ms).append(answered_ms(alone, nodes.pop()))
        time.sleep(PANIC_EVERY_S)
    return away_ms, listing_ms


def measure(count: int, steady_s: float) -> tuple[float, float, list[float]]:
    """The steady and the most anonymous memory, and how long panics took meanwhile."""
    with contextlib.ExitStack() as undo:
        api = undo.enter_context(ApiServer())
        api.generate(nodes=count, size=NODE_BYTES, podsPerNode=0)
        alone = undo.enter_context(Alone(api, "--verify=none", "--metrics=none"))
        alone.synced_ms(count)
        time.sleep(steady_s)
        steady_mb = anonymous_mb(alone.pid)
        peak = undo.enter_context(Peak(alone.pid))
        away_ms, listing_ms = restart(api, alone, count)
        say(f"  {count} Nodes: panics matched by the old map: {len(away_ms)} before the new list "
            f"began, {len(listing_ms)} before it was whole: {spread(away_ms + listing_ms, 'ms')}")
        say(f"  anonymous memory: {steady_mb:.2f} MB before, {peak.most_mb:.2f} at most, "
            f"{anonymous_mb(alone.pid):.2f} after")
        return steady_mb, peak.most_mb, away_ms + listing_ms


def run(rounds: int, tiny: bool) -> list[Row]:
    count, steady_s = (300, 0.5) if tiny else (20_000, STEADY_S)
    measured = [measure(count, steady_s) for _ in range(rounds)]
    steady_mb, most_mb, _ = max(measured, key=lambda one: one[1] / one[0])
    late = [ms for *_, took_ms in measured for ms in took_ms]
    rows = [Row(f"the API server restarts at {count} Nodes: most anonymous memory", most_mb, "MB",
                "before it", steady_mb, most_ratio=TARGET_TIMES),
            Row("meanwhile a panic is matched, max", percentile(late, 100), "ms", "none")]
    for row in rows:
        tell(row)
    return rows
