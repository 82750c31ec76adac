"""The actuator alone, with a stand-in for the correlator: what it does on which evidence.

The nodes' Leases last 4 s here, so that one has lapsed after 1.25 s + 2 s.
"""
import os
import signal
import time

import pytest

from tests.harness import records
from tests.harness.hosts import LAPSED, Cluster, Host
from tests.harness.pipeline import incidents
from tests.harness.programs import run, wait_until


@pytest.fixture
def host(make_host) -> Host:
    return make_host()


@pytest.fixture(scope="module")
def cluster(api, fleet) -> Cluster:
    return Cluster(api, fleet)


def test_silent_and_lapsed_is_deleted_and_told_before(cluster, host):
    node = cluster.add()
    cluster.die(node)
    began = time.monotonic()
    incident = host.prober.panicked(node)
    wait_until(lambda: cluster.is_marked(node), 2, "the Node told of at once")
    cluster.assert_nothing_removed(node)
    host.prober.result(incident, "deleted")
    assert time.monotonic() - began >= LAPSED
    assert not cluster.api.exists(node.path)
    assert [pod["metadata"]["name"] for pod in cluster.fleet.pods(node)
            if pod["metadata"]["ownerReferences"][0]["kind"] != "DaemonSet"] == []
    (opened, *_) = host.prober.edge.of("open")
    assert (opened["address"], opened["port"], opened["rtt_us"]) == (node.address, 10250, 300)


def test_unprobable_and_lapsed_is_deleted_and_not_told_before(cluster, host):
    node = cluster.add()
    cluster.die(node)
    incident = host.prober.panicked(node, verdict="unprobable")
    time.sleep(1.5)
    cluster.assert_untouched(node)
    host.prober.result(incident, "deleted")


def test_silent_but_renewed_is_told_only_and_undone_when_it_answers(cluster, host):
    node = cluster.add()
    incident = host.prober.panicked(node)
    wait_until(lambda: cluster.is_marked(node), 2, "the Node told of at once")
    time.sleep(2 * LAPSED)
    cluster.assert_nothing_removed(node)
    host.prober.answers(incident)
    host.prober.result(incident, "retracted")
    cluster.assert_untouched(node)


def test_without_fresh_evidence_it_waits(cluster, host):
    node = cluster.add()
    cluster.die(node)
    incident = host.prober.panicked(node, probed=False,
                                    silent_until_us=records.now_us() - 3_000_000)
    host.program.wait_for("waits for fresh evidence", 15)
    time.sleep(1)
    cluster.assert_nothing_removed(node)
    host.prober.silent.add(incident)
    host.prober.result(incident, "deleted", 5)


def test_evidence_that_stood_in_a_queue_is_not_fresh(cluster, host):
    node = cluster.add()
    cluster.die(node)
    incident = host.prober.panicked(node, probed=False,
                                    silent_until_us=records.now_us() - 6_000_000)
    for _ in range(12):
        host.prober.edge.send({"type": "evidence", "id": incident, "words": "an old one",
                               "silent_until_us": records.now_us() - 5_500_000})
        time.sleep(0.5)
    cluster.assert_untouched(node)
    host.prober.silent.add(incident)
    host.prober.result(incident, "deleted", 5)


@pytest.mark.parametrize("verdict", ["silent", "unprobable"])
def test_a_sick_api_server_lets_no_lease_lapse(cluster, host, verdict):
    node = cluster.add()
    cluster.die(node)
    cluster.stop_renewals()
    incident = host.prober.panicked(node, verdict=verdict)
    time.sleep(3 * LAPSED)
    if verdict == "silent":
        cluster.assert_nothing_removed(node)
    else:
        cluster.assert_untouched(node)
    cluster.live()
    host.prober.result(incident, "deleted")


@pytest.mark.parametrize("verdict", ["silent", "unprobable"])
def test_a_node_that_was_lost_before_proves_nothing(cluster, host, verdict):
    def lose(obj: dict) -> None:
        for condition in obj["status"]["conditions"]:
            if condition["type"] == "Ready":
                condition["status"] = "Unknown"

    node = cluster.fleet.change(cluster.add(), lose)
    cluster.die(node)
    incident = host.prober.panicked(node, verdict=verdict,
                                    expires_us=records.now_us() + 9_000_000)
    host.prober.result(incident, "expired")
    if verdict == "silent":
        cluster.assert_nothing_removed(node)
    else:
        cluster.assert_untouched(node)


