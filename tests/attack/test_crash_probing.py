"""A correlator that is killed while it probes: what it knew of each machine is gone with it.

What the actuator has open is probed again because the actuator says so; what was not open yet is
judged anew, by then without an answer to compare with.
"""
import time
from collections.abc import Iterator

import pytest

from tests.attack.crash_scene import Point, Watched, count_in, traced
from tests.harness.programs import wait_until
from tests.harness.world import Machine, World

CALLS = ("sendmsg", "recvmsg", "sendto", "recvfrom", "write", "epoll_wait")
SAMPLE, THOROUGH = 1, 40  # kills in all: a run with real silence takes seconds


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    with World(tmp_path) as made:
        made.add_many(6)
        made.start("--alive=6s")
        made.wait_swept()
        yield made


def newcomer(world: World) -> Machine:
    machine = world.add(pods=2)
    world.renew()
    world.wait_swept(machine)
    return machine


def is_asked(machine: Machine) -> bool:
    correlator = machine.world.pipeline.running["correlator"]
    return f"is node {machine.name} dead?" in correlator.log()


def loses_a_pod(machine: Machine) -> bool:
    return any(line["verb"] == "delete" for line in machine.world.fleet.writes(machine.node))


def only_touched(world: World, *machines: Machine) -> None:
    for machine in world.machines:
        if machine not in machines:
            assert machine.exists and not machine.writes(), machine.name


@pytest.mark.parametrize("moment", [is_asked, Machine.is_marked, loses_a_pod])
def test_a_dead_machine_is_dead_also_for_the_next_correlator(world, moment):
    machine = newcomer(world)
    machine.panic()
    wait_until(lambda: moment(machine), 30, "the moment of the kill")
    world.pipeline.restart("correlator")
    assert machine.outcome() == "deleted"
    assert not machine.exists and not machine.pods()
    only_touched(world, machine)


def test_a_machine_that_came_back_meanwhile_is_heard_by_the_next_correlator(world):
    machine = newcomer(world)
    machine.panic()
    wait_until(machine.is_marked, 30, "the Node told of")
    world.pipeline.kill("correlator")
    machine.revive()
    world.pipeline.start("correlator")
    assert machine.outcome() == "retracted"
    assert not machine.is_marked()
    assert not world.deletes()
    only_touched(world, machine)


def test_living_machines_live_through_any_number_of_correlators(world, chance):
    """Of some a panic is forged, others die; the correlator is killed at drawn moments."""
    dead, forged = world.machines[:2], world.machines[2:4]
    for machine in forged:
        machine.forge()
    for machine in dead:
        machine.panic()
    for _ in range(4):
        time.sleep(chance.uniform(0, 2.5))
        world.pipeline.restart("correlator")
    for machine in dead:
        assert machine.outcome() == "deleted"
    only_touched(world, *dead)


def test_a_correlator_killed_at_any_call_of_an_incident_changes_nothing(world, tmp_path, chance,
                                                                        thorough):
    trace = tmp_path / "trace"
    dead: list[Machine] = []
    world.pipeline.kill("correlator")

    def one_panic(strace: tuple[str, ...]) -> bool:
        machine = world.add(pods=2)
        world.renew()
        living = [m for m in world.machines if m not in dead]
        for other in living:
            other.kubelet.asked = 0
        watched = Watched(world.pipeline, "correlator", strace)
        watched.until(lambda: all(m.kubelet.asked for m in living), "first answers")
        machine.panic()
        watched.until(lambda: any(row["outcome"] for row in machine.incidents()), "an outcome")
        watched.stop()
        assert machine.outcome() == "deleted" and not machine.exists
        dead.append(machine)
        only_touched(world, *dead)
        return watched.was_killed

    assert not one_panic(traced(str(trace), ",".join(CALLS)))
    points = [Point("correlator", call, n) for call, count in count_in(trace, CALLS).items()
              for n in range(1, count + 1)]
    chance.shuffle(points)
    wanted = THOROUGH if thorough else SAMPLE
    while wanted:  # not every run makes as many calls as the counted one
        point = points.pop()
        print(point)
        wanted -= one_panic(point.strace)
