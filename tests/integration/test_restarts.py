"""Every stage killed in the middle of a panic: nothing is lost, and each incident ends once."""
import time

import pytest

from tests.harness import captures
from tests.harness.pipeline import panics_of
from tests.harness.programs import wait_until

STAGES = ("listener", "correlator", "actuator")


def ends_well(pipeline, fleet, node, outcomes: tuple[str, ...] = ("deleted",)) -> None:
    incident = pipeline.ended(node, 20)
    assert incident["outcome"] in outcomes, incident
    assert not fleet.api.exists(node.path)
    assert fleet.pod_names(node, "Job") == []
    assert len(panics_of(pipeline.state, incident)) == 1


def slow(fleet, node, verb: str, resource: str) -> None:
    """The actuator's requests of that kind take a while, so that there is a middle."""
    fleet.api.faults({"user": "actuator", "verb": verb, "resource": f"^{resource}$",
                      "action": "delay", "delay": 0.5})


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("verb, resource", [
    ("get", "nodes"), ("patch", "nodes"), ("patch", "pods/status"), ("delete", "pods"),
    ("delete", "nodes")])
def test_a_stage_killed_during_a_request_changes_nothing(pipeline, fleet, stage, verb, resource):
    node = fleet.add()
    slow(fleet, node, verb, resource)
    pipeline.panic(node)
    fleet.api.wait_for(lambda: any(fleet.api.fault_hits()), what=f"a {verb} of {resource}")
    pipeline.restart(stage)
    # Who deleted the Node cannot be known by one that was killed while it did.
    unsure = (stage, verb, resource) == ("actuator", "delete", "nodes")
    ends_well(pipeline, fleet, node, ("deleted", "node-gone") if unsure else ("deleted",))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_killed_at_any_moment_after_a_panic_line_loses_nothing(make_pipeline, fleet, stage):
    """From the moment on in which the line is in the queue of the socket that systemd passed."""
    nodes = [fleet.add(pods=1) for _ in range(10)]
    pipeline = make_pipeline(passed=True).start()
    for number, node in enumerate(nodes):
        with captures.sender(node.address) as sock:
            sock.sendto(b"Kernel panic - not syncing: at some moment\n",
                        ("127.0.0.1", pipeline.port))
        time.sleep(0.0005 * number)
        pipeline.restart(stage)
    for node in nodes:
        ends_well(pipeline, fleet, node, outcomes=("deleted", "node-gone"))


@pytest.mark.parametrize("away", [("correlator",), ("actuator",), ("correlator", "actuator")],
                         ids=" and ".join)
def test_a_panic_that_comes_while_stages_are_away_waits_for_them(pipeline, fleet, away):
    node = fleet.add()
    pipeline.kill(*away)
    pipeline.panic(node)
    pipeline.start(*away)
    ends_well(pipeline, fleet, node)


def test_a_listener_that_is_killed_delivers_what_was_pending(make_pipeline, fleet):
    nodes = [fleet.add() for _ in range(3)]
    pipeline = make_pipeline().start("listener")
    for node in nodes:
        pipeline.panic(node)
    pipeline.restart("listener")
    pipeline.start("correlator", "actuator")
    for node in nodes:
        ends_well(pipeline, fleet, node)


def test_all_stages_killed_at_once_in_the_middle_finish_what_they_began(pipeline, fleet):
    nodes = [fleet.add() for _ in range(3)]
    slow(fleet, nodes[0], "patch", "pods/status")
    for node in nodes:
        pipeline.panic(node)
    fleet.api.wait_for(lambda: any(fleet.api.fault_hits()))
    pipeline.restart(*STAGES)
    for node in nodes:
        ends_well(pipeline, fleet, node)


def test_an_actuator_that_is_killed_again_and_again_ends_the_incident_once(pipeline, fleet):
    node = fleet.add(pods=8)
    slow(fleet, node, "delete", "pods")
    pipeline.panic(node)
    for count in range(1, 4):
        fleet.api.wait_for(lambda: sum(fleet.api.fault_hits()) >= count)
        pipeline.restart("actuator")
    ends_well(pipeline, fleet, node)
    deletes = [line for line in fleet.writes(node) if line["verb"] == "delete"
               and line["objectRef"]["resource"] == "nodes"
               and line["responseStatus"]["code"] == 200]
    assert len(deletes) == 1


def test_a_finished_incident_is_not_begun_again_by_a_restart(pipeline, fleet):
    node = fleet.add()
    pipeline.panic(node)
    ends_well(pipeline, fleet, node)
    wait_until(lambda: len(fleet.events(node)) == 8)  # Node, three owners, four pods
    writes = fleet.writes(node)
    pipeline.restart(*STAGES)
    other = fleet.add()
    pipeline.panic(other)
    ends_well(pipeline, fleet, other)
    assert len(pipeline.incidents(node)) == 1
    assert fleet.writes(node) == writes


def test_an_api_server_that_is_away_at_the_start_is_waited_for(make_pipeline, fleet):
    node = fleet.add()
    fleet.api.away()
    pipeline = make_pipeline().start()
    pipeline.panic(node)
    pipeline.running["correlator"].wait_for("held")
    fleet.api.away(False)
    ends_well(pipeline, fleet, node)


def test_stages_asked_to_end_in_the_middle_end_well_and_lose_nothing(pipeline, fleet):
    node = fleet.add()
    slow(fleet, node, "patch", "pods/status")
    pipeline.panic(node)
    fleet.api.wait_for(lambda: any(fleet.api.fault_hits()))
    pipeline.stop()
    pipeline.start()
    ends_well(pipeline, fleet, node)
