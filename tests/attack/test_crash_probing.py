"""A correlator that is killed while it probes: what it knew of each machine is gone with it.

What the actuator has open is probed again because the actuator says so; what was not open yet is
judged anew, by then without an answer to compare with.  test_crash_in_silence.py has each call.
"""
import time
from collections.abc import Iterator

import pytest

from tests.harness.programs import wait_until
from tests.harness.world import Machine, World


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
