"""Why a node died, told after its next boot: words in the history and in Events, and no more."""
import sqlite3
import time

import pytest

from tests.harness import ours, records
from tests.harness.edges import connect
from tests.harness.fleet import Node
from tests.harness.programs import wait_until

OLD = "5d1c6f0e-7a92-4b35-9f0d-c2e8a4b71d63"
REASON = ("Fatal exception in interrupt (NULL pointer dereference at 0000000000000010 in do_oops "
          "[crashme], task insmod)")
MINUTE_US = 60_000_000


def lines(boot: str = OLD) -> list[str]:
    return ours.late(boot, *ours.OOPS, ours.PANIC, "---[ end " + ours.PANIC + " ]---")


def say(pipeline, source: Node, form=ours.extended, boot: str = OLD, kernel_us: int = MINUTE_US,
        **userdata) -> None:
    for number, line in enumerate(lines(boot)):
        pipeline.say(source, form(line, kernel_us + number, **userdata))


def steps(pipeline, incident: dict) -> list[str]:
    database = sqlite3.connect(f"file:{pipeline.state / 'incidents.db'}?mode=ro", uri=True)
    try:
        return [row[0] for row in database.execute("SELECT words FROM steps WHERE incident = ?",
                                                   (incident["id"],))]
    finally:
        database.close()


def start_pods(fleet, node: Node, seconds_ago: int) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds_ago))
    for pod in fleet.pods(node):
        pod["status"]["startTime"] = at
        fleet.api.load({"apiVersion": "v1", "kind": "Pod", **pod})


def reboot(fleet, node: Node, boot: str) -> Node:
    return fleet.change(node, lambda obj: obj["status"]["nodeInfo"].update(bootID=boot))


def kinds(events: list[dict]) -> list[str]:
    return sorted(event["regarding"]["kind"] for event in events)


@pytest.mark.parametrize("form", [ours.extended, ours.basic])
@pytest.mark.parametrize("mode", ["annotate", "node"])
def test_the_node_and_owners_of_pods_of_the_old_boot_are_told(make_pipeline, fleet, form, mode):
    node = fleet.add()
    start_pods(fleet, node, 3600)
    before = fleet.api.get(node.path), fleet.pods(node)
    pipeline = make_pipeline(mode=mode).start()
    say(pipeline, node, form)
    incident = pipeline.ended(node)
    assert (incident["verdict"], incident["outcome"], incident["boot"]) == ("late", "told", OLD)
    assert (incident["cause"], incident["reason"]) == ("kernel-panic", REASON)
    assert incident["id"] == records.digest(node.uid, OLD)
    events = [event for event in fleet.api.list("/apis/events.k8s.io/v1/events")
              if f"node {node.name}:" in event["note"] or f"node {node.name}," in event["note"]]
    assert kinds(events) == ["Job", "Node", "ReplicaSet", "StatefulSet"]
    assert all(REASON in event["note"] for event in events)
    assert any("1 pod died with node" in event["note"] and "has booted again" in event["note"]
               for event in events)
    assert (fleet.api.get(node.path), fleet.pods(node)) == before
    assert fleet.writes(node) == []


def test_owners_of_pods_that_started_since_are_not_told(make_pipeline, fleet):
    node = fleet.add()
    start_pods(fleet, node, 5)
    pipeline = make_pipeline().start()
    say(pipeline, node)
    assert pipeline.ended(node)["outcome"] == "told"
    assert kinds(fleet.events(node)) == ["Node"]


def test_it_waits_until_the_node_says_that_it_has_booted_again(make_pipeline, fleet):
    """The kubelet starts after the network, which is when the sending side speaks."""
    node = fleet.add()
    pipeline = make_pipeline(verify="probe").start()
    say(pipeline, node, boot=node.boot)
    time.sleep(6)
    assert pipeline.incidents(node) == []
    reboot(fleet, node, records.digest("the next boot"))
    incident = pipeline.ended(node)
    assert (incident["outcome"], incident["boot"]) == ("told", node.boot)
    assert fleet.writes(node) == []


