"""Fixtures of the tests with real kernels."""
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


@pytest.fixture(scope="session")
def rack(tmp_path_factory) -> Iterator[Rack]:
    """With all controllers and their usual delays, and the three programs; without a guest."""
    programs = printed_by(HERE.parent / "cluster" / "build-control-plane")
    plane = ControlPlane(programs, controller_manager=[])
    with Rack(tmp_path_factory.mktemp("rack"), plane) as running:
        running.start("--alive=4s")
        yield running


@pytest.fixture(scope="session")
def machines(request, rack) -> dict[Scenario, Machine]:
    """Of every scenario that a chosen test is about: all are up before the first one's trigger is
    pulled, and their triggers are pulled in the same moment."""
    chosen = list(dict.fromkeys(item.callspec.params["machine"] for item in request.session.items
                                if "machine" in item.fixturenames))
    made = {}
    for first in range(0, len(chosen), AT_A_TIME):
        lot = {scenario: rack.boot(str(scenario), kernel(scenario.kernel))
               for scenario in chosen[first:first + AT_A_TIME]}
        for machine in lot.values():
            machine.join()
        made |= lot
    rack.wait_swept(*made.values())
    for scenario, machine in made.items():
        if scenario.is_first:
            machine.pull(scenario.command, is_last=bool(scenario.code))
    return made


def kernel(series: str) -> pathlib.Path:
    return printed_by(HERE / "build-guest", series)


@pytest.fixture
def machine(request, machines) -> Machine:
    """Of the scenario that is the test's parameter."""
    return machines[request.param]
