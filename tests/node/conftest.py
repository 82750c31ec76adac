"""What the tests of the nodes' side share."""
from collections.abc import Iterator

import pytest

from tests.node.node import Node


@pytest.fixture(params=[["dash"], ["busybox", "ash"]], ids=["dash", "ash"])
def node(request, tmp_path) -> Iterator[Node]:
    with Node(tmp_path, request.param) as made:
        yield made
