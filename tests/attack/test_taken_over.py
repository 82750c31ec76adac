"""A correlator that was taken over and lies about its own probes: well-formed intents and evidence
about every Node, as fast as it can.  All Nodes live and renew their Leases, unless a test says
otherwise.  What is not well-formed is in test_ill_formed.py.
"""
import dataclasses
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apiserver.apiserver import MERGE, ApiServer
from tests.harness import ledger, records
from tests.harness.edges import Connection, connect
from tests.harness.fleet import LEASES, NODES, Fleet, Node, node_of
from tests.harness.hosts import LAPSED, NODE_LEASES, SET, Host, silent_intent
from tests.harness.programs import wait_until

COUNT = 200
LIMIT = 5
LIMITED = (f"--limit={LIMIT}/10m", "--limit-percent=100%/10m")
SECONDS = 8
BATCH = 50  # intents in a packet
TURN_MAX = 20 * BATCH  # more than one turn of the loop reads before it counts them
OPEN_MAX = 16384  # actuator/engine.c
ANONYMOUS_MAX_KIB = 128 * 1024


class Prey:
    """The simulated cluster, with a ledger that a test may wipe."""

    def __init__(self, api: ApiServer):
        self.api, self.fleet = api, Fleet(api)
        api.generate(nodes=COUNT, podsPerNode=4, size=2000, addresses=["127.66.0.0/16"])
        for lease in api.list(LEASES):
            api.patch(f"{NODE_LEASES}/{lease['metadata']['name']}",
                      {"spec": {"leaseDurationSeconds": 4}}, MERGE)
        ledger.load(api)
        api.renew(0.5)
        self.nodes = [node_of(obj) for obj in api.list(NODES)]

    def lose(self, *nodes: Node) -> None:
        self.api.renew(0.5, [node.name for node in nodes])

    def touched(self) -> set[str]:
        """What was ever written to, by the audit log: names of Nodes."""
        return {line["objectRef"]["name"] for line in self.fleet.writes()
                if line["objectRef"]["resource"] == "nodes"}

    def removals(self) -> list[dict]:
        return [line for line in self.fleet.writes()
                if line["verb"] == "delete" or line["objectRef"]["resource"] == "pods"]

    def gone(self) -> set[str]:
        left = {obj["metadata"]["name"] for obj in self.api.list(NODES)}
        return {node.name for node in self.nodes} - left

    def latch(self) -> str:
        return self.api.get(ledger.PATH)["metadata"].get("annotations", {}).get("lastgasp/latched", "")


@pytest.fixture
def prey() -> Iterator[Prey]:
    with ApiServer() as api:
        yield Prey(api)


@pytest.fixture
def make_host(tmp_path, prey) -> Iterator:
    made: list[Host] = []

    def make(limits: tuple[str, ...] = LIMITED, mode: str = "node") -> Host:
        made.append(Host(tmp_path, prey.api, limits=limits, mode=mode))
        return made[-1]

    yield make
    for host in made:
        host.stop()