def test_a_machine_that_answers_without_its_node_is_stranded(cluster, host):
    node = cluster.add()
    cluster.die(node)
    cluster.api.patch(node.path, {"metadata": {"labels": {"pool": "gpu"}}})
    incident = host.prober.panicked(node)
    host.prober.result(incident, "deleted")
    watched = wait_until(lambda: [o for o in host.prober.edge.of("open")
                                  if o["until_us"] > records.now_us() + 9 * 60_000_000
                                  and o["until_us"] < records.now_us() + 11 * 60_000_000],
                         5, "open, for 10 minutes more")
    assert watched[-1]["address"] == node.address
    host.restart()
    host.prober.edge.wait_for("open", id=incident)
    host.prober.answers(incident)
    wait_until(lambda: host.prober.edge.of("result"), 15, "a result")
    found = host.prober.result(incident, "stranded")
    assert "Restart the kubelet" in found["detail"]
    shown = run("lastgasp-incidents", f"--state={host.state}", "show", incident).stdout
    assert "  label       pool=gpu\n" in shown


@pytest.mark.parametrize("why", ["rebooted", "recreated"])
def test_a_watch_that_is_ended_by_a_new_node_is_over_in_the_history_too(cluster, host, why):
    node = cluster.add()
    cluster.die(node)
    incident = host.prober.panicked(node)
    host.prober.result(incident, "deleted")
    host.prober.answers(incident, why)
    (row,) = incidents(host.state)
    assert (row["state"], row["outcome"]) == ("closed", "deleted")


def test_what_was_set_is_undone_when_the_machine_is_back(cluster, make_host):
    host = make_host()
    node = cluster.add()
    cluster.die(node)
    cluster.api.patch(node.path, {"metadata": {"finalizers": ["example.com/hold"]}})
    incident = host.prober.panicked(node)
    host.prober.result(incident, "left-to-owner")
    assert cluster.is_marked(node)
    host.stop()
    other = make_host()  # another host, which knows nothing of it
    time.sleep(1)
    assert cluster.is_marked(node)

    def boot(obj: dict) -> None:
        obj["status"]["nodeInfo"]["bootID"] = "11111111-2222-3333-4444-555555555555"

    cluster.fleet.change(node, boot)
    wait_until(lambda: not cluster.is_marked(node), 40, "the marks undone")
    obj = cluster.get(node)
    assert not obj["spec"].get("unschedulable")
    assert not [key for key in {**obj["metadata"]["annotations"], **obj["metadata"]["labels"]}
                if "titus" in key]
    other.program.wait_for("what was set on the Node is undone")


def test_after_a_restart_in_each_state_it_comes_to_the_same_end(cluster, host):
    told, renewed, waiting = cluster.add(), cluster.add(), cluster.add()
    cluster.die(told)
    cluster.die(waiting)
    incidents = [host.prober.panicked(node) for node in (told, renewed)]
    incidents.append(host.prober.panicked(waiting, verdict="unprobable"))
    wait_until(lambda: cluster.is_marked(told) and cluster.is_marked(renewed), 3, "marks")
    host.restart()
    time.sleep(0.5)
    host.restart()
    host.prober.result(incidents[0], "deleted")
    host.prober.result(incidents[2], "deleted")
    cluster.assert_nothing_removed(renewed)
    host.restart()
    host.prober.edge.wait_for("open", id=incidents[1])
    host.prober.answers(incidents[1])
    host.prober.result(incidents[1], "retracted")
    cluster.assert_untouched(renewed)


def test_a_stopped_actuator_takes_nothing_for_fresh(cluster, host):
    node = cluster.add()
    cluster.die(node)
    incident = host.prober.panicked(node)
    wait_until(lambda: cluster.is_marked(node), 2, "marks")
    os.kill(host.program.pid, signal.SIGSTOP)
    time.sleep(LAPSED)
    host.prober.silent.discard(incident)
    time.sleep(6)
    os.kill(host.program.pid, signal.SIGCONT)
    time.sleep(LAPSED + 1)
    cluster.assert_nothing_removed(node)
    host.prober.silent.add(incident)
    host.prober.result(incident, "deleted")


def test_a_host_that_stands_by_closes_as_elsewhere_or_takes_over(cluster, make_host):
    leader, other = make_host(), make_host()
    other.program.wait_for("stands by")
    node, later = cluster.add(), cluster.add()
    cluster.die(node)
    for host in (leader, other):
        host.prober.panicked(node)
    incident = records.digest(node.uid, node.boot)
    leader.prober.result(incident, "deleted")
    other.prober.result(incident, "elsewhere")

    cluster.die(later)
    for host in (leader, other):
        incident = host.prober.panicked(later)
    wait_until(lambda: cluster.is_marked(later), 2, "marks")
    leader.program.kill()
    other.prober.result(incident, "deleted", 40)


def test_a_standby_that_takes_over_undoes_what_the_leader_set(cluster, make_host):
    leader, other = make_host(), make_host()
    other.program.wait_for("stands by")
    node = cluster.add()
    for host in (leader, other):
        incident = host.prober.panicked(node)
    wait_until(lambda: cluster.is_marked(node), 2, "marks")
    leader.program.kill()
    other.prober.answers(incident)
    assert cluster.is_marked(node)
    other.prober.result(incident, "retracted", 40)
    cluster.assert_untouched(node)
