"""An oops and then silence, which is all that kdump lets through, and what may be done on it."""
import time

import pytest

from tests.harness import ours
from tests.harness.hosts import LAPSED, Cluster
from tests.harness.programs import wait_until


@pytest.fixture(scope="module")
def cluster(api, fleet) -> Cluster:
    return Cluster(api, fleet)


def oops(pipeline, node, kdump: str = "1") -> None:
    for number, line in enumerate(ours.OOPS):
        pipeline.say(node, ours.extended(line, 5_000_000 + number, facility=0, kdump=kdump))


def test_it_needs_the_lease_even_where_a_panic_line_would_not(make_pipeline, cluster):
    """--verify=none with --accept-unverified removes on the word of a datagram; not on this one."""
    node, other = cluster.add(), cluster.add()
    pipeline = make_pipeline(listener=("--silent-oops",)).start()
    wait_until(lambda: "addresses are Nodes'" in pipeline.logs(), 10, "the Nodes told")
    oops(pipeline, node)
    oops(pipeline, other, kdump="0")
    time.sleep(4)
    assert pipeline.incidents() == []
    (incident,) = wait_until(lambda: pipeline.incidents(node), 5, "an incident")
    assert (incident["verdict"], incident["reason_code"]) == ("unprobable", "oops")
    assert incident["reason"].startswith("oops, then silence (NULL pointer dereference at ")
    time.sleep(2 * LAPSED)
    cluster.assert_untouched(node)
    cluster.die(node)
    wait_until(lambda: not cluster.api.exists(node.path), 30, "the Node deleted")
    assert pipeline.incidents(other) == []


def test_a_machine_that_answers_is_left_alone(make_pipeline, cluster):
    """127.66.0.0/16 is this machine, whose kernel answers for each of its addresses."""
    node = cluster.add(kubeletPort=10250)
    pipeline = make_pipeline(verify="probe", listener=("--silent-oops",),
                             correlator=("--alive=2s",)).start()
    wait_until(lambda: "addresses are Nodes'" in pipeline.logs(), 10, "the Nodes told")
    oops(pipeline, node)
    wait_until(lambda: f"node {node.name} is alive, not acted on: oops, then silence" in
               pipeline.logs(), 20, "the answer")
    assert pipeline.incidents(node) == []
    cluster.assert_untouched(node)
