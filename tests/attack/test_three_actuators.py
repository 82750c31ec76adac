"""Three actuators on one API server, all told of the same panics, while one after the other is
frozen (SIGSTOP) or killed at seeded moments and the ledger's Lease is meddled with.  The oracle is
the API server's audit log, in which each host is a user of its own.

LASTGASP_SECONDS=N says for how long.
"""
import bisect
import collections
import datetime
import os
import pathlib
import random
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from tests.apiserver.apiserver import MERGE, ApiServer
from tests.harness import ledger
from tests.harness.fleet import Fleet, Node
from tests.harness.hosts import Cluster, Host
from tests.harness.pipeline import incidents
from tests.harness.programs import wait_until

LIMIT, WINDOW = 4, 20
LIMITS = (f"--limit={LIMIT}/{WINDOW}s", f"--limit-percent=100%/{WINDOW}s")
SECONDS = float(os.environ.get("LASTGASP_SECONDS", "45"))
SECONDS_A_PANIC, SECONDS_A_MISHAP = 4, 5
ENDED = ("closed", "watching")


def add_user(api: ApiServer, name: str) -> None:
    token = f"the-token-of-{name}"
    with open(api.directory / "tokens", "a", encoding="ascii") as tokens:
        tokens.write(f"{token},{name}\n")
    like = pathlib.Path(api.kubeconfig("actuator")).read_text()
    pathlib.Path(api.kubeconfig(name)).write_text(like.replace(api.token("actuator"), token))


class Member(Host):
    """A host whose correlator sends again what was not acknowledged, and that may be away."""

    def __init__(self, folder: pathlib.Path, api: ApiServer):
        folder.mkdir()
        add_user(api, folder.name)
        self.panics: list[Node] = []
        self.told = 0  # so many of them since this process was started
        self.come_back: Callable[[], None] | None = None
        self.away_until = 0.0
        super().__init__(folder, api, user=folder.name, limits=LIMITS)

    def leave(self, how: str, until: float) -> None:
        if how == "frozen":
            self.freeze()
            self.come_back = self.thaw
        else:
            self.kill()
            self.come_back = self.start
        self.away_until = until

    def start(self) -> None:
        super().start()
        self.told = 0

    def look(self) -> None:
        """Comes back when it is time, and hears of the panics that it has not heard of."""
        if self.come_back and time.monotonic() >= self.away_until:
            self.come_back()
            self.come_back = None
        if self.come_back:
            return
        for node in self.panics[self.told:]:
            self.prober.intend(node)
        self.told = len(self.panics)

    def incidents(self) -> dict[str, dict]:
        return {row["node"]: row for row in incidents(self.state)}

    def has_ended(self, nodes: list[Node]) -> bool:
        mine = self.incidents()
        return all(mine.get(node.name, {}).get("state") in ENDED for node in nodes)


class Act(NamedTuple):
    """A write about a Node or one of its pods that the server took."""
    at: float
    host: str
    node: str
    verb: str
    resource: str


def seconds(timestamp: str) -> float:
    return datetime.datetime.fromisoformat(timestamp).timestamp()


def acts(api: ApiServer) -> list[Act]:
    node_of_pod = {change["object"]["metadata"]["name"]: change["object"]["spec"]["nodeName"]
                   for change in api.changes("pods")}
    found = []
    for line in api.audit():
        ref = line.get("objectRef", {})
        if (line["user"]["username"].startswith("host-") and line["verb"] in ("patch", "delete")
                and ref["resource"] in ("nodes", "pods")
                and line["responseStatus"]["code"] == 200):
            node = ref["name"] if ref["resource"] == "nodes" else node_of_pod[ref["name"]]
            found.append(Act(seconds(line["requestReceivedTimestamp"]), line["user"]["username"],
                             node, line["verb"], ref["resource"]))
    return sorted(found)


def reigns(api: ApiServer) -> list[tuple[float, str]]:
    """Since when which host holds the ledger; "" where it was given back."""
    found, holder = [(0.0, "")], ""
    for line in api.audit(verb="update", resource="leases"):
        taken = line["objectRef"]["name"] == "lastgasp" and line["responseStatus"]["code"] == 200
        if taken and line["requestObject"]["spec"]["holderIdentity"] != holder:
            holder = line["requestObject"]["spec"]["holderIdentity"]
            found.append((seconds(line["stageTimestamp"]),
                          line["user"]["username"] if holder else ""))
    return found


def most_in_a_window(found: list[Act]) -> int:
    """Of the Nodes that were touched within any time as long as the limit's."""
    window: collections.deque[Act] = collections.deque()
    most = 0
    for act in found:
        window.append(act)
        while window[0].at <= act.at - WINDOW:
            window.popleft()
        most = max(most, len({other.node for other in window}))
    return most


def usurpations(found: list[Act], reigning: list[tuple[float, str]]) -> list[Act]:
    """What a host wrote while another held the ledger."""
    since = [at for at, _ in reigning]
    return [act for act in found
            if reigning[bisect.bisect_right(since, act.at) - 1][1] != act.host]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """On an API server of its own, with an empty ledger."""
    with ApiServer() as api:
        ledger.load(api)
        yield Cluster(api, Fleet(api), living=20)


@pytest.fixture
def members(tmp_path, cluster) -> Iterator[list[Member]]:
    started: list[Member] = []
    try:
        for i in range(3):
            started.append(Member(tmp_path / f"host-{i}", cluster.api))
        yield started
    finally:
        for member in started:
            if member.come_back:
                member.come_back()
            member.stop()


