"""Which Node a panic leads to, while Nodes come, go, move and contradict each other."""
import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.harness import records
from tests.harness.edges import Connection, Server, connect
from tests.harness.fleet import NODES, Fleet, Node, node_of
from tests.harness.pipeline import Pipeline
from tests.harness.programs import wait_until

ANNOTATION = "node.titus.netflix.com/netconsole-source"


def internal(*addresses: str) -> list[dict]:
    return [{"type": "InternalIP", "address": address} for address in addresses]


def with_addresses(*addresses: dict):
    return lambda obj: obj["status"].update(addresses=list(addresses))


class Judge:
    """A correlator between stand-ins: panics go in by record, intents come out."""

    def __init__(self, pipeline: Pipeline, fleet: Fleet, actuator: Server):
        self.pipeline, self.fleet, self.actuator = pipeline, fleet, actuator
        self.listener: Connection = connect(pipeline.sockets["correlator"], "listener")
        self.settle()

    def settle(self) -> None:
        """Returns when the correlator has seen every change that was made so far."""
        mark = self.fleet.add(pods=0)
        wait_until(lambda: any(mark.address in record["addresses"]
                               for record in self.listener.of("sources") if record["op"] == "add"))

    def panic(self, source: str, **changes) -> str:
        panic = records.panic(source, **changes)
        self.listener.send(panic)
        return panic["id"]

    def intent_of(self, panic: str, seconds: float = 8) -> dict:
        def find():
            return [i for i in self.actuator.of("intent") if panic in i["panics"]]
        return wait_until(find, seconds, f"an intent with panic {panic}")[0]

    def leads_to(self, source: str, node: Node, verdict: str = "unverified", **changes) -> dict:
        intent = self.intent_of(self.panic(source, **changes))
        assert (intent["node"], intent["uid"], intent["boot"], intent["verdict"]) == \
            (node.name, node.uid, node.boot, verdict)
        assert intent["id"] == records.digest(node.uid, node.boot)
        return intent


@pytest.fixture
def judge(make_pipeline, fleet) -> Iterator[Judge]:
    pipeline = make_pipeline()
    with Server(pipeline.sockets["actuator"], "actuator") as actuator:
        pipeline.start("correlator")
        made = Judge(pipeline, fleet, actuator)
        yield made
        made.listener.close()
        pipeline.stop()


def test_every_address_of_a_node_leads_to_it(judge, fleet):
    node = fleet.change(fleet.add(pods=0), with_addresses(
        *internal("10.9.0.1", "fd00:9::1"), {"type": "ExternalIP", "address": "198.51.100.1"},
        {"type": "Hostname", "address": "ip-10-9-0-1"}))
    judge.settle()
    for source in ("10.9.0.1", "fd00:9::1", "198.51.100.1"):
        judge.leads_to(source, node)


def test_an_intent_says_what_was_heard(judge, fleet):
    node = fleet.add(pods=0)
    judge.settle()
    now = records.now_us()
    intent = judge.leads_to(node.address, node, received_us=now, reason="Fatal exception",
                            reason_code="oops")
    assert (intent["reason"], intent["reason_code"], intent["cause"], intent["received_us"]) == \
        ("Fatal exception", "oops", "kernel-panic", now)
    assert intent["expires_us"] == now + 15 * records.MINUTE_US
    assert node.address in intent["words"]


def test_a_node_made_anew_under_its_name_is_another_node(judge, fleet):
    old = fleet.add(pods=0)
    judge.settle()
    judge.leads_to(old.address, old)
    obj = fleet.api.get(old.path)
    fleet.api.drop("nodes", old.name)
    obj["metadata"]["uid"] = "22222222-2222-2222-2222-222222222222"
    obj["status"]["nodeInfo"]["bootID"] = "33333333-3333-3333-3333-333333333333"
    fleet.api.load(obj)
    judge.settle()
    judge.leads_to(old.address, node_of(obj))


def test_a_node_that_rebooted_is_another_incident(judge, fleet):
    node = fleet.add(pods=0)
    judge.settle()
    judge.leads_to(node.address, node)
    again = fleet.change(node, lambda obj: obj["status"]["nodeInfo"].update(bootID="boot-2"))
    judge.settle()
    judge.leads_to(node.address, again)


def test_a_panic_right_after_its_boot_was_told_is_that_boots(judge, fleet):
    """The correlator is stopped, so that it finds both when it goes on."""
    node = fleet.add(pods=0)
    judge.settle()
    pid = judge.pipeline.running["correlator"].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        again = fleet.change(node, lambda obj: obj["status"]["nodeInfo"].update(bootID="boot-2"))
        time.sleep(1)
        panic = judge.panic(node.address)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert judge.intent_of(panic)["boot"] == again.boot


