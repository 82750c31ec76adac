"""Processes that are killed or hang: systemd starts them again, and no datagram is lost."""
import random
import threading
import time

import pytest

from tests.harness.programs import wait_until
from tests.units.install import STAGES, Installation

KILLS, SECONDS, NODES = 50, 20, 40


def restarts(installation: Installation, stage: str) -> int:
    return int(installation.show(f"lastgasp-{stage}", "NRestarts"))


def kill_about(installation: Installation, kills: int, seconds: float) -> None:
    dice, begin, done = random.Random(KILLS), time.monotonic(), 0
    while done < kills:
        if installation.signal(dice.choice(STAGES), "KILL"):
            done += 1
        left = begin + done * seconds / kills - time.monotonic()
        time.sleep(max(left, 0.02))
    assert time.monotonic() - begin < 2 * seconds, "this machine is too slow for so many kills"


def test_no_panic_is_lost_in_fifty_kills(live):
    nodes = [live.fleet.add(pods=1) for _ in range(NODES)]
    (socket, _), before = live.udp_socket(), sum(restarts(live, stage) for stage in STAGES)

    def panic_all() -> None:
        for node in nodes:
            live.panic(node)
            time.sleep(SECONDS / NODES / 2)

    sender = threading.Thread(target=panic_all)
    sender.start()
    kill_about(live, KILLS, SECONDS)
    sender.join()
    outcomes = {live.ended(node, 90) for node in nodes}
    assert outcomes <= {"deleted", "node-gone"}
    assert not any(live.api.exists(node.path) for node in nodes)
    assert live.udp_socket() == (socket, 0)
    assert sum(restarts(live, stage) for stage in STAGES) - before == KILLS
    live.acts()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_hangs_is_started_again(installed, stage):
    folder = installed.machine.root / f"run/systemd/system/lastgasp-{stage}.service.d"
    folder.mkdir(parents=True)
    (folder / "soon.conf").write_text("[Service]\nWatchdogSec=1s\n")
    installed.machine.run("systemctl", "daemon-reload")
    installed.start()
    time.sleep(1.5)
    assert restarts(installed, stage) == 0, "it does not answer the watchdog in time"
    assert installed.signal(stage, "STOP")
    wait_until(lambda: restarts(installed, stage) >= 1, 10, f"the {stage} started again")
    installed.acts()