def test_it_joins_the_incident_of_that_boot_also_under_another_uid(make_pipeline, fleet):
    """The Node was deleted after its panic, and is there again once its kubelet has started."""
    node = fleet.add()
    pipeline = make_pipeline().start()
    pipeline.panic(node)
    died = pipeline.ended(node)
    assert died["outcome"] == "deleted"
    again = Node(node.name, "", "", node.address)
    say(pipeline, again, boot=node.boot)
    time.sleep(6)  # longer than a stranger's panic waits
    fleet.api.load({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name},
                    "status": {"addresses": [{"type": "InternalIP", "address": node.address}],
                               "nodeInfo": {"bootID": records.digest("again")}}})
    wait_until(lambda: any(f"says why it died: {REASON}" in words
                           for words in steps(pipeline, died)), 20, "the reason joined")
    now = pipeline.ended(node)  # still one, and as it was
    assert [now[key] for key in ("id", "outcome", "detail", "reason", "closed_us")] == \
        [died[key] for key in ("id", "outcome", "detail", "reason", "closed_us")]
    assert fleet.api.exists(node.path)


def test_said_twice_it_is_told_once(make_pipeline, fleet):
    node = fleet.add()
    pipeline = make_pipeline().start()
    say(pipeline, node)
    assert pipeline.ended(node)["outcome"] == "told"
    before = fleet.events(node)
    say(pipeline, node, kernel_us=2 * MINUTE_US)
    wait_until(lambda: pipeline.logs().count("says why it died before this boot") == 2, 10,
               "the second heard")
    time.sleep(1)
    assert fleet.events(node) == before and len(pipeline.incidents(node)) == 1


def test_late_words_about_another_node_are_its_own_only(make_pipeline, fleet):
    """Anybody on a node may name any boot: of other Nodes' incidents nothing becomes of it."""
    victim, liar = fleet.add(), fleet.add()
    pipeline = make_pipeline(mode="annotate").start()
    pipeline.panic(victim)
    died = pipeline.ended(victim)
    say(pipeline, liar, boot=victim.boot)
    assert pipeline.ended(liar)["outcome"] == "told"
    # What is for people to read is stored a little later.
    assert {**pipeline.ended(victim), "lost_before": None} == {**died, "lost_before": None}
    assert not any("says why" in words for words in steps(pipeline, died))


def test_what_its_userdata_says_of_another_node_is_history(make_pipeline, fleet):
    node = fleet.add()
    pipeline = make_pipeline().start()
    say(pipeline, node, node="another")
    assert pipeline.ended(node)["outcome"] == "mismatch"
    assert fleet.events(node) == []


def test_a_panic_after_late_words_is_a_panic_of_the_present_boot(make_pipeline, fleet):
    node = fleet.add()
    pipeline = make_pipeline().start()
    say(pipeline, node)
    wait_until(lambda: [row for row in pipeline.incidents(node) if row["outcome"] == "told"])
    pipeline.panic(node)
    wait_until(lambda: not fleet.api.exists(node.path), 10, "the Node deleted")
    wait_until(lambda: [row for row in pipeline.incidents(node) if row["outcome"] == "deleted"])
    assert [row["boot"] for row in pipeline.incidents(node)] == [OLD, node.boot]
    assert pipeline.incidents(node)[1]["reason"] == "sysrq triggered crash"


def test_a_flood_of_words_is_bounded_and_keeps_no_panic_out(make_pipeline, fleet):
    """Late words wait for their Node for a quarter of an hour, and anybody may send such."""
    node = fleet.add(pods=0)
    pipeline = make_pipeline().start("correlator", "actuator")
    with connect(pipeline.sockets["correlator"], "listener") as listener:
        listener.wait_for("sources", op="end")
        for number in range(1100):
            listener.send({"type": "late", "id": records.digest("late", str(number)),
                           "source": f"127.99.{number // 250}.{number % 250}", "port": 6665,
                           "received_us": records.now_us(), "boot": f"boot-{number}",
                           "text": ours.PANIC, "reason_code": "oops", "reason": "Fatal exception"})
        refused = listener.wait_for("error", 1100 - 1024, of="late")
        panic = records.panic(node.address)
        listener.send(panic)
        listener.wait_for("ack", of="panic", id=panic["id"])
    assert {error["why"] for error in refused} == {"too many drills and late words are under way"}
    assert len(refused) == 1100 - 1024
    assert pipeline.ended(node)["verdict"] == "unverified"
