"""Three hosts and one ledger, each frozen (SIGSTOP) or killed at random moments, with an API server
that fails now and then: what they touch together stays within the limit. The oracle is what each
host says in the moment in which it may write, by the clock that all processes here share: that is
stricter than what the API server sees, which test_three_actuators.py goes by.

LASTGASP_SECONDS=N says for how long.
"""
import collections
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

from tests.apiserver.apiserver import ApiServer
from tests.harness import ledger
from tests.harness.ledger import PATH
from tests.harness.programs import build_folder, die_with_parent, wait_until

LIMIT, WINDOW = 4, 20
SECONDS = float(os.environ.get("LASTGASP_SECONDS", "40"))


class Host:
    def __init__(self, api: ApiServer, folder: pathlib.Path):
        folder.mkdir()
        self.folder = folder
        self.command = [build_folder() / "tests" / "attack" / "ledger-host", api.kubeconfig("actuator"),
                        folder, f"{LIMIT}/{WINDOW}s"]
        self.wanted: list[str] = []
        self.frozen_until = 0.0
        self.start()

    def start(self):
        with open(self.folder / "said", "ab") as said, open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=said, stderr=log,
                                            preexec_fn=die_with_parent, text=True)
        for node in self.wanted:
            self.tell(node)

    def tell(self, line: str):
        print(line, file=self.process.stdin, flush=True)

    def want(self, node: str):
        self.wanted.append(node)
        self.tell(node)

    def freeze(self, until: float):
        self.process.send_signal(signal.SIGSTOP)
        self.frozen_until = until

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)
        self.frozen_until = 0.0

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()

    def granted(self) -> list[tuple[float, str]]:
        lines = (self.folder / "said").read_text().splitlines()
        return [(int(at) / 1e6, node) for _, node, at in (line.split() for line in lines)]

    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture
def server():
    with ApiServer() as running:
        ledger.load(running)
        running.rights({"actuator": ["get leases lastgasp", "update leases lastgasp", "list nodes"]})
        running.generate(nodes=3, podsPerNode=0, addresses=["127.1.0.0/16"])
        yield running


@pytest.fixture
def hosts(server, tmp_path):
    started = [Host(server, tmp_path / f"host-{i}") for i in range(3)]
    yield started
    for host in started:
        host.thaw()
        host.kill()
        print(f"{host.folder.name}:\n{host.log()}")


def most_in_a_window(grants: list[tuple[float, str]]) -> int:
    """Of the nodes that were granted in any time as long as the window."""
    window: collections.deque[tuple[float, str]] = collections.deque()
    most = 0
    for at, node in sorted(grants):
        window.append((at, node))
        while window[0][0] <= at - WINDOW:
            window.popleft()
        most = max(most, len({name for _, name in window}))
    return most


def granted_by(hosts: list[Host]) -> list[tuple[float, str]]:
    return [grant for host in hosts for grant in host.granted()]


def disturb(chance: random.Random, hosts: list[Host], api: ApiServer):
    """One thing that goes wrong, or none."""
    host, what = chance.choice(hosts), chance.random()
    if what < 0.012 and not host.frozen_until:
        host.freeze(time.monotonic() + chance.uniform(0, 25))
    elif what < 0.014 and not host.frozen_until:
        host.kill()
        host.start()
    elif what < 0.018:
        api.faults({"resource": "leases", "action": "status", "status": 500, "count": 2})
    elif what < 0.022:
        api.patch(PATH, {"metadata": {"labels": {"touched-by": f"somebody-{chance.random()}"}}})
    for other in hosts:
        if other.frozen_until and time.monotonic() >= other.frozen_until:
            other.thaw()


def test_three_hosts_one_of_them_frozen_stay_within_the_limit(hosts, server, chance):
    ends, number = time.monotonic() + SECONDS, 0
    while time.monotonic() < ends:
        if chance.random() < 0.015:
            for host in hosts:
                host.want(f"node-{number}")
            number += 1
        if chance.random() < 0.03:
            chance.choice(hosts).tell("resume")
        disturb(chance, hosts, server)
        time.sleep(0.05)
    grants = granted_by(hosts)
    print(f"{number} nodes, {len({node for _, node in grants})} touched,"
          f" {sum('this host acts' in line for h in hosts for line in h.log().splitlines())} times a leader")
    assert most_in_a_window(grants) <= LIMIT
    assert len({node for _, node in grants}) >= LIMIT, "nothing happened"


def test_a_frozen_leader_is_replaced_and_learns_of_it(hosts):
    leader = wait_until(lambda: next((h for h in hosts if "this host acts" in h.log()), None), 10)
    for i in range(2):
        leader.want(f"node-{i}")
    wait_until(lambda: len({node for _, node in leader.granted()}) == 2, 10)
    frozen_at = time.monotonic()
    leader.freeze(0)
    others = [host for host in hosts if host is not leader]
    new = wait_until(lambda: next((h for h in others if "this host acts" in h.log()), None), 25)
    assert 9 < time.monotonic() - frozen_at < 20
    for i in range(2, 5):
        new.want(f"node-{i}")
    wait_until(lambda: len({node for _, node in new.granted()}) == LIMIT - 2, 10)
    leader.thaw()
    wait_until(lambda: "stands by" in leader.log(), 10)
    assert all(at < frozen_at + 1 for at, _ in leader.granted())
    assert most_in_a_window(granted_by(hosts)) == LIMIT


def test_a_killed_leader_goes_on_at_once(hosts):
    leader = wait_until(lambda: next((h for h in hosts if "this host acts" in h.log()), None), 10)
    leader.kill()
    leader.start()
    wait_until(lambda: leader.log().count("this host acts") == 2, 3)


def test_a_ledger_that_is_gone_is_said_at_alert_level_and_not_made(hosts, server):
    wait_until(lambda: any("this host acts" in host.log() for host in hosts), 10)
    server.drop("leases", "lastgasp", "lastgasp")
    for host in hosts:
        wait_until(lambda: "<1>there is no Lease lastgasp" in host.log(), 15)
    hosts[0].want("node-1")
    time.sleep(3)
    assert not granted_by(hosts) and not server.exists(PATH)
