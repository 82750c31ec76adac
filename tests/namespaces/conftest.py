"""What the tests of real silence share."""
from collections.abc import Iterator

import pytest

from tests.harness.world import World


@pytest.fixture
def empty_world(tmp_path) -> Iterator[World]:
    """Without a machine; the programs do not run yet."""
    with World(tmp_path) as world:
        yield world


@pytest.fixture
def world(empty_world) -> World:
    """Two zones of four machines, every one of which has answered; the programs run."""
    for zone in "ab":
        empty_world.add_many(4, zone)
    empty_world.start("--alive=4s")
    empty_world.wait_swept()
    return empty_world
