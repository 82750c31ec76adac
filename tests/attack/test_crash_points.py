"""Every crash point: each stage killed just before its n-th call, for every n of a run with two
panics.  A sample of them is drawn; LASTGASP_THOROUGH=yes tries all.
"""
import concurrent.futures
import pathlib
import random

import pytest

from tests.attack.crash_scene import CALLS, STAGES, Point, Scene, count_in, scenes, traced

MADE_BY = {
    "listener": {"recvmmsg", "sendmsg", "recvmsg", "write", "epoll_wait"},
    "correlator": {"sendmsg", "recvmsg", "sendto", "recvfrom", "write", "epoll_wait"},
    "actuator": set(CALLS) - {"recvmmsg"},
}
# At its first start, for its pending file or its database.
MADE_ONCE_BY = [("listener", "pwrite64"), ("actuator", "pwrite64"), ("actuator", "fdatasync")]
SCENES = 2
SAMPLE = 6  # of each call


def count_calls(scene: Scene, stage: str, folder: pathlib.Path) -> dict[str, int]:
    """Of an undisturbed run, without those that it does not make."""
    trace = folder / "trace"
    assert scene.two_panics(stage, traced(str(trace), ",".join(CALLS))) == \
        (False, ["deleted", "deleted"])
    return count_in(trace, CALLS)


def try_points(points: list[Point], made: list[Scene]) -> int:
    """Each once, as many at a time as there are scenes.  Returns at how many it was killed."""
    left = iter(points)

    def work(scene: Scene) -> int:
        kills = 0
        for point in left:
            try:
                was_killed, outcomes = scene.two_panics(point.stage, point.strace)
                assert outcomes == ["deleted", "deleted"]
            except Exception as error:
                error.add_note(f"killed at {point}\n{scene.pipeline.logs()[-20000:]}")
                raise
            kills += was_killed
        return kills

    with concurrent.futures.ThreadPoolExecutor(len(made)) as threads:
        return sum(threads.map(work, made))


@pytest.mark.parametrize("stage", STAGES)
def test_the_calls_that_a_stage_makes_are_known(tmp_path, stage):
    with scenes(tmp_path, 1, without=stage) as (scene,):
        count_calls(scene, stage, tmp_path)  # which makes its file
        assert set(count_calls(scene, stage, tmp_path)) == MADE_BY[stage]


def drawn(count: int, chance: random.Random, thorough: bool) -> list[int]:
    ns = range(1, count + 1)
    return list(ns) if thorough else sorted(chance.sample(ns, min(SAMPLE, count)))


@pytest.mark.parametrize("stage, call", [(stage, call) for stage in STAGES for call in CALLS
                                         if call in MADE_BY[stage]])
def test_a_stage_killed_at_any_call_changes_nothing(tmp_path, chance, thorough, stage, call):
    with scenes(tmp_path, SCENES, without=stage) as made:
        for scene in made:  # each makes its file
            count_calls(scene, stage, tmp_path)
        count = count_calls(made[0], stage, tmp_path)[call]
        ns = drawn(count, chance, thorough)
        kills = try_points([Point(stage, call, n) for n in ns], made)
        while thorough and try_points([Point(stage, call, count + 1)], made[:1]):
            count, kills = count + 1, kills + 1
        print(f"{stage}: killed at {kills} of {count} calls of {call}")
        assert kills


@pytest.mark.parametrize("stage, call", MADE_ONCE_BY)
def test_a_stage_killed_at_any_call_of_its_first_start_changes_nothing(tmp_path, chance, thorough,
                                                                       stage, call):
    with scenes(tmp_path / "counted", 1, without=stage) as (scene,):
        first = count_calls(scene, stage, tmp_path)[call]
        count = first - count_calls(scene, stage, tmp_path).get(call, 0)
    for n in drawn(count, chance, thorough):
        with scenes(tmp_path / str(n), 1, without=stage) as made:
            assert try_points([Point(stage, call, n)], made) == 1
    print(f"{stage}: of {count} calls of {call} at its first start")
