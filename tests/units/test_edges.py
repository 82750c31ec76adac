"""Who may connect to whom, and what waits for whom."""
import itertools

import pytest

from tests.harness.programs import wait_until
from tests.units.install import STAGES

USERS = [f"lastgasp-{stage}" for stage in STAGES] + ["nobody"]
SOCKETS = {
    "/run/lastgasp-correlator/correlator.sock": {"lastgasp-listener", "lastgasp-correlator"},
    "/run/lastgasp-actuator/actuator.sock": {"lastgasp-correlator", "lastgasp-actuator"},
    "/run/lastgasp-actuator/control.sock": {"lastgasp-actuator"},
}


@pytest.mark.parametrize("path", SOCKETS, ids=lambda path: path.rpartition("/")[2])
def test_only_the_neighbour_may_connect(live, path):
    """Besides its owner, who made it."""
    wait_until(lambda: live.connects("root", path), what=f"{path} being there")
    assert {user for user in USERS if live.connects(user, path)} == SOCKETS[path]


@pytest.mark.parametrize("order", list(itertools.permutations(STAGES)), ids="-".join)
def test_the_stages_may_be_started_in_any_order(installed, order):
    for stage in order:
        installed.start(f"lastgasp-{stage}")
    installed.acts()


def test_a_datagram_alone_starts_the_listener(installed):
    installed.start("lastgasp-listener.socket", "lastgasp-correlator", "lastgasp-actuator")
    assert not installed.is_active("lastgasp-listener")
    installed.acts()


@pytest.mark.parametrize("away", ["correlator", "actuator"])
def test_what_panics_while_a_stage_is_stopped_is_done_once_it_runs(live, away):
    listener = live.show("lastgasp-listener", "MainPID")
    live.stop(f"lastgasp-{away}")
    nodes = [live.fleet.add(pods=0) for _ in range(3)]
    for node in nodes:
        live.panic(node)
    live.start(f"lastgasp-{away}")
    assert [live.ended(node) for node in nodes] == ["deleted"] * 3
    assert live.show("lastgasp-listener", "MainPID") == listener
