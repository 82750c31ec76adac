"""Kernels that really panic: their Nodes go, and their pods say why."""
import re

import pytest

from scenarios import PANICS

REASON = "pod.titus.netflix.com/pod-termination-reason"


@pytest.mark.parametrize("machine", PANICS, indirect=True, ids=str)
def test_a_kernel_that_panics_takes_its_node_along_and_says_why(machine, request, capsys):
    scenario = request.node.callspec.params["machine"]
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
