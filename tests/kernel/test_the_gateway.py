"""The gateway's MAC changes, as it does when another router takes over: panics still arrive."""
import itertools
import time

import pytest

from network import GATEWAY_MAC
from scenarios import GATEWAY
from tests.harness.programs import wait_until

OTHER_MAC = "02:66:00:00:00:02"
FOLLOW_SECONDS = 15
LINE_SECONDS = 0.2  # from a guest to the wire


@pytest.mark.parametrize("machine", [GATEWAY], indirect=True, ids=str)
def test_a_node_whose_gateway_has_another_mac_is_heard_when_it_panics(machine, capsys):
    wire, guest = machine.rack.wire, machine.guest
    numbers = itertools.count()

    def to() -> str:
        """The MAC to which the kernel sends a line now; none while its target is being changed."""
        text = f"line {next(numbers)} of {machine.name}"
        guest.run(f"echo '{text}' >/dev/kmsg")
        time.sleep(LINE_SECONDS)
        return next((line.to for line in wire.seen(text, *machine.addresses)), "")
    assert to() == GATEWAY_MAC
    machine.rack.network.change_gateway(OTHER_MAC)
    began = time.time()
    wait_until(lambda: to() == OTHER_MAC, FOLLOW_SECONDS, f"lines of {machine.name} to {OTHER_MAC}")
    with capsys.disabled():
        print(f"\nthe kernel sends to the other router {time.time() - began:.1f} s after the change")
    machine.pull(GATEWAY.command, is_last=True)
    assert machine.ended()["outcome"] == "deleted"
    assert not machine.exists()
