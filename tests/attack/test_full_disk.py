"""File systems that are really full: what cannot be kept is not acknowledged, and it is said."""
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from tests.harness import records
from tests.harness.edges import connect
from tests.harness.programs import run

MIB = 1 << 20


class SmallDisk:
    def __init__(self, folder: pathlib.Path, size: int):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)

    def fill(self) -> None:
        with open(self.folder / "filler", "ab", buffering=0) as filler:
            for size in (65536, 4096):
                try:
                    while filler.write(bytes(size)) == size:
                        pass
                except OSError:
                    pass

    def empty(self) -> None:
        (self.folder / "filler").unlink()

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)


@pytest.fixture
def disk(tmp_path) -> Iterator[SmallDisk]:
    made = SmallDisk(tmp_path / "disk", 2 * MIB)
    yield made
    made.close()


def test_a_listener_does_not_start_where_its_file_has_no_room(disk, tmp_path):
    done = run("lastgasp-listener", "--listen=127.0.0.1:0", f"--to={tmp_path / 'none'}",
               f"--pending={disk.folder / 'pending'}")
    assert done.returncode == 1
    assert f"{disk.folder / 'pending'}" in done.stderr and "No space left" in done.stderr
    assert list(disk.folder.iterdir()) == []


def test_an_actuator_on_a_full_disk_acknowledges_when_there_is_room(make_pipeline, fleet):
    node = fleet.add(pods=1)
    pipeline = make_pipeline()
    disk = SmallDisk(pipeline.state, 2 * MIB)
    try:
        actuator = pipeline.start("actuator").running["actuator"]
        with connect(pipeline.sockets["actuator"], "correlator") as correlator:
            actuator.wait_for("this host acts")
            disk.fill()
            intent = records.intent(node)
            correlator.send(intent)
            actuator.wait_for("<1>.*database takes nothing")
            assert not correlator.of("ack") and not fleet.writes(node)
            disk.empty()
            correlator.wait_for("ack", id=intent["id"])
            assert correlator.wait_for("result", id=intent["id"])[0]["outcome"] == "deleted"
        pipeline.stop()
    finally:
        disk.close()
