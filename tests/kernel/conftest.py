"""Fixtures of the tests with real kernels."""
import contextlib
import functools
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cluster"))  # the real control plane

from control_plane import ControlPlane  # noqa: E402
from rack import Machine, Rack  # noqa: E402
from scenarios import Scenario  # noqa: E402

AT_A_TIME = 4  # guests that boot


def printed_by(*command: str | pathlib.Path) -> pathlib.Path:
    return pathlib.Path(subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
                        .stdout.strip())


@contextlib.contextmanager
def open_rack(folder: pathlib.Path) -> Iterator[Rack]:
    """With all controllers and their usual delays, and the three programs; without a guest."""
    programs = printed_by(HERE.parent / "cluster" / "build-control-plane")
    with Rack(folder, ControlPlane(programs, controller_manager=[])) as running:
        running.start("--alive=4s")
        yield running


@pytest.fixture(scope="session")
def rack(tmp_path_factory) -> Iterator[Rack]:
    with open_rack(tmp_path_factory.mktemp("rack")) as running:
        yield running


def boot_all(rack: Rack, scenarios: list[Scenario]) -> list[Machine]:
    """A machine each, once they are all Nodes whose ports have answered."""
    made: list[Machine] = []
    for first in range(0, len(scenarios), AT_A_TIME):
        lot = [rack.boot(str(scenario), kernel(scenario.kernel), scenario.v6, scenario.above)
               for scenario in scenarios[first:first + AT_A_TIME]]
        for machine in lot:
            machine.join()
        made += lot
    for machine in made:
        machine.wait_asked()
    return made


@pytest.fixture(scope="session")
def machines(request, rack) -> dict[Scenario, Machine]:
    """Of every scenario that a chosen test is about: all are up before the first one's trigger is
    pulled, and their triggers are pulled in the same moment."""
    chosen = list(dict.fromkeys(item.callspec.params["machine"] for item in request.session.items
                                if "machine" in item.fixturenames))
    made = dict(zip(chosen, boot_all(rack, chosen)))
    for scenario, machine in made.items():
        if scenario.is_first:
            machine.pull(scenario.command, is_last=bool(scenario.code))
    return made


@functools.cache
def kernel(series: str) -> pathlib.Path:
    return printed_by(HERE / "build-guest", series)


@pytest.fixture
def machine(request, machines) -> Iterator[Machine]:
    """Of the scenario that is the test's parameter; a guest that idles costs a sixth of a core, so
    it is gone after the test."""
    yield machines[request.param]
    machines[request.param].leave()
