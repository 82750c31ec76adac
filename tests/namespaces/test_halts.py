"""Machines that are halted, or of which that is only said."""
import pytest

from tests.harness.halts import WHO, line, text
from tests.harness.programs import wait_until

REASON = "pod.titus.netflix.com/pod-termination-reason"
BOOT = "11111111-2222-3333-4444-555555555555"


def start(world, setting: str):
    for zone in "ab":
        world.add_many(4, zone)
    world.start("--alive=4s", actuator=(f"--on-halt={setting}",))
    world.wait_swept()
    return world.machines[0]


@pytest.mark.parametrize("kind", ["halt", "restarting"])
@pytest.mark.parametrize("by", ["its own pod", "another machine"])
def test_a_forged_halt_of_a_machine_that_lives_leads_to_nothing(empty_world, by, kind):
    world, victim = empty_world, start(empty_world, "node")
    victim.send([line(kind, WHO)], by=world.machines[5] if by == "another machine" else None)
    alive = world.pipeline.running["correlator"].wait_for(f"node {victim.name} is alive.*", 40)
    assert WHO in alive
    assert world.writes() == [] and world.pipeline.incidents() == []


def test_a_halted_machine_goes_and_its_pods_say_who_asked(empty_world):
    world, victim = empty_world, start(empty_world, "node")
    since, doomed = world.fleet.version(), [pod["metadata"]["name"] for pod in victim.pods()]
    victim.send([line("halt", WHO, node=victim.name)])
    victim.die()
    assert victim.outcome() == "deleted"
    assert not victim.exists and not victim.pods() and doomed
    last = world.api.last_states("pods", since)
    assert {last[name]["metadata"]["annotations"][REASON] for name in doomed} == \
        {text(victim.name, "halt", WHO)}
    notes = [event["note"] for event in world.fleet.events(victim.node)
             if event["regarding"]["kind"] == "Node"]
    assert [note for note in notes if " the halt; 4 of 4 witnesses" in note], notes
    assert not [note for note in notes if "panic" in note], notes
    assert world.pipeline.incidents()[0]["cause"] == "halt"


def test_a_restart_is_told_of_and_undone_when_the_machine_is_back(empty_world):
    world, victim = empty_world, start(empty_world, "node")
    victim.send([line("restarting", WHO)])
    victim.die()
    assert victim.outcome() == "told"
    assert victim.is_marked() and len(victim.pods()) == 3
    victim.reboot(BOOT)
    wait_until(lambda: not victim.is_marked(), 40, "the marks undone")
    assert world.deletes() == [] and len(victim.pods()) == 3


def test_by_default_a_halt_is_a_row_in_the_history(empty_world):
    world, victim = empty_world, start(empty_world, "record")
    victim.send([line("power-down", WHO)])
    victim.die()
    assert victim.outcome() == "observed"
    assert world.writes() == [] and victim.exists
    assert victim.incidents()[0]["reason"] == f"System powered down: {WHO}"


def test_a_panic_on_the_way_down_is_a_panic(empty_world):
    world, victim = empty_world, start(empty_world, "record")
    victim.send([line("halt", WHO)])
    victim.panic()
    assert victim.outcome() == "deleted"
    assert victim.incidents()[0]["cause"] == "kernel-panic"
    assert not victim.exists
