"""Many Nodes die within 100 ms: until the last is gone, against the same requests sent bare.

Their addresses replay whole captures, each what a real kernel sent; lastgasp is unverified, in mode
node, its limits high. Then the bare generator kills as many Nodes just like them: with the requests
that lastgasp sent, by the server's audit log, the oldest Node's first. 200 Nodes in a real API
server, and 1,000 in the simulated one.
"""
import contextlib
import dataclasses
import itertools
import pathlib
import statistics
import tempfile
import threading

from tests.bench.idle_memory import STAGES, memory_kb
from tests.bench.killing import WINDOW, Killing, killing, real_server, simulated_server
from tests.bench.replay import Recording, Victim, answered, received
from tests.bench.report import Row, percentile, say, spread, tell
from tests.harness import captures

ROUNDS, TINY_ROUNDS = 1, 1
MOST_RATIO, MOST_SHARE, MOST_MB = 1.15, 0.6, 48.0
OVER_MS = 100
PODS, TINY_PODS = 30, 2
STORMS = [(200, real_server), (1000, simulated_server)]
TINY = 6
LIMITS = ("--limit=2000/10m", "--limit-percent=100%/10m")
SAMPLE_EVERY_S = 0.1


class Memory:
    """The peak of the three programs' anonymous memory together, while it is sampled."""

    def __init__(self, pids: dict[str, int]):
        self.pids, self.peak_kb, self.at_peak = pids, 0, {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self) -> None:
        while not self._done.wait(SAMPLE_EVERY_S):
            held = {stage: memory_kb(pid)["Anonymous"] for stage, pid in self.pids.items()}
            if sum(held.values()) > self.peak_kb:
                self.peak_kb, self.at_peak = sum(held.values()), held

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._done.set()
        self._thread.join()


@dataclasses.dataclass
class Side:
    missed: int
    gone_s: float  # until the last Node was gone
    mean_s: float  # until a Node was gone, on average
    all_s: float  # until the last request was answered

    @property
    def share(self) -> float:
        return self.mean_s / self.gone_s


def side(name: str, count: int, measured: dict, recordings: list[Recording]) -> Side:
    gone = list(measured["gone"].values())
    events = [event for recording in recordings for event in recording.events]
    result = Side(count - len(gone), max(gone) / 1000, statistics.mean(gone) / 1000,
                  max(map(answered, events)) - measured["began"])
    took = [(answered(event) - received(event)) * 1000 for event in events]
    flown = sum(took) / 1000
    say(f"  {name}: all {len(gone)} gone after {result.gone_s:.2f} s, mean {result.mean_s:.2f} s; "
        f"{len(events)} requests answered after {result.all_s:.2f} s")
    say(f"    by the audit log {flown / result.all_s:.1f} of them in flight on average, "
        f"{spread(took, 'ms')} each")
    return result


def kernels(victims: list[Victim]) -> list[list[bytes]]:
    """What each sends: by turns the captures that began on a machine that ran, as netconsole does
    that is not set up at boot. Their userdata names the machine, by a name as long as ours."""
    began_late = [[data for _, data in captures.datagrams(truth.capture)]
                  for truth in captures.index() if truth.panics and truth.format.startswith("cfg")]
    return [[data.replace(b" node=worker-1\n", f" node={victim.name}\n".encode()) for data in sent]
            for victim, sent in zip(victims, itertools.cycle(began_late))]


def by_lastgasp(killing: Killing, victims: list[Victim]) -> tuple[Side, list[Recording], Memory]:
    sent = kernels(victims)
    killing.start_actuator()
    pids = {stage: killing.pipeline.running[stage].pid for stage in STAGES}
    with Memory(pids) as memory:
        measured = killing.by_lastgasp(victims, sent, OVER_MS)
    say(f"  {sum(map(len, sent))} datagrams of {len(victims)} kernels left within "
        f"{measured['sent']:.0f} ms")
    gone = [victim for victim in victims if victim.name in measured["gone"]]
    for victim in victims:
        if victim not in gone:
            say(f"  missed: {victim.name} at {victim.address}")
    recordings = killing.recordings(gone)
    killing.stop_actuator()
    return side("lastgasp", len(victims), measured, recordings), recordings, memory


def one_storm(killing: Killing, count: int, pods: int) -> tuple[Side, Side, Memory]:
    ours, recordings, memory = by_lastgasp(killing, killing.make(count, pods))
    victims = killing.make(len(recordings), pods)
    measured = killing.by_hand(victims, recordings, WINDOW)
    return ours, side("bare", len(victims), measured, killing.recordings(victims)), memory


def rows_of(what: str, storms: list[tuple[Side, Side, Memory]]) -> list[Row]:
    def both(field: str) -> tuple[float, float]:
        ours, bare = (statistics.median(getattr(storm[i], field) for storm in storms)
                      for i in range(2))
        return ours, bare
    peak = max((memory for _, _, memory in storms), key=lambda memory: memory.peak_kb)
    say(f"  at the peak of anonymous memory, in KB: {peak.at_peak}")
    (ours, bare), (all_ours, all_bare), (share, bare_share) = map(both, ("gone_s", "all_s", "share"))
    peer = "the same requests bare"
    return [
        Row(f"{what}: panics missed", max(ours.missed for ours, _, _ in storms), "", "none",
            most=0),
        Row(f"{what}: until the last Node is gone", ours, "s", peer, bare, most_ratio=MOST_RATIO),
        Row(f"{what}: until all is answered", all_ours, "s", peer, all_bare,
            most_ratio=MOST_RATIO),
        Row(f"{what}: until a Node is gone, mean", share, "of the whole", peer, bare_share,
            most=MOST_SHARE),
        Row(f"{what}: anonymous memory, peak", peak.peak_kb * 1024 / 1e6, "MB", "none",
            most=MOST_MB),
    ]


def run(rounds: int, tiny: bool) -> list[Row]:
    rows = []
    for count, make_server in STORMS:
        count, pods = (TINY, TINY_PODS) if tiny else (count, PODS)
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(make_server())
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lastgasp-bench-"))
            killing_there = stack.enter_context(killing(server, pathlib.Path(folder), LIMITS))
            say(f"  {count} Nodes with {pods} pods each, {server.name}")
            storms = [one_storm(killing_there, count, pods) for _ in range(rounds)]
        rows += rows_of(f"storm of {count} x {pods}, {server.name}", storms)
    for row in rows:
        tell(row)
    return rows
