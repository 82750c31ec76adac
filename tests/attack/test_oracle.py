"""The oracle of the races sees each kind of wrong write, and no right one."""
import math
import time

import pytest

from tests.apiserver.apiserver import STRATEGIC
from tests.attack import oracle
from tests.attack.scene import path


@pytest.fixture
def node(fleet):
    return fleet.add(pods=1, owners=["Job"])


@pytest.fixture
def pod(fleet, node):
    return fleet.pods(node)[0]


def fate(node, pod, **times) -> oracle.Fate:
    return oracle.Fate(node, {pod["metadata"]["uid"]}, **times)


def delete(api, where: str, **preconditions) -> None:
    api.request("DELETE", where, {"preconditions": preconditions}, user="actuator")


def mark(api, pod, **metadata) -> None:
    api.request("PATCH", f"{path(pod)}/status", {"metadata": metadata}, user="actuator",
                content_type=STRATEGIC)


def test_what_is_written_in_time_under_the_right_uid_is_right(api, node, pod):
    since = time.time()
    mark(api, pod, uid=pod["metadata"]["uid"])
    delete(api, path(pod), uid=pod["metadata"]["uid"])
    delete(api, node.path, uid=node.uid, resourceVersion="1")
    fates = [fate(node, pod, returned=time.time(), blind=[(time.time(), math.inf)],
                  ended=time.time())]
    assert oracle.wrongs(api, fates, since=since) == []
    assert len([w for w in oracle.writes(api) if w.at >= since]) == 3


@pytest.mark.parametrize("preconditions", [{}, {"uid": "of-another-life"}])
def test_a_pod_without_its_uid_is_wrong(api, node, pod, preconditions):
    since = time.time()
    mark(api, pod, **preconditions)
    delete(api, path(pod), **preconditions)
    assert len(oracle.wrongs(api, [fate(node, pod)], since=since)) == 2


def test_a_node_without_uid_or_version_is_wrong(api, node, pod):
    since = time.time()
    delete(api, node.path, uid="of-another-life", resourceVersion="1")
    delete(api, node.path, uid="of-another-life")
    assert len(oracle.wrongs(api, [fate(node, pod)], since=since)) == 2


def test_what_did_not_panic_is_wrong(api, node, pod):
    since = time.time()
    delete(api, path(pod), uid=pod["metadata"]["uid"])
    assert len(oracle.wrongs(api, [], since=since)) == 1


@pytest.mark.parametrize("what", ["returned", "blind", "ended"])
def test_what_comes_too_late_is_wrong_unless_the_server_kept_it(api, node, pod, what):
    since = time.time()
    times = {"returned": since - 3, "blind": [(since - 7, math.inf)], "ended": since - 2}
    delete(api, path(pod), uid=pod["metadata"]["uid"])
    late = [fate(node, pod, **{what: times[what]})]
    assert len(oracle.wrongs(api, late, since=since)) == 1
    assert oracle.wrongs(api, late, [(since - 7, math.inf)], since) == []


def test_another_boot_that_is_deleted_is_seen(api, node, pod):
    api.patch(f"{node.path}/status", {"status": {"nodeInfo": {"bootID": "another"}}})
    api.request("DELETE", node.path, {"preconditions": {"uid": node.uid}}, user="actuator")
    assert oracle.other_boots(api, [fate(node, pod)]) == [node.name]
