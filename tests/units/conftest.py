"""One machine for all tests, in a network namespace that is theirs, and an API server beside it."""
import os
import pathlib
from collections.abc import Iterator

import pytest

from tests.apiserver.apiserver import ApiServer
from tests.harness.namespaces import Namespace
from tests.units.install import STAGES, STATES, Installation
from tests.units.machine import Machine


@pytest.fixture(scope="session")
def network() -> Iterator[Namespace]:
    """This process is in it, and so is what it starts; of IPv6, too, nodes have addresses here."""
    namespace = Namespace()
    namespace.ip("address add fd66::5/128 dev lo")
    with namespace.inside():
        yield namespace
    namespace.close()


@pytest.fixture(scope="session")
def histories(tmp_path_factory) -> dict[str, pathlib.Path]:
    """Shared with the machine: SQLite finds no file by way of a process's root."""
    return {state: tmp_path_factory.mktemp("state") for state in STATES}


@pytest.fixture(scope="session")
def machine(network, histories, tmp_path_factory) -> Iterator[Machine]:
    running = Machine(os.environ["LASTGASP_TREE"], tmp_path_factory.mktemp("machine") / "console",
                      histories)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def installation(machine, histories) -> Iterator[Installation]:
    with ApiServer("--bookmark-every=1s") as api:
        yield Installation(machine, api, histories)


@pytest.fixture
def installed(installation) -> Iterator[Installation]:
    """Nothing runs yet; everything is set up to act on every panic."""
    installation.reset()
    yield installation
    print(installation.journal())


@pytest.fixture
def live(installed) -> Installation:
    """All three stages run."""
    installed.start()
    assert all(installed.is_active(f"lastgasp-{stage}") for stage in STAGES)
    return installed
