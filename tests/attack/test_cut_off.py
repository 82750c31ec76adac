"""Machines that live and cannot be heard, each with a forged panic: nothing of them is deleted.

The network is the real one of tests/harness/world.py.  Each scene ends with a real death in the
same world, which must be acted on, so that a lastgasp that never acts does not pass.
"""
import os
import signal
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.harness.programs import wait_until
from tests.harness.world import LAPSED_SECONDS, NODE_LEASES, SETTLE_SECONDS, Machine, World

FORGED = "6.12/ext-oopspanic"
REAL = "6.12/cfgbasic-sysrqc"
# A quarter of a Lease's length, as with kubelets, and longer than from one reading to the next.
RENEW_SECONDS = 3
# As long as a real death takes, and half as much again.
LONG_ENOUGH = 1.5 * (SETTLE_SECONDS + LAPSED_SECONDS)


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """Two zones of five machines, every one of which has answered."""
    with World(tmp_path) as made:
        for zone in "ab":
            made.add_many(5, zone)
        made.start()
        made.wait_swept()
        yield made


def accuse(*machines: Machine) -> None:
    """A forged panic of each, which the correlator has begun to look into."""
    for machine in machines:
        machine.forge(FORGED)
    for machine in machines:
        machine.world.pipeline.running["correlator"].wait_for(f"is node {machine.name} dead")


def deletes_of(machine: Machine) -> list[dict]:
    return [line for line in machine.world.fleet.writes(machine.node) if line["verb"] == "delete"]


def assert_a_real_death_is_acted_on(victim: Machine) -> None:
    """And nothing but that: the deletes of the whole audit log are the victim's."""
    before = len(victim.world.deletes())
    victim.panic(REAL)
    assert victim.outcome(60) == "deleted"
    assert not victim.exists
    assert len(victim.world.deletes()) - before == len(deletes_of(victim))


def lose(machine: Machine) -> None:
    """What the control plane makes of a Node whose Lease has stood still for long."""
    def change(obj: dict) -> None:
        for condition in obj["status"]["conditions"]:
            if condition["type"] == "Ready":
                condition["status"] = "Unknown"
    machine.stop_renewing()
    machine.node = machine.world.fleet.change(machine.node, change)


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """One world in which parts fail side by side: most machines named here are accused, and time
    for the worst has passed."""
    with World(tmp_path_factory.mktemp("parts")) as world:
        partitioned, *rest_of_zone = world.add_many(4, "a")
        filtered, stopped, vanished, *_ = world.add_many(8, "b")
        unreached, unreached_too = world.add_many(2, "c")
        world.cut("c")
        stopped.stop_kubelet()
        vanished.filter_syns()
        for machine in (stopped, vanished):
            lose(machine)
        world.start()
        unheard = (stopped, vanished, unreached, unreached_too)
        world.wait_swept(*(m for m in world.machines if m not in unheard))

        accuse(partitioned, filtered, stopped, vanished, unreached)
        world.cut("a")
        filtered.filter_syns()
        time.sleep(LONG_ENOUGH)
        yield SimpleNamespace(world=world, partitioned=partitioned, rest_of_zone=rest_of_zone,
                              filtered=filtered, stopped=stopped, vanished=vanished,
                              unreached=unreached, unreached_too=unreached_too)


def test_none_of_the_parts_that_cannot_be_heard_is_deleted(parts):
    assert parts.world.deletes() == []


def test_a_zone_that_is_partitioned_is_held(parts):
    assert parts.partitioned.writes() == []
    parts.world.pipeline.running["correlator"].wait_for(
        f"cut off from node {parts.partitioned.name}:")


def test_a_port_whose_syns_are_dropped_is_told_of_and_that_is_undone(parts):
    assert parts.filtered.is_marked() and deletes_of(parts.filtered) == []
    parts.filtered.filter_syns(False)
    assert parts.filtered.outcome() == "retracted"
    wait_until(lambda: not parts.filtered.is_marked(), 20, "the marks undone")


def test_a_kubelet_that_was_stopped_long_ago_proves_nothing(parts):
    assert parts.stopped.writes() == [] and parts.vanished.writes() == []


def test_a_subnet_that_was_never_reached_is_left_to_its_leases(parts):
    assert parts.unreached.writes() == []
    assert_a_real_death_is_acted_on(parts.unreached_too)


