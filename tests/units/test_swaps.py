"""Dry-run variants: swapped in by one command, out by another, and no panic is lost on the way."""
import json
import re
import threading
import time

import pytest

from tests.harness import captures
from tests.harness.fleet import Node
from tests.harness.pipeline import PANIC
from tests.harness.programs import wait_until
from tests.units.install import STATES, Installation, shown

SWAPS, NODES, PAUSE = 3, 24, 0.7


class Panics:
    """Nodes that panic one after the other, for as long as the block takes."""

    def __init__(self, installation: Installation):
        self.installation = installation
        self.nodes = [installation.fleet.add(pods=1) for _ in range(NODES)]
        self.sent: list[Node] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def _send(self) -> None:
        for node in self.nodes:
            if self._over.is_set():
                break
            self.installation.panic(node)
            self.sent.append(node)
            time.sleep(0.1)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


def swap_about(installation: Installation, real: str, variant: str) -> Panics:
    with Panics(installation) as panics:
        for unit in (variant, real) * SWAPS:
            time.sleep(PAUSE)
            installation.start(unit)
            other = real if unit == variant else variant
            assert installation.is_active(unit) and not installation.is_active(other)
    assert len(panics.sent) > 2 * SWAPS
    return panics


def test_a_correlator_that_prints_takes_nothing_away(live):
    variant = "lastgasp-correlator-dry-run"
    panics = swap_about(live, "lastgasp-correlator", variant)
    assert {live.ended(node) for node in panics.sent} == {"deleted"}
    lines = re.findall(r": (\{.*\})$", live.journal(variant), re.MULTILINE)
    printed = {record["node"] for record in map(json.loads, lines) if record["type"] == "intent"}
    assert printed & {node.name for node in panics.sent}


def test_an_actuator_that_prints_has_a_history_of_its_own(live):
    panics = swap_about(live, "lastgasp-actuator", "lastgasp-actuator-dry-run")
    names = {node.name for node in panics.sent}

    def rows(history: str, **wanted) -> set[str]:
        return {row["node"] for row in live.incidents(history)
                if all(row[name] == value for name, value in wanted.items())}
    real, dry = STATES
    wait_until(lambda: names <= rows(real, state="closed") | rows(dry), 30,
               "an incident of every node in one history or the other")
    wait_until(lambda: rows(real) == rows(real, state="closed"), 30, "all real incidents closed")
    done = rows(real)
    assert done == rows(real, outcome="deleted")
    for node in panics.sent:
        assert live.api.exists(node.path) == (node.name not in done)
        assert node.name in done or not live.fleet.writes(node)
    assert rows(dry) - done, "no panic fell into a dry run"


@pytest.mark.parametrize("stage", ["correlator", "actuator"])
def test_two_on_one_socket_are_never_there_at_once(installed, stage):
    """One order between them holds for both directions: what stops is gone before what starts."""
    for relation in ("Conflicts", "After"):
        assert f"lastgasp-{stage}.service" in installed.show(f"lastgasp-{stage}-dry-run", relation)


@pytest.mark.parametrize("stage", ["correlator", "actuator"])
def test_stopping_a_variant_starts_nothing(live, stage):
    real, variant = f"lastgasp-{stage}", f"lastgasp-{stage}-dry-run"
    live.start(variant)
    live.stop(variant)
    node = live.fleet.add(pods=0)
    live.panic(node)
    time.sleep(2)
    assert not live.is_active(real) and not live.is_active(variant)
    assert live.api.exists(node.path)
    live.start(real)
    assert live.ended(node) == "deleted"


def test_the_commands_that_the_readme_shows_swap(live):
    for command in shown("Swapping stages"):
        command = command.partition("#")[0].split()
        live.machine.run(*command)
        assert live.is_active(command[-1])
    live.acts()


def test_a_panic_is_played_again_beside_the_real_listener(live):
    node, other = live.fleet.add(pods=1), live.fleet.add(pods=1)
    listener = live.show("lastgasp-listener", "MainPID")
    folder = live.machine.root / "var/lib/lastgasp-listener-replay"
    text = b"".join(data for _, data in captures.datagrams(PANIC))
    (folder / node.address).write_bytes(text)
    unit = f"lastgasp-listener-replay@{node.address}"
    live.start(unit)
    live.panic(other)
    assert (live.ended(node), live.ended(other)) == ("deleted", "deleted")
    wait_until(lambda: live.show(unit, "ActiveState") == "inactive", 15, "the replay's end")
    assert live.show(unit, "Result") == "success"
    assert live.show("lastgasp-listener", "MainPID") == listener
