"""Every capture of a real kernel, over real UDP, through the real listener."""
import dataclasses
import pathlib
import time

import pytest

from tests.harness import captures
from tests.harness.edges import Server
from tests.harness.programs import Program, free_udp_port


@dataclasses.dataclass
class Heard:
    """What the listener said of one capture."""
    panics: list[dict]
    halts: list[dict]


def source_of(number: int) -> str:
    """All captures carry 127.0.0.1: here each comes from an address of its own."""
    return f"127.66.{number // 200}.{number % 200 + 1}"


@pytest.fixture(scope="module")
def heard(tmp_path_factory) -> dict[str, Heard]:
    """All captures, sent one after the other to one listener."""
    folder: pathlib.Path = tmp_path_factory.mktemp("captures")
    port = free_udp_port()
    truths = captures.index()
    with Server(folder / "correlator.sock", "correlator") as correlator, \
            Program("lastgasp-listener", f"--listen=127.0.0.1:{port}",
                    f"--to={correlator.path}", f"--pending={folder / 'pending'}",
                    folder=folder):
        correlator.wait_connected()
        for number, truth in enumerate(truths):
            captures.send(truth.capture, source_of(number), ("127.0.0.1", port), gap_max=0.002)
        time.sleep(1)  # what comes later than this would be a panic too many
        return {truth.capture: Heard(
            [r for r in correlator.of("panic") if r["source"] == source_of(number)],
            [r for r in correlator.of("halt") if r["source"] == source_of(number)])
            for number, truth in enumerate(truths)}


def test_the_index_names_every_capture():
    files = {str(path.relative_to(captures.FOLDER).with_suffix(""))
             for path in captures.FOLDER.glob("*/*.jsonl")}
    assert files == {truth.capture for truth in captures.index()}
    assert len(files) == 66


@pytest.mark.parametrize("truth", captures.index(), ids=lambda truth: truth.capture)
def test_each_panic_is_found_and_nothing_else(heard, truth):
    panics = heard[truth.capture].panics
    assert len(panics) == truth.emitted, [p["text"] for p in panics]
    if truth.panics:
        assert [p["reason_code"] for p in panics] == [truth.reason_code] * truth.panics
        assert all(p["reason"].startswith(truth.reason) for p in panics), panics
    assert len({p["id"] for p in panics}) == len(panics)


@pytest.mark.parametrize("truth", [t for t in captures.index() if t.reason_code == "oops"],
                         ids=lambda truth: truth.capture)
def test_an_oops_names_what_broke(heard, truth):
    (panic,) = heard[truth.capture].panics
    assert "NULL pointer dereference at 0000000000000000" in panic["reason"]
    assert "crashme" in panic["reason"]
