"""Kernels that do not end, whatever is said: nothing is done to their Nodes."""
import time

import pytest

from scenarios import FORGED, LIVES

ALIVE_SECONDS = 12  # answers for 4 s make it alive, by this rack's options; and then some


@pytest.mark.parametrize("machine", LIVES, indirect=True, ids=str)
def test_a_kernel_that_lives_keeps_its_node(machine, request):
    scenario = request.node.callspec.params["machine"]
    text = "Oops" if scenario.name == "oops-alone" else FORGED
    machine.rack.wire.wait_for(text, *machine.addresses)
    time.sleep(max(0.0, machine.typed_at + ALIVE_SECONDS - time.time()))
    assert machine.guest.lives(5)
    assert machine.exists() and machine.rack.api.exists(machine.pod)
    assert not machine.writes() and not machine.incidents() and not machine.events()


