"""What the integration tests share: a simulated API server a module, and the three programs."""
from collections.abc import Iterator

import pytest

from tests.harness import records
from tests.harness.edges import connect
from tests.harness.fixtures import api, calm, fleet, make_host, make_pipeline  # noqa: F401
from tests.harness.fleet import Node
from tests.harness.pipeline import Pipeline


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
