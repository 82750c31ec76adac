"""From the panic's datagram until the Node is gone, against the same requests sent bare.

A real etcd (which does not sync its file) and kube-apiserver. By turns lastgasp (unverified, mode
node) kills a Node, and a bare HTTP/2 generator (rounds/) kills one just like it: with the requests
that lastgasp sent, by the server's audit log, 16 in flight, as the actuator's user.
"""
import pathlib
import statistics
import tempfile

from tests.bench.killing import WINDOW, Killing, killing, real_server
from tests.bench.replay import Recording
from tests.bench.report import Row, say, spread, tell

ROUNDS, TINY_ROUNDS = 20, 2
MOST_RATIO, MOST_RATIO_TO_FIRST_POD = 1.15, 1.3
PANIC = b"[   12.345678] Kernel panic - not syncing: sysrq triggered crash\n"


def by_lastgasp(killing: Killing, pods: int) -> tuple[dict, Recording]:
    killing.start_actuator()
    victims = killing.make(1, pods)
    measured = killing.by_lastgasp(victims, [[PANIC]])
    (recording,) = killing.recordings(victims)
    killing.stop_actuator()
    return measured, recording


def by_hand(killing: Killing, pods: int, recording: Recording) -> tuple[dict, Recording]:
    victims = killing.make(1, pods)
    measured = killing.by_hand(victims, [recording], WINDOW)
    (again,) = killing.recordings(victims)
    return measured, again


def compare(killing: Killing, pods: int, rounds: int) -> Row:
    _, recording = by_lastgasp(killing, pods)  # not measured: it warms up, and is what is copied
    sides: dict[str, list[tuple[dict, Recording]]] = {"lastgasp": [], "bare": []}
    for _ in range(rounds):
        sides["lastgasp"].append(by_lastgasp(killing, pods))
        sides["bare"].append(by_hand(killing, pods, recording))
    for side, results in sides.items():
        tell_side(side, results)
    ours, bare = ([measured["ms"] for measured, _ in sides[side]] for side in sides)
    pairs = [one / other for one, other in zip(ours, bare, strict=True)]
    say(f"  ratio of each pair of rounds: {spread(pairs, 'times')}")
    return Row(f"panic -> Node with {pods} pods gone, p50 of {rounds}",
               statistics.median(ours), "ms", "the same requests bare",
               statistics.median(bare), most_ratio=MOST_RATIO)


def tell_side(side: str, results: list[tuple[dict, Recording]]) -> None:
    say(f"  {side}: {spread([measured['ms'] for measured, _ in results], 'ms')}; by the audit log:")
    before = statistics.median((recording.began - measured["began"]) * 1000
                               for measured, recording in results)
    server = statistics.median((recording.ended - recording.began) * 1000
                               for _, recording in results)
    counts = sorted({len(recording.events) for _, recording in results})
    say(f"    {before:.1f} ms until its first request came, {server:.1f} ms from there to the end "
        f"of the Node's DELETE (p50 each); requests a round: {', '.join(map(str, counts))}")


def run(rounds: int, tiny: bool) -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory(prefix="lastgasp-bench-") as name, \
            real_server() as server, killing(server, pathlib.Path(name)) as there:
        for pods in [3] if tiny else [20, 30, 110]:
            say(f"  {pods} pods")
            rows.append(compare(there, pods, rounds))
    for row in rows:
        tell(row)
    return rows
