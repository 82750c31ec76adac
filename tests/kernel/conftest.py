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


def boot_all(rack: Rack, scenarios: list[Scenario], is_pulled: bool = False) -> list[Machine]:
    """A machine each, once they are all Nodes whose ports have answered. IS_PULLED: their triggers
    were pulled then, a few at a time, since a guest that idles costs a sixth of a core."""
    made: list[Machine] = []
    for first in range(0, len(scenarios), AT_A_TIME):
        chosen = scenarios[first:first + AT_A_TIME]
        lot = [rack.boot(str(scenario), kernel(scenario.kernel), scenario) for scenario in chosen]
        for machine in lot:
            machine.join()
        for machine in lot:
            machine.wait_asked()
        for scenario, machine in zip(chosen, lot):
            if is_pulled and scenario.is_first:
                machine.pull(scenario.command, is_last=bool(scenario.code))
        made += lot
    return made


@pytest.fixture(scope="module")
def machines(request, rack) -> dict[Scenario, Machine]:
    """Of every scenario that a chosen test of the module is about."""
    chosen = list(dict.fromkeys(item.callspec.params["machine"] for item in request.session.items
                                if item.module is request.module
                                and "machine" in item.fixturenames))
    return dict(zip(chosen, boot_all(rack, chosen, is_pulled=True)))


@functools.cache
def kernel(series: str) -> pathlib.Path:
    return printed_by(HERE / "build-guest", series)


@pytest.fixture
def machine(request, machines) -> Iterator[Machine]:
    """Of the scenario that is the test's parameter; gone after the test."""
    yield machines[request.param]
    machines[request.param].leave()
