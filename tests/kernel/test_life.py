"""Kernels that do not end, whatever is said: nothing is done to their Nodes."""
import time

import pytest

from scenarios import FORGED, LIVES, RULES, UNGUARDED

ALIVE_SECONDS = 12  # answers for 4 s make it alive, by this rack's options; and then some


@pytest.mark.parametrize("machine", LIVES, indirect=True, ids=str)
def test_a_kernel_that_lives_keeps_its_node(machine, request):
    scenario = request.node.callspec.params["machine"]
    text = "Oops" if scenario.name == "oops-alone" else FORGED
    machine.rack.wire.wait_for(text, *machine.addresses)
    time.sleep(max(0.0, machine.typed_at + ALIVE_SECONDS - time.time()))
    machine.guest.run("true")
    assert machine.exists() and machine.rack.api.exists(machine.pod)
    assert not machine.writes() and not machine.incidents() and not machine.events()
    if scenario.name == "udp-of-a-program":  # which looks like a panic, so it was asked
        machine.rack.pipeline.running["correlator"].wait_for(f"node {machine.name} is alive")


@pytest.mark.parametrize("machine", [RULES], indirect=True, ids=str)
def test_rules_that_keep_programs_from_forging_let_the_kernel_itself_through(machine):
    """A node's nftables see what sockets send, and not what netpoll does."""
    wire, guest = machine.rack.wire, machine.guest
    say = "echo '{}' | socat -u - UDP:$COLLECTOR"
    guest.run(f"! {say.format('despite the rules')}")  # EPERM: the program is told
    guest.run("echo 'from the kernel log' >/dev/kmsg")
    wire.wait_for("from the kernel log", *machine.addresses)
    guest.run(UNGUARDED + say.format("without the rules"))
    wire.wait_for("without the rules", *machine.addresses)
    assert not wire.seen("despite the rules", *machine.addresses)
