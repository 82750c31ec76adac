"""Kernels that end in order: nothing is done to their Nodes.

What they say last, "reboot: Restarting system", comes after the kernel has shut its devices down:
from these network cards (virtio) it does not get out.
"""
import time

import pytest

from scenarios import POWER_OFF, RESTART

SILENT_SECONDS = 12  # longer than the Lease of a machine that panicked needs to lapse


def assert_untouched(machine):
    assert machine.exists() and machine.rack.api.exists(machine.pod)
    assert not machine.writes() and not machine.events()
    assert [row for row in machine.incidents() if row["cause"] != "halt"] == []


@pytest.mark.parametrize("machine", [RESTART], indirect=True, ids=str)
def test_a_machine_that_restarts_keeps_its_node(machine, capsys):
    before = machine.object()["status"]["nodeInfo"]["bootID"]
    machine.pull(RESTART.command, is_last=False)
    machine.wait_back(2)
    with capsys.disabled():
        print(f"\n{RESTART}: up again {time.time() - machine.typed_at:.1f} s after the command")
    assert machine.guest.boots[-1] != before
    assert_untouched(machine)


@pytest.mark.parametrize("machine", [POWER_OFF], indirect=True, ids=str)
def test_a_machine_that_is_powered_off_keeps_its_node(machine):
    machine.pull(POWER_OFF.command, is_last=False)
    assert machine.guest.process.wait(30) == 0
    time.sleep(max(0.0, machine.typed_at + SILENT_SECONDS - time.time()))
    assert_untouched(machine)
