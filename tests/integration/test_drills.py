"""A drill goes the whole way of a panic, to an Event on its Node, and touches nothing."""
import pytest

from tests.harness import ours, records
from tests.harness.edges import connect
from tests.harness.metrics import Pages
from tests.harness.programs import wait_until

FORMATS = [ours.extended, ours.basic]
REASON = "lastgasp drill: nothing died, nothing is touched; drill "


def drills_of(fleet, node) -> list[dict]:
    return [event for event in fleet.events(node) if event["reason"] == "NodeDrill"]


def untouched(fleet, node, before: dict) -> None:
    assert fleet.writes(node) == []
    assert fleet.api.get(node.path) == before
    assert len(fleet.pods(node)) == 4


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("mode", ["annotate", "pods", "node"])
def test_a_drill_ends_as_an_event_and_a_row_and_touches_nothing(make_pipeline, fleet, mode, form):
    node = fleet.add()
    before = fleet.api.get(node.path)
    pipeline = make_pipeline(mode=mode).start()
    pipeline.say(node, form(ours.drill(node, "abc123")))
    incident = pipeline.ended(node)
    assert (incident["cause"], incident["verdict"], incident["outcome"]) == ("drill", "drill", "told")
    assert incident["reason"] == REASON + "abc123"
    (event,) = drills_of(fleet, node)
    assert REASON + "abc123" in event["note"] and node.address in event["note"]
    assert event["type"] == "Normal" and event["regarding"]["name"] == node.name
    untouched(fleet, node, before)


def test_the_event_says_whether_silence_would_count(make_pipeline, fleet):
    """127.66.0.0/16 is this machine, whose kernel answers for each of its addresses."""
    node, pages = fleet.add(kubeletPort=10250), Pages()
    pipeline = make_pipeline(verify="probe", metrics=pages.endpoint,
                             correlator=("--sweep=1s",)).start()
    pages.wait_for("lastgasp_correlator_map_whole", 1)
    wait_until(lambda: pages.nodes()[0][node.name]["probable"], 10, "an answer")
    pipeline.say(node, ours.extended(ours.drill(node)))
    assert pipeline.ended(node)["outcome"] == "told"
    (event,) = drills_of(fleet, node)
    assert "so that silence would count" in event["note"]


def test_in_the_mode_observe_it_is_a_row(make_pipeline, fleet):
    node = fleet.add()
    before = fleet.api.get(node.path)
    pipeline = make_pipeline(mode="observe").start()
    pipeline.say(node, ours.extended(ours.drill(node)))
    incident = pipeline.ended(node)
    assert incident["outcome"] == "observed"
    assert "would have sent an Event on the Node" in incident["detail"]
    assert fleet.events(node) == []
    untouched(fleet, node, before)


def test_a_drill_of_a_node_that_opted_out_says_so(make_pipeline, fleet):
    node = fleet.add()
    fleet.api.patch(node.path, {"metadata": {"annotations":
                                             {"node.titus.netflix.com/lastgasp": "ignore"}}})
    pipeline = make_pipeline().start()
    pipeline.say(node, ours.extended(ours.drill(node)))
    assert pipeline.ended(node)["outcome"] == "opted-out"
    assert fleet.events(node) == []


def test_one_whose_event_is_refused_does_not_end_as_told(make_pipeline, fleet):
    node = fleet.add()
    fleet.api.faults({"user": "actuator", "verb": "create", "resource": "events",
                      "action": "status", "status": 422})
    pipeline = make_pipeline().start()
    pipeline.say(node, ours.extended(ours.drill(node)))
    incident = pipeline.ended(node)
    assert incident["outcome"] == "refused" and "1 Events were not taken" in incident["detail"]


def test_many_drills_are_one_a_minute(make_pipeline, fleet):
    node, other = fleet.add(), fleet.add()
    pipeline = make_pipeline().start()
    for number in range(200):
        pipeline.say(node, ours.extended(ours.drill(node, f"{number:x}")))
    pipeline.say(other, ours.extended(ours.drill(other)))
    assert pipeline.ended(other)["outcome"] == "told"
    assert pipeline.ended(node)["reason"] == REASON + "0"
    assert len(drills_of(fleet, node)) == 1
    pipeline.stop("listener")
    assert "lastgasp_lines_skipped=199" in pipeline.logs()


