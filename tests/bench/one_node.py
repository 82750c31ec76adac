"""From the panic's datagram until the first pod is annotated and until the Node is gone, against
the same requests sent bare.

A real etcd (which does not sync its file) and kube-apiserver. By turns lastgasp (unverified, mode
node) kills a Node, and a bare HTTP/2 generator (rounds/) kills one just like it: with the requests
that lastgasp sent, by the server's audit log, as the actuator's user. lastgasp begins with 16 in
flight and may come to more within a round; the generator has 16, or 32 where it is faster so.
Before the first pod is touched lastgasp has the incident on disk: to the generator's time until
then an fdatasync is added, measured beside it in the same folder.
"""
import dataclasses
import pathlib
import statistics
import tempfile

from tests.bench.killing import WINDOW, Killing, killing, real_server
from tests.bench.replay import Recording
from tests.bench.report import Row, say, spread, tell

ROUNDS, TINY_ROUNDS = 20, 2
MOST_RATIO, MOST_RATIO_TO_FIRST_POD = 1.15, 1.3
WINDOWS = (WINDOW, 2 * WINDOW)
PANIC = b"[   12.345678] Kernel panic - not syncing: sysrq triggered crash\n"


@dataclasses.dataclass
class Side:
    """The rounds of one of those who kill, in ms."""
    name: str
    gone: list[float] = dataclasses.field(default_factory=list)
    first_pod: list[float] = dataclasses.field(default_factory=list)
    first_request: list[float] = dataclasses.field(default_factory=list)
    requests: set[int] = dataclasses.field(default_factory=set)

    def add(self, measured: dict, recording: Recording) -> None:
        if not measured["gone"]:
            raise RuntimeError(f"{self.name}: the Node is not gone")
        self.gone.append(measured["ms"])
        self.first_pod.append((recording.first_pod - measured["began"]) * 1000)
        self.first_request.append((recording.began - measured["began"]) * 1000)
        self.requests.add(len(recording.events))

    def tell(self) -> None:
        say(f"  {self.name}: gone {spread(self.gone, 'ms')}; requests a round: "
            f"{', '.join(map(str, sorted(self.requests)))}")
        say(f"    by the audit log: first request came {spread(self.first_request, 'ms')}; first "
            f"pod annotated {spread(self.first_pod, 'ms')}")


def by_lastgasp(killing: Killing, pods: int, side: Side) -> Recording:
    killing.start_actuator()
    victims = killing.make(1, pods)
    measured = killing.by_lastgasp(victims, [[PANIC]])
    (recording,) = killing.recordings(victims)
    killing.stop_actuator()
    side.add(measured, recording)
    return recording


def by_hand(killing: Killing, pods: int, recording: Recording, window: int, side: Side) -> None:
    victims = killing.make(1, pods)
    measured = killing.by_hand(victims, [recording], window)
    (again,) = killing.recordings(victims)
    side.add(measured, again)


def compare(killing: Killing, pods: int, rounds: int) -> list[Row]:
    # Not measured: it warms up, and is what is copied.
    recording = by_lastgasp(killing, pods, Side("warming up"))
    ours = Side("lastgasp")
    bare = {window: Side(f"bare, {window} in flight") for window in WINDOWS}
    syncs = []
    for _ in range(rounds):
        by_lastgasp(killing, pods, ours)
        for window, side in bare.items():
            by_hand(killing, pods, recording, window, side)
        syncs.append(killing.sync_ms())
    for side in [ours, *bare.values()]:
        side.tell()
    say(f"  an fdatasync: {spread(syncs, 'ms')}")
    return [
        Row(f"panic -> Node with {pods} pods gone, p50 of {rounds}", statistics.median(ours.gone),
            "ms", "the same requests bare",
            min(statistics.median(side.gone) for side in bare.values()), most_ratio=MOST_RATIO),
        Row(f"panic -> first of {pods} pods annotated, p50 of {rounds}",
            statistics.median(ours.first_pod), "ms", "the same requests bare + an fdatasync",
            min(statistics.median(side.first_pod) for side in bare.values())
            + statistics.median(syncs), most_ratio=MOST_RATIO_TO_FIRST_POD),
    ]


def run(rounds: int, tiny: bool) -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory(prefix="lastgasp-bench-") as name, \
            real_server() as server, killing(server, pathlib.Path(name)) as there:
        for pods in [3] if tiny else [20, 30, 110]:
            say(f"  {pods} pods")
            rows += compare(there, pods, rounds)
    for row in rows:
        tell(row)
    return rows
