"""A machine that panics, boots and panics again: each panic told once, and the loop said."""
import pytest

from tests.harness import records
from tests.harness.programs import wait_until


def reboot(fleet, node, number: int):
    return fleet.change(node, lambda obj: obj["status"]["nodeInfo"].update(
        bootID=records.digest(node.name, str(number))))


def rows(pipeline, node) -> list[dict]:
    return [row for row in pipeline.incidents(node) if row["state"] == "closed"]


@pytest.mark.parametrize("verdict", ["silent", "rebooted"])
def test_each_panic_of_a_loop_is_told_once_and_counted(act, fleet, verdict):
    node = fleet.add(pods=0)
    act.pipeline.running["actuator"].wait_for("this host acts")
    for number in range(4):
        node = reboot(fleet, node, number)
        incident = act.intend(node, verdict=verdict, silent_until_us=records.now_us())
        if verdict == "silent":
            wait_until(lambda: len(fleet.events(node)) == 2 * number + 1, 10, "the Node told of")
            act.correlator.send({"type": "retract", "id": incident, "why": "rebooted"})
        act.correlator.wait_for("result", id=incident)
    wait_until(lambda: len(rows(act.pipeline, node)) == 4)
    details = [row["detail"] for row in rows(act.pipeline, node)]
    assert "in 10 minutes" not in details[0]
    for number in (2, 3, 4):
        assert details[number - 1].endswith(f"; {number} panics in 10 minutes")
        assert details[number - 1].count("in 10 minutes") == 1
    events = 8 if verdict == "silent" else 4
    wait_until(lambda: len(fleet.events(node)) >= events, 10, "an Event for each")
    notes = [event["note"] for event in fleet.events(node)]
    assert len(notes) == len(set(notes)) == events
    assert sum("4 panics in 10 minutes" in note for note in notes) == len(notes) / 4


def test_panics_of_other_nodes_do_not_count(act, fleet):
    for _ in range(3):
        node = fleet.add(pods=0)
        act(node, verdict="rebooted")
        assert "in 10 minutes" not in rows(act.pipeline, node)[0]["detail"]


def test_one_death_said_twice_is_one_panic(act, fleet):
    node = fleet.add(pods=0)
    act(node, verdict="rebooted")
    act.intend(node, verdict="rebooted")
    assert [row["detail"] for row in rows(act.pipeline, node)] == \
        ["the node has rebooted since; nothing was done"]