def test_two_ways_of_one_drill_are_one_event(make_pipeline, fleet):
    """A node has several addresses, and each may be a way: the drill is one."""
    node = fleet.add()
    second = "127.77.0.1"
    node = fleet.change(node, lambda obj: obj["status"]["addresses"].append(
        {"type": "InternalIP", "address": second}))
    pipeline = make_pipeline().start()
    for address in (node.address, second):
        pipeline.say(type(node)(node.name, node.uid, node.boot, address),
                     ours.extended(ours.drill(node)))
    assert pipeline.ended(node)["outcome"] == "told"
    assert len(drills_of(fleet, node)) == 1


def test_a_drill_that_names_another_node_tells_nobody(make_pipeline, fleet):
    node, other = fleet.add(), fleet.add()
    pipeline = make_pipeline().start()
    pipeline.say(node, ours.extended(ours.drill(other)))
    assert pipeline.ended(node)["outcome"] == "mismatch"
    assert pipeline.incidents(other) == []
    assert drills_of(fleet, node) == drills_of(fleet, other) == []


def test_a_drill_is_not_lost_while_nobody_takes_it(make_pipeline, fleet):
    node = fleet.add()
    pipeline = make_pipeline().start("listener")
    pipeline.say(node, ours.extended(ours.drill(node)))
    wait_until(lambda: "drill of" in pipeline.logs(), 5, "the drill taken")
    pipeline.restart("listener")
    pipeline.start()
    assert pipeline.ended(node)["outcome"] == "told"


def test_a_panic_after_a_drill_is_a_panic(make_pipeline, fleet):
    node = fleet.add()
    pipeline = make_pipeline().start()
    pipeline.say(node, ours.extended(ours.drill(node)))
    wait_until(lambda: [row for row in pipeline.incidents(node) if row["outcome"] == "told"])
    pipeline.panic(node)
    wait_until(lambda: not fleet.api.exists(node.path), 10, "the Node deleted")
    wait_until(lambda: [row for row in pipeline.incidents(node) if row["outcome"] == "deleted"])
    assert [row["cause"] for row in pipeline.incidents(node)] == ["drill", "kernel-panic"]


def test_a_drill_needs_a_token_where_one_is_required(make_pipeline, fleet, tmp_path):
    token = "0123456789abcdef"
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{token}\n")
    tokens.chmod(0o600)
    forged, real = fleet.add(), fleet.add()
    pipeline = make_pipeline(listener=(f"--require-token={tokens}",)).start()
    pipeline.say(forged, ours.extended(ours.drill(forged)))
    pipeline.say(real, ours.extended(ours.drill(real), token=token))
    assert pipeline.ended(real)["outcome"] == "told"
    assert pipeline.incidents(forged) == []


@pytest.mark.parametrize("changes, why", [
    ({"verdict": "silent"}, 'verdict "silent" is none of the cause "drill"'),
    ({"cause": "kernel-panic"}, 'verdict "drill" is none of the cause "kernel-panic"'),
    ({"id": records.digest("another")}, "is not the hash of uid, boot and drill"),
])
def test_a_correlator_cannot_make_more_of_a_drill(make_pipeline, fleet, changes, why):
    node = fleet.add()
    pipeline = make_pipeline().start("actuator")
    panic = records.digest("drill")
    intent = {**records.intent(node, cause="drill", verdict="drill", panics=[panic]),
              "id": records.digest(node.uid, node.boot, panic), **changes}
    with connect(pipeline.sockets["actuator"], "correlator") as correlator:
        correlator.send(intent)
        (error,) = correlator.wait_for("error", of="intent")
    assert why in error["why"]
    assert fleet.writes(node) == [] and pipeline.incidents(node) == []


def test_drills_that_cannot_end_leave_room_for_incidents(make_pipeline, fleet):
    drilled, died = fleet.add(), fleet.add()
    pipeline = make_pipeline().start("actuator")
    fleet.api.faults({"user": "actuator", "verb": "get", "resource": "nodes", "action": "status",
                      "status": 503})
    with connect(pipeline.sockets["actuator"], "correlator") as correlator:
        for number in range(1030):
            if number == 1024:
                correlator.wait_for("ack", number, of="intent")
            panic = records.digest("drill", str(number))
            correlator.send({**records.intent(drilled, cause="drill", verdict="drill",
                                              panics=[panic]),
                             "id": records.digest(drilled.uid, drilled.boot, panic)})
        refused = correlator.wait_for("error", 6, of="intent")
        incident = records.intent(died)
        correlator.send(incident)
        correlator.wait_for("ack", of="intent", id=incident["id"])
    assert {error["why"] for error in refused} == {"too much is to be told; send it again later"}
    fleet.api.clear_faults()
    assert pipeline.ended(died)["outcome"] == "deleted"