def leader_of(members: list[Member], api: ApiServer) -> Member | None:
    holder = api.get(ledger.PATH)["spec"].get("holderIdentity")
    return next((m for m in members if holder and f"this host acts, as {holder}" in m.logs()), None)


def freeze_the_leader(members: list[Member], api: ApiServer) -> None:
    """Long enough for another to take over."""
    leader = leader_of(members, api)
    if leader and not any(member.come_back for member in members):
        leader.leave("frozen", time.monotonic() + 20)


def mishap(chance: random.Random, members: list[Member], api: ApiServer) -> None:
    """One host at a time is away, mostly the one that acts; the Lease may suffer besides."""
    what = chance.random()
    if what < 0.1:
        api.faults({"resource": "leases", "name": "^lastgasp$", "action": "status", "status": 500,
                    "count": 3})
    elif what < 0.2:
        api.patch(ledger.PATH, {"metadata": {"labels": {"touched-by": f"{chance.random()}"}}})
    elif not any(member.come_back for member in members):
        victim = chance.choice(members)
        if chance.random() < 0.7:
            victim = leader_of(members, api) or victim
        away = chance.uniform(*chance.choice([(0, 3), (18, 24), (18, 24)]))
        victim.leave(chance.choice(["frozen", "frozen", "killed"]), time.monotonic() + away)


def unlatch(api: ApiServer) -> bool:
    """As an operator does with kubectl who sees that many died; whether there was need."""
    latched = "lastgasp/latched" in api.get(ledger.PATH)["metadata"].get("annotations", {})
    if latched:
        api.patch(ledger.PATH, {"metadata": {"annotations": {"lastgasp/latched": None}}}, MERGE)
    return latched


def panics(cluster: Cluster, members: list[Member], node: Node) -> None:
    cluster.die(node)
    for member in members:
        member.panics.append(node)


def moments(chance: random.Random, every: float) -> list[float]:
    return sorted(chance.uniform(0, SECONDS) for _ in range(round(SECONDS / every)))


def test_whatever_befalls_them_the_limit_holds_and_every_incident_ends_once(
        cluster, members, chance):
    api = cluster.api
    nodes = [cluster.add(pods=6) for _ in range(round(SECONDS / SECONDS_A_PANIC))]
    plan = sorted([(at, "panic") for at in moments(chance, SECONDS_A_PANIC)]
                  + [(at, "mishap") for at in moments(chance, SECONDS_A_MISHAP)]
                  + [(chance.uniform(0, 5), "takeover")])
    began, latched, left = time.monotonic(), 0, list(nodes)
    for at, what in plan:
        while time.monotonic() < began + at:
            for member in members:
                member.look()
            latched += unlatch(api)
            time.sleep(0.1)
        if what == "panic":
            panics(cluster, members, left.pop())
        elif what == "takeover":
            freeze_the_leader(members, api)
        else:
            mishap(chance, members, api)

    def all_ended() -> bool:
        for member in members:
            member.look()
        unlatch(api)
        return not any(m.come_back or not m.has_ended(nodes) for m in members)

    wait_until(all_ended, 60 + WINDOW * len(nodes) / LIMIT, "every incident ended on every host")
    found, reigning = acts(api), reigns(api)
    print(f"{len(nodes)} panics in {time.monotonic() - began:.0f} s; {len(reigning) - 1} reigns;"
          f" latched {latched} times; {most_in_a_window(found)} nodes in a window")
    assert most_in_a_window(found) <= LIMIT
    assert usurpations(found, reigning) == []
    ends_once(members, found, nodes)


def ends_once(members: list[Member], found: list[Act], nodes: list[Node]) -> None:
    """One host removed it; whoever did not do it says so."""
    deleted = [act.node for act in found if (act.verb, act.resource) == ("delete", "nodes")]
    assert sorted(deleted) == sorted(node.name for node in nodes)
    for node in nodes:
        outcomes = [member.incidents()[node.name]["outcome"] for member in members]
        assert outcomes.count("deleted") <= 1, (node, outcomes)
        assert set(outcomes) <= {"deleted", "elsewhere", "node-gone"}, (node, outcomes)


def test_undisturbed_one_host_acts_and_the_others_say_elsewhere(cluster, members):
    nodes = [cluster.add(pods=6) for _ in range(LIMIT)]
    for node in nodes:
        panics(cluster, members, node)
    for member in members:
        member.look()
    wait_until(lambda: all(member.has_ended(nodes) for member in members), 30, "all ended")
    (leader,) = {act.host for act in acts(cluster.api)}
    for member in members:
        outcomes = {row["outcome"] for row in member.incidents().values()}
        assert outcomes == ({"deleted"} if member.folder.name == leader else {"elsewhere"})


def test_a_leader_that_thaws_in_the_middle_of_its_work_writes_nothing_more(cluster, members):
    """It was let in, and was about to remove the pods, when another took over."""
    node = cluster.add(pods=6)
    panics(cluster, members, node)
    for member in members:
        member.look()
    wait_until(lambda: cluster.is_marked(node), 5, "the Node told of")
    leader = leader_of(members, cluster.api)
    leader.leave("frozen", time.monotonic() + 3600)
    others = [member for member in members if member is not leader]
    wait_until(lambda: leader_of(others, cluster.api), 25, "another that acts")
    leader.away_until = 0.0
    leader.look()
    wait_until(lambda: all(member.has_ended([node]) for member in members), 30, "all ended")
    found = acts(cluster.api)
    assert usurpations(found, reigns(cluster.api)) == []
    assert leader.incidents()[node.name]["outcome"] == "elsewhere"
    ends_once(members, found, [node])
