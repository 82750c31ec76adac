"""The same crash points where it is silence that decides: the correlator that probes and the
actuator that reads Leases, each killed just before its n-th call of a run in which one machine is
dead and two answer again, one of them when its pods are gone.

Such a run is driven by timers, so not every one makes as many calls as the counted one.  A sample
is drawn; LASTGASP_THOROUGH=yes tries all.
"""
import collections
import concurrent.futures
import pathlib
import random

import pytest

from tests.attack.crash_scene import CALLS, Point, count_in, traced
from tests.attack.silent_scene import SilentScene

MADE_BY = {
    "correlator": {"sendmsg", "recvmsg", "sendto", "recvfrom", "write", "epoll_wait"},
    "actuator": set(CALLS) - {"recvmmsg"},
}
SAMPLE = 2  # of each call
SCENES, SCENES_THOROUGH = 4, 8


def count_calls(stage: str, folder: pathlib.Path) -> dict[str, int]:
    """Of an undisturbed run."""
    trace = folder / "trace"
    with SilentScene(folder / "counted", stage) as scene:
        assert not scene.play(traced(str(trace), ",".join(CALLS)))
    return count_in(trace, CALLS)


def drawn(stage: str, counts: dict[str, int], chance: random.Random,
          thorough: bool) -> list[Point]:
    points = []
    for call, count in counts.items():
        ns = range(1, count + 1)
        points += [Point(stage, call, n)
                   for n in (ns if thorough else chance.sample(ns, min(SAMPLE, count)))]
    return points


def try_points(stage: str, points: list[Point], folder: pathlib.Path,
               scenes: int) -> collections.Counter[str]:
    """Each once, in so many scenes at a time.  Returns at how many of each call it was killed."""
    left = iter(points)

    def work(number: int) -> collections.Counter[str]:
        kills: collections.Counter[str] = collections.Counter()
        with SilentScene(folder / str(number), stage) as scene:
            for point in left:
                try:
                    kills[point.call] += scene.play(point.strace)
                except Exception as error:
                    error.add_note(f"killed at {point}\n{scene.pipeline.logs()[-20000:]}")
                    raise
        return kills

    with concurrent.futures.ThreadPoolExecutor(scenes) as threads:
        return sum(threads.map(work, range(scenes)), collections.Counter())


@pytest.mark.parametrize("stage", MADE_BY)
def test_a_stage_killed_at_any_call_of_an_incident_changes_nothing(tmp_path, chance, thorough,
                                                                   stage):
    counts = count_calls(stage, tmp_path)
    assert set(counts) == MADE_BY[stage]
    points = drawn(stage, counts, chance, thorough)
    kills = try_points(stage, points, tmp_path, SCENES_THOROUGH if thorough else SCENES)
    for call, count in counts.items():
        print(f"{stage}: killed at {kills[call]} calls of {call}; {count} were counted")
    assert kills.total() >= len(points) / 2
