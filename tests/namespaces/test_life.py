"""Machines that live, whatever is said of them: nothing is written."""
import pytest

from tests.harness.programs import wait_until


@pytest.mark.parametrize("by", ["its own pod", "another machine"])
@pytest.mark.parametrize("capture", ["6.12/cfgbasic-sysrqc", "6.12/ext-oopspanic"])
def test_a_forged_panic_leads_to_no_write_and_the_verdict_alive(world, by, capture):
    victim = world.machines[0]
    victim.forge(capture, world.machines[5] if by == "another machine" else None)
    alive = world.pipeline.running["correlator"].wait_for(f"node {victim.name} is alive.*", 40)
    assert f"{victim.address}:10250 has been answering for" in alive
    assert world.writes() == [] and world.pipeline.incidents() == []


def test_who_only_resets_connections_is_alive(world):
    victim = world.machines[0]
    victim.stop_kubelet()
    victim.forge()
    world.pipeline.running["correlator"].wait_for(f"node {victim.name} is alive", 40)
    assert world.writes() == [] and world.pipeline.incidents() == []


def test_a_proxy_that_answers_for_the_dead_keeps_them_and_it_is_said(empty_world):
    """What answers at its address is taken for it: the incident expires, and history tells."""
    world = empty_world
    victim, *_ = world.add_many(4)
    world.start("--alive=2s", "--expire=8s")
    world.wait_swept()
    victim.panic()
    proxy = world.answer_for(victim)
    try:
        assert victim.outcome() == "expired"
        assert proxy.asked > 0 and victim.exists and len(victim.pods()) == 3
        assert world.writes() == []
    finally:
        proxy.close()


def test_who_is_back_as_another_boot_before_it_is_judged_is_only_told_of(world):
    victim = world.machines[0]
    victim.panic()
    before = victim.node.boot
    victim.reboot("11111111-2222-3333-4444-555555555555")
    assert victim.node.boot != before
    rows = wait_until(lambda: [row for row in world.pipeline.incidents() if row["outcome"]], 30,
                      "an outcome")
    assert [(row["boot"], row["outcome"]) for row in rows] == [(before, "rebooted")]
    assert world.deletes() == [] and not victim.is_marked() and len(victim.pods()) == 3


def test_who_is_back_after_it_was_told_of_loses_what_was_set(world):
    victim = world.machines[0]
    victim.panic()
    wait_until(victim.is_marked, 20, "the Node marked")
    victim.reboot("11111111-2222-3333-4444-555555555555")
    wait_until(lambda: not victim.is_marked(), 40, "the marks undone")
    assert world.deletes() == [] and len(victim.pods()) == 3


def test_a_panic_is_in_the_history_although_it_rebooted_while_no_correlator_ran(world):
    victim = world.machines[0]
    world.pipeline.kill("correlator")
    victim.panic()
    victim.reboot("11111111-2222-3333-4444-555555555555")
    world.pipeline.start("correlator")
    assert victim.outcome(60) == "expired"
    (incident,) = world.pipeline.incidents()
    assert "perhaps from an earlier boot" in incident["words"]
    assert world.writes() == [] and len(victim.pods()) == 3