def test_an_address_that_moved_is_its_new_nodes(judge, fleet):
    one, two = fleet.add(pods=0), fleet.add(pods=0)
    judge.settle()
    judge.leads_to(two.address, two)
    fleet.change(one, with_addresses(*internal("10.9.1.1")))
    moved = fleet.change(two, with_addresses(*internal(one.address)))
    judge.settle()
    judge.leads_to(one.address, moved)


def test_an_internal_address_goes_before_an_external_one_and_that_before_an_annotation(judge,
                                                                                       fleet):
    inside = fleet.change(fleet.add(pods=0), with_addresses(*internal("10.9.2.1")))
    outside = fleet.change(fleet.add(pods=0), with_addresses(
        {"type": "ExternalIP", "address": "10.9.2.1"},
        {"type": "ExternalIP", "address": "10.9.2.2"}))
    noted = fleet.add(pods=0)
    for source in ("10.9.2.2", "10.9.2.3"):
        other = noted if source == "10.9.2.3" else fleet.add(pods=0)
        fleet.change(other, lambda obj, source=source: obj["metadata"]["annotations"].update(
            {ANNOTATION: source}))
    judge.settle()
    judge.leads_to("10.9.2.1", inside)
    judge.leads_to("10.9.2.2", outside)
    judge.leads_to("10.9.2.3", noted)


def test_an_address_that_two_nodes_claim_is_nobodys_until_one_lets_go(judge, fleet):
    one, two = (fleet.change(fleet.add(pods=0), with_addresses(*internal("10.9.3.1")))
                for _ in range(2))
    judge.settle()
    ids = [judge.panic("10.9.3.1"), judge.panic("192.0.2.7")]  # the second: of no Node at all
    for panic in ids:
        judge.listener.wait_for("ack", id=panic, seconds=9)
    assert judge.actuator.of("intent") == []
    judge.pipeline.running["correlator"].wait_for("claimed by several Nodes")
    fleet.api.drop("nodes", one.name)
    judge.settle()
    judge.leads_to("10.9.3.1", two)


def test_a_node_that_comes_just_after_its_panic_is_found(judge, fleet):
    panic = judge.panic("10.9.4.1")
    node = fleet.change(fleet.add(pods=0), with_addresses(*internal("10.9.4.1")))
    assert judge.intent_of(panic)["node"] == node.name


@pytest.mark.parametrize("said", [{"node": "another"}, {"boot": "another"},
                                  {"node": "NODE", "boot": "another"}])
def test_a_panic_that_says_it_is_another_node_or_boot_is_a_mismatch(judge, fleet, said):
    node = fleet.add(pods=0)
    judge.settle()
    said = {key: node.name if value == "NODE" else value for key, value in said.items()}
    intent = judge.leads_to(node.address, node, "mismatch", userdata=said)
    assert "another" in intent["words"]


def test_a_panic_that_says_who_it_is_and_is_right_goes_on(judge, fleet):
    node = fleet.add(pods=0)
    judge.settle()
    judge.leads_to(node.address, node, userdata={"node": node.name, "boot": node.boot, "rack": "7"})


def test_a_panic_that_was_held_for_too_long_has_expired(judge, fleet):
    node = fleet.add(pods=0)
    judge.settle()
    judge.leads_to(node.address, node, "expired",
                   received_us=records.now_us() - 16 * records.MINUTE_US)


def test_a_panic_before_the_list_is_whole_is_held_and_then_judged(make_pipeline, fleet, api):
    node = fleet.add()
    api.faults({"user": "correlator", "resource": "^nodes$", "action": "delay", "delay": 1.5,
                "count": 1})
    pipeline = make_pipeline().start()
    pipeline.panic(node)
    pipeline.running["correlator"].wait_for("held")
    assert pipeline.incidents() == []
    assert pipeline.ended(node)["outcome"] == "deleted"


def test_a_captured_panic_that_names_another_node_touches_nothing(make_pipeline, fleet):
    node = fleet.add()
    pipeline = make_pipeline().start()
    before = fleet.versions()
    pipeline.panic(node, "6.12/cfgext-sysrqc")  # its userdata says node=worker-1
    assert pipeline.ended(node)["outcome"] == "mismatch"
    assert fleet.versions() == before


def test_a_captured_panic_that_names_its_own_node_is_acted_on(make_pipeline, fleet, api):
    api.generate(nodes=1, first=1, prefix="worker-", podsPerNode=4, addresses=["127.68.0.0/16"])
    node = node_of(api.get(f"{NODES}/worker-1"))
    pipeline = make_pipeline().start()
    pipeline.panic(node, "6.12/cfgext-sysrqc")
    assert pipeline.ended(node)["outcome"] == "deleted"
