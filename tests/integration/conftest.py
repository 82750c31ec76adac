"""What the integration tests share: a simulated API server a module, and the three programs."""
from collections.abc import Callable, Iterator

import pytest

from tests.apiserver.apiserver import ApiServer
from tests.harness import records
from tests.harness.edges import connect
from tests.harness.fleet import Fleet, Node
from tests.harness.pipeline import Pipeline


@pytest.fixture(scope="module")
def api() -> Iterator[ApiServer]:
    with ApiServer("--bookmark-every=1s") as server:
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
def pipeline(make_pipeline) -> Pipeline:
    """All three stages, which may do everything on an unverified panic."""
    return make_pipeline().start()


class Act:
    """An actuator alone, and the stand-in for a correlator that tells it what to do."""

    def __init__(self, pipeline: Pipeline):
        self.pipeline = pipeline.start("actuator")
        self.correlator = connect(pipeline.sockets["actuator"], "correlator")

    def intend(self, node: Node, **changes) -> str:
        """Sends an intent about the Node; returns its id once it is acknowledged."""
        intent = records.intent(node, **changes)
        self.correlator.send(intent)
        self.correlator.wait_for("ack", of="intent", id=intent["id"])
        return intent["id"]

    def __call__(self, node: Node, seconds: float = 12, **changes) -> dict:
        """Sends one and returns its result."""
        incident = self.intend(node, **changes)
        return self.correlator.wait_for("result", seconds=seconds, id=incident)[0]


@pytest.fixture
def act(make_pipeline) -> Iterator[Act]:
    made = Act(make_pipeline())
    yield made
    made.correlator.close()