class Attacker:
    """Says of each of NODES that it panicked and is silent, again and again."""

    def __init__(self, host: Host, nodes: list[Node]):
        self.edge = connect(host.folder / "actuator.sock", "correlator")
        self.nodes, self.sent = nodes, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._attack, daemon=True)
        self._thread.start()

    def _attack(self) -> None:
        while not self._stop.is_set():
            for node in self.nodes:
                now, intent = records.now_us(), silent_intent(node)
                evidence = [{"type": "evidence", "id": intent["id"], "silent_until_us": now,
                             "words": "silent, upon my word"}] * 10
                self.edge.send(intent, *evidence)
                self.sent += 11

    def end(self) -> None:
        self._stop.set()
        self._thread.join(10)
        self.edge.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def anonymous_kib(host: Host) -> int:
    status = Path(f"/proc/{host.program.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status).group(1))


def test_the_limit_holds_and_latches_and_nothing_is_removed(prey, make_host):
    host = make_host()
    with Attacker(host, prey.nodes) as attacker:
        wait_until(prey.latch, 20, "the latch")
        time.sleep(SECONDS)
        print(f"{attacker.sent} records in {SECONDS} s")
        assert len(prey.touched()) <= LIMIT
        assert f"--limit allows {LIMIT}" in prey.latch()
        resume = {"metadata": {"annotations": {"lastgasp/latched": None}}}
        prey.api.patch(ledger.PATH, resume, MERGE)
        wait_until(lambda: len(prey.touched()) == LIMIT, 20, "as many as the limit allows")
        time.sleep(2 * LAPSED)
        assert anonymous_kib(host) < ANONYMOUS_MAX_KIB
    assert len(prey.touched()) == LIMIT
    assert prey.removals() == [] and prey.gone() == set()


def test_what_it_made_us_set_is_undone_once_nobody_claims_silence_any_more(prey, make_host):
    """The Nodes live; an honest correlator in its place finds that they answer."""
    host = make_host()
    nodes = prey.nodes[:LIMIT]
    incidents = [host.prober.panicked(node) for node in nodes]
    wait_until(lambda: len(prey.touched()) == LIMIT, 20, "marks")
    for incident in incidents:
        host.prober.answers(incident)
        host.prober.result(incident, "retracted")
    for node in nodes:
        obj = prey.api.get(node.path)
        assert not obj["spec"].get("unschedulable") and SET not in obj["metadata"]["annotations"]


@pytest.mark.parametrize("verdict", ["silent", "unprobable"])
def test_of_all_that_it_names_only_the_dead_are_removed(prey, make_host, verdict):
    """It names three of four, so that some are left as witnesses."""
    named = [node for i, node in enumerate(prey.nodes) if i % 4 != 0]
    dead = named[7:10]
    prey.lose(*dead)
    host = make_host(ledger.UNLIMITED)
    incidents = {node.name: host.prober.intend(node, verdict=verdict) for node in named}
    for node in dead:
        host.prober.result(incidents[node.name], "deleted", 40)
    time.sleep(2 * LAPSED)
    assert prey.gone() == {node.name for node in dead}


def test_where_it_leaves_no_witness_not_even_the_dead_are_removed(prey, make_host):
    prey.lose(*prey.nodes[7:10])
    host = make_host(ledger.UNLIMITED)
    for node in prey.nodes:
        host.prober.intend(node)
    wait_until(lambda: len(prey.touched()) == COUNT, 30, "all told of")
    time.sleep(3 * LAPSED)
    assert prey.removals() == []


def make_up(liar: Connection, nodes: list[Node], count: int) -> None:
    """Intents about boots that no Node has."""
    for first in range(0, count, BATCH):
        liar.send(*(silent_intent(dataclasses.replace(nodes[i % len(nodes)],
                                                      boot=records.digest(str(i))))
                    for i in range(first, min(first + BATCH, count))))


def test_incidents_that_it_makes_up_do_not_keep_an_honest_one_from_its_end(prey, make_host):
    dead, *others = prey.nodes
    prey.lose(dead)
    host = make_host(ledger.UNLIMITED)
    with connect(host.folder / "actuator.sock", "correlator") as liar:
        make_up(liar, others, 2000)
        host.prober.result(host.prober.intend(dead), "deleted", 60)
    assert prey.touched() == {dead.name}
    assert prey.gone() == {dead.name}


def test_incidents_that_it_makes_up_while_the_api_server_hangs_are_bounded(prey, make_host):
    host = make_host()
    known = prey.nodes[0]
    host.prober.panicked(known)
    wait_until(lambda: prey.touched() == {known.name}, 10, "the mark")
    prey.api.silent()
    with connect(host.folder / "actuator.sock", "correlator") as liar:
        make_up(liar, prey.nodes, OPEN_MAX + 2 * TURN_MAX)
        refused = wait_until(lambda: liar.of("error"), 60, "a refusal")
        assert {error["why"] for error in refused} == \
            {"too many incidents are open; send it again later"}
        wait_until(lambda: len(liar.of("ack")) + len(liar.of("error")) == OPEN_MAX + 2 * TURN_MAX, 60,
                   "an answer to each")
        assert len(liar.of("ack")) < OPEN_MAX + TURN_MAX
    print(f"{OPEN_MAX} incidents: {anonymous_kib(host)} KiB")
    assert anonymous_kib(host) < ANONYMOUS_MAX_KIB
    assert host.prober.panicked(known)  # one that is open already is merged, as ever
    host.kill()