def test_a_zone_that_is_heard_again_is_acted_on(parts):
    parts.world.heal("a")
    assert_a_real_death_is_acted_on(parts.rest_of_zone[0])


@pytest.mark.parametrize("with_api", ["the API answers", "the API is out of reach"])
def test_our_host_loses_its_network(world, with_api):
    accuse(*world.machines[:3])
    world.unplug()
    world.api.silent(with_api != "the API answers")
    time.sleep(LONG_ENOUGH)
    assert world.writes() == []
    world.api.silent(False)
    world.plug()
    assert_a_real_death_is_acted_on(world.machines[5])


def test_what_our_host_sends_is_lost_behind_its_router(world):
    accuse(world.machines[0])
    for zone in "ab":
        world.cut(zone)
    time.sleep(LONG_ENOUGH)
    assert world.writes() == []
    for zone in "ab":
        world.heal(zone)
    assert_a_real_death_is_acted_on(world.machines[0])


def test_the_api_server_alone_is_sick(world):
    """No Lease moves; one machine answers, the SYNs to another are dropped."""
    answers, silent, dies, *_ = world.machines
    world.api.renew(0)
    accuse(answers, silent)
    silent.filter_syns()
    time.sleep(LONG_ENOUGH)
    assert world.deletes() == [] and answers.writes() == []
    assert silent.is_marked()
    world.renew()
    assert_a_real_death_is_acted_on(dies)


@pytest.fixture
def real_pace(tmp_path) -> Iterator[World]:
    """Ten machines that renew no oftener than kubelets do, and one more that was never reached."""
    with World(tmp_path, lease_seconds=4 * RENEW_SECONDS, renew_seconds=RENEW_SECONDS) as made:
        made.add_many(10, "a")
        made.add("b")
        made.cut("b")
        made.start()
        made.wait_swept(*made.machines[:-1])
        yield made


def wait_for_renewals(machine: Machine, count: int) -> None:
    """So many, from now on; returns at once after the last."""
    path = f"{NODE_LEASES}/{machine.name}"

    def renewed() -> str:
        return machine.world.api.get(path)["spec"]["renewTime"]

    for _ in range(count):
        before = renewed()
        wait_until(lambda before=before: renewed() != before, 2 * RENEW_SECONDS, "a renewal")


def reads_its_lease(machine: Machine) -> bool:
    return any(line["objectRef"]["name"] == machine.name
               for line in machine.world.api.audit("actuator", "get", "leases"))


@pytest.mark.parametrize("verdict", ["silent", "unprobable"])
def test_no_lease_is_taken_from_just_before_its_own_would_be_renewed(real_pace, chance, verdict):
    """Those of its neighbours moved meanwhile, and its own stands still as long as a dead one's."""
    world = real_pace
    accused = world.machines[0 if verdict == "silent" else -1]
    if verdict == "silent":
        accused.filter_syns()
    accuse(accused)
    wait_until(lambda: reads_its_lease(accused), 30, "the actuator reads its Lease")
    wait_for_renewals(accused, 2)
    time.sleep(chance.uniform(0.8, 0.95) * RENEW_SECONDS)
    world.api.renew(0)
    time.sleep(2 * (1.25 * RENEW_SECONDS + 2))
    assert [row["verdict"] for row in accused.incidents()] == [verdict]
    assert world.deletes() == []
    world.renew()
    assert_a_real_death_is_acted_on(world.machines[1])


def test_the_correlator_stands_still_for_two_seconds_in_the_middle_of_a_probe(world, chance):
    """Probes were lost before that; while it stands still the machines answer again.  And once
    more for longer than silence must last."""
    correlator = world.pipeline.running["correlator"].pid
    accused = world.machines[:3]
    accuse(*accused)
    for stop_seconds in (2.0, SETTLE_SECONDS + 1.0):
        time.sleep(chance.uniform(0.1, 1.0))
        for machine in accused:
            machine.cut()
        time.sleep(SETTLE_SECONDS / 2)
        os.kill(correlator, signal.SIGSTOP)
        for machine in accused:
            machine.heal()
        time.sleep(stop_seconds)
        os.kill(correlator, signal.SIGCONT)
        time.sleep(SETTLE_SECONDS)
    world.pipeline.running["correlator"].wait_for("we stood still for [0-9]{4} ms")
    assert world.writes() == []
    assert_a_real_death_is_acted_on(accused[0])
