"""Whose Leases the actuator compares a dead Node's with, where those that it finds first are no use.

Nodes are listed by name, 20 at a time, and the Leases last 4 s here.
"""
import time
from collections.abc import Callable, Iterator

import pytest

from tests.apiserver.apiserver import ApiServer
from tests.harness import ledger
from tests.harness.fleet import Fleet, Node
from tests.harness.hosts import LAPSED, Cluster, Host

COUNT = 45
NO_SECOND_PAGE = {"verb": "list", "resource": "^nodes$", "uri": "continue=", "action": "status",
                  "status": 500}


@pytest.fixture
def nodes(tmp_path) -> Iterator[tuple[Cluster, list[Node], Callable[[], Host]]]:
    """A zone, its Nodes in the order of their names, and an actuator that starts when told to."""
    with ApiServer() as api:
        ledger.load(api)
        cluster = Cluster(api, Fleet(api), living=0)
        made = sorted((cluster.add(pods=1) for _ in range(COUNT)), key=lambda node: node.name)
        cluster.live()
        hosts: list[Host] = []

        def start() -> Host:
            hosts.append(Host(tmp_path, api))
            return hosts[-1]

        yield cluster, made, start
        for host in hosts:
            host.stop()


@pytest.mark.parametrize("count", [20, 40])
def test_when_the_first_names_die_together_all_of_them_go(nodes, count):
    cluster, made, start = nodes
    dead, living = made[:count], made[count:]
    cluster.die(*dead)
    host = start()
    for incident in [host.prober.intend(node) for node in dead]:
        host.prober.result(incident, "deleted", 30)
    assert not [node.name for node in dead if cluster.api.exists(node.path)]
    for node in living:
        cluster.assert_untouched(node)


def test_two_witnesses_are_not_enough_while_the_rest_of_the_list_cannot_be_read(nodes):
    cluster, made, start = nodes
    dead = made[2:20]
    cluster.die(*dead)
    cluster.api.faults(NO_SECOND_PAGE)
    host = start()
    incidents = [host.prober.intend(node) for node in dead]
    time.sleep(2.5 * LAPSED)
    assert cluster.api.fault_hits()[0] > 0
    for node in dead:
        cluster.assert_nothing_removed(node)
    cluster.api.clear_faults()
    for incident in incidents:
        host.prober.result(incident, "deleted", 30)
