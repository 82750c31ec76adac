"""What the suites that drive whole programs share; each conftest.py imports what it uses."""
from collections.abc import Callable, Iterator

import pytest

from tests.apiserver.apiserver import ApiServer
from tests.harness import ledger
from tests.harness.fleet import Fleet
from tests.harness.hosts import Host
from tests.harness.pipeline import Pipeline


@pytest.fixture(scope="module")
def api() -> Iterator[ApiServer]:
    with ApiServer("--bookmark-every=1s") as server:
        ledger.load(server)
        yield server


@pytest.fixture(scope="module")
def fleet(api) -> Fleet:
    return Fleet(api)


@pytest.fixture(autouse=True)
def calm(request) -> Iterator[None]:
    """Whatever a test did to the server ends with it."""
    yield
    if "api" in request.fixturenames:
        server: ApiServer = request.getfixturevalue("api")
        server.away(False)
        server.silent(False)
        server.clear_faults()
        server.settings(streamingList=True)
        ledger.load(server)  # nobody's: an actuator that was killed is its holder for 15 s more


@pytest.fixture
def make_pipeline(tmp_path, api) -> Iterator[Callable[..., Pipeline]]:
    """Pipelines that are ended with the test; their logs are shown when it failed."""
    made: list[Pipeline] = []

    def make(**options) -> Pipeline:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Pipeline(folder, api, **options))
        return made[-1]

    yield make
    try:
        for pipeline in made:
            pipeline.stop()
    finally:
        for pipeline in made:
            pipeline.close()
            print(pipeline.logs())


@pytest.fixture
def make_host(tmp_path, api) -> Iterator[Callable[..., Host]]:
    """Actuators, each with its prober, that are ended with the test."""
    made: list[Host] = []

    def make(*options: str, **more) -> Host:
        folder = tmp_path / f"host-{len(made)}"
        folder.mkdir()
        made.append(Host(folder, api, *options, **more))
        return made[-1]

    yield make
    for host in made:
        host.stop()
