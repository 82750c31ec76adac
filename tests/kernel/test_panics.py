"""Kernels that really panic: their Nodes go, and their pods say why.

Once a datagram of netpoll's did not go out within a jiffy, it puts all that follow into a queue for
later, and after a panic there is no later (net/core/netpoll.c).  On a crowded host that happens to
an emulated card.  Such a kernel told nobody, so another one panics in its place.
"""
import dataclasses
import re

import pytest

from conftest import boot_all
from scenarios import PANICS

REASON = "pod.titus.netflix.com/pod-termination-reason"
TRIES = 3
LAST_WORDS_SECONDS = 20  # from the command to the panic, at most, and to the wire


def told_somebody(machine, scenario, capsys):
    """The machine, or the first in its place whose panic reached the wire."""
    for number in range(1, TRIES):
        try:
            machine.rack.wire.wait_for("Kernel panic", *machine.addresses,
                                       seconds=LAST_WORDS_SECONDS)
            return machine
        except AssertionError:
            assert machine.guest.has_panicked() and not machine.incidents()
        with capsys.disabled():
            print(f"\n{machine.name}: its panic did not reach the wire; another one")
        machine.leave()
        again = dataclasses.replace(scenario, name=f"{scenario.name}-again-{number}")
        (machine,) = boot_all(machine.rack, [again], is_pulled=True)
    return machine


@pytest.mark.parametrize("machine", PANICS, indirect=True, ids=str)
def test_a_kernel_that_panics_takes_its_node_along_and_says_why(machine, request, capsys):
    scenario = request.node.callspec.params["machine"]
    machine = told_somebody(machine, scenario, capsys)
    incident = machine.ended()
    with capsys.disabled():
        print(f"\n{scenario}, seconds after the command was typed:")
        for at, words in machine.steps():
            print(f"{at:9.3f}  {words}")
    assert incident["outcome"] == "deleted"
    assert incident["reason_code"] == scenario.code
    assert re.fullmatch(scenario.reason, incident["reason"])
    assert not machine.exists() and not machine.rack.api.exists(machine.pod)
    text = f"Kernel panic on node {machine.name}: {incident['reason']}"
    assert machine.last_state()["metadata"]["annotations"][REASON] == text
    assert any(note.startswith(text) for note in machine.events())
