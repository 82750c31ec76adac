"""Machines that panic and really fall silent: they and their pods go, with the reason."""
import time

from tests.harness.pipeline import PANIC_REASON
from tests.harness.programs import run, wait_until
from tests.harness.world import LAPSED_SECONDS, SETTLE_SECONDS

FORGED = "6.12/ext-oopspanic"  # not the panic that panic() sends
REASON = "pod.titus.netflix.com/pod-termination-reason"


def wait_for_evidence(machine) -> str:
    """The words of its incident, as soon as there is one."""
    return wait_until(machine.incidents, 30, f"an incident of {machine.name}")[0]["words"]


def test_after_a_panic_and_silence_pods_and_node_go_and_say_why(world):
    victim = world.add("a", pods=8)
    world.wait_swept(victim)
    since, doomed = world.fleet.version(), [pod["metadata"]["name"] for pod in victim.pods()]
    began = time.monotonic()
    victim.panic()
    assert victim.outcome() == "deleted"
    assert time.monotonic() - began > max(LAPSED_SECONDS, SETTLE_SECONDS)
    assert not victim.exists and not victim.pods() and len(doomed) == 6
    last = world.api.last_states("pods", since)
    reason = f"Kernel panic on node {victim.name}: {PANIC_REASON}"
    assert {last[name]["metadata"]["annotations"][REASON] for name in doomed} == {reason}
    assert {last[name]["status"]["phase"] for name in doomed} == {"Failed"}
    assert not [line for line in world.deletes() if line["objectRef"]["name"] != victim.name
                and line["objectRef"]["name"] not in doomed]


def test_the_evidence_is_told_in_words_wherever_the_decision_is(world):
    victim = world.machines[0]
    victim.panic()
    words = wait_for_evidence(victim)
    assert words.startswith(f"{victim.address}:10250 silent for 3.") and "attempts; last answer" \
        in words and "4 of 4 witnesses answered" in words
    world.pipeline.running["correlator"].wait_for("verdict silent: [^;]*silent for 3")
    assert victim.outcome() == "deleted"
    notes = [event["note"] for event in world.fleet.events(victim.node)
             if event["regarding"]["kind"] == "Node"]
    assert [note for note in notes if "silent for" in note and "witnesses answered" in note], notes


def test_who_answers_for_one_and_a_half_seconds_more_is_dead_after_that(world):
    victim = world.machines[0]
    victim.forge()
    time.sleep(1.5)
    victim.die()
    died = time.monotonic()
    words = wait_for_evidence(victim)
    assert time.monotonic() - died > SETTLE_SECONDS - 0.6  # an answer each half second before that
    assert "after the panic" in words, words
    assert victim.outcome() == "deleted"


def test_a_forged_panic_hides_no_real_one_that_follows(world):
    gaps = {0.0: world.machines[0], 2.9: world.machines[4], 5.0: world.add("b")}
    world.wait_swept()
    began = time.monotonic()
    for victim in gaps.values():
        victim.forge(FORGED)
    for gap, victim in gaps.items():
        time.sleep(max(0.0, began + gap - time.monotonic()))
        assert not victim.writes()
        victim.panic()
    for victim in gaps.values():
        assert victim.outcome() == "deleted"


def test_what_another_process_reports_is_removed_once_it_is_silent_and_lapsed(empty_world):
    """And not before: a word is no evidence, and there is no panic here at all."""
    empty_world.add_many(5)
    control = empty_world.folder / "control.sock"
    empty_world.start(actuator=(f"--control={control}",))
    empty_world.wait_swept()
    victim, living, *_ = empty_world.machines
    empty_world.pipeline.running["actuator"].wait_for("this host acts", 20)
    for machine in (victim, living):
        if machine is victim:
            machine.die()
        done = run("lastgasp-incidents", "report", f"--node={machine.name}", f"--control={control}",
                   "--reason-code=hardware", "--reason=machine check")
        assert done.returncode == 0, done.stderr
    assert living.outcome() == "retracted" and not living.is_marked() and living.exists
    assert victim.outcome() == "deleted" and not victim.exists and not victim.pods()
    (incident,) = victim.incidents()
    assert (incident["cause"], incident["verdict"]) == ("hardware", "silent")
    assert incident["words"].startswith(f"{victim.address}:10250 silent for 3.")
    assert {line["objectRef"]["name"] for line in empty_world.deletes()
            if line["objectRef"]["resource"] == "nodes"} == {victim.name}


def test_who_was_found_alive_is_judged_afresh_when_it_really_panics(world):
    victim = world.machines[0]
    victim.forge(FORGED)
    world.pipeline.running["correlator"].wait_for(f"node {victim.name} is alive", 40)
    assert not victim.writes()
    victim.panic()
    assert victim.outcome() == "deleted"


def test_the_port_is_the_one_that_the_node_names(world):
    victim = world.add("a", port=10355)
    world.wait_swept(victim)
    victim.panic()
    assert wait_for_evidence(victim).startswith(f"{victim.address}:10355 silent for")
    assert victim.outcome() == "deleted"


def test_one_neighbour_that_died_unheard_delays_nothing(world):
    unheard, victim = world.machines[:2]
    unheard.die()
    victim.panic()
    assert "3 of 4 witnesses answered" in wait_for_evidence(victim)
    assert victim.outcome(40) == "deleted"
    assert not unheard.writes()


def test_two_neighbours_that_fell_silent_may_be_our_own_network(world):
    """Of four witnesses in the same zone: a rack that was cut off looks like this."""
    first, victim, second, *_ = world.machines
    first.die()
    second.die()
    victim.panic()
    world.pipeline.running["correlator"].wait_for("it may be we who are cut off", 20)
    first.revive()
    second.revive()
    assert victim.outcome(40) == "deleted"
