"""Who may write, and how far: the host that leads, the ones that stand by, and one that may not."""
import contextlib
import time

import pytest

from tests.harness import ledger, records
from tests.harness.edges import connect
from tests.harness.hosts import LAPSED, Cluster, Host
from tests.harness.programs import Program, wait_until

REASON = "pod.titus.netflix.com/pod-termination-reason"
# As in rbac.yaml, but for the ledger.
RIGHTS = ["get nodes", "list nodes", "patch nodes", "delete nodes", "list pods", "delete pods",
          "patch pods/status", "create events", "get leases kube-node-lease"]
ANOTHER_BOOT = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def make_host(tmp_path, api):
    with contextlib.ExitStack() as hosts:
        def make(name: str, **how) -> Host:
            folder = tmp_path / name
            folder.mkdir()
            host = Host(folder, api, **how)
            hosts.callback(host.stop)
            return host
        yield make


@pytest.fixture(scope="module")
def cluster(api, fleet) -> Cluster:
    return Cluster(api, fleet)


def soon(seconds: float) -> int:
    return records.now_us() + int(seconds * 1_000_000)


def reasons(cluster: Cluster, node) -> list[bool]:
    return [REASON in pod["metadata"].get("annotations", {}) for pod in cluster.fleet.pods(node)]


def test_pods_are_told_in_the_mode_annotate_once_the_machine_is_surely_dead(cluster, make_host):
    dead, alive = cluster.add(pods=4), cluster.add(pods=4)
    cluster.die(dead)
    host = make_host("host", mode="annotate")
    told, undone = host.prober.panicked(dead), host.prober.panicked(alive)
    wait_until(lambda: cluster.is_marked(dead) and cluster.is_marked(alive), 3, "both Nodes marked")
    assert not any(reasons(cluster, dead))
    host.prober.result(told, "told")
    assert all(reasons(cluster, dead)) and len(reasons(cluster, dead)) == 4
    assert not any(reasons(cluster, alive))
    host.prober.answers(undone)
    host.prober.result(undone, "retracted")
    cluster.assert_untouched(alive)


def test_what_stays_after_the_leader_ended_it_is_elsewhere_for_the_others(cluster, make_host):
    """The Node stays in the mode pods, so that a host that stands by sees no end of it."""
    node = cluster.add(pods=4)
    cluster.die(node)
    leader, other = make_host("leader", mode="pods"), make_host("other", mode="pods")
    other.program.wait_for("stands by")
    for host in (leader, other):
        incident = host.prober.panicked(node, expires_us=soon(LAPSED + 6))
    leader.prober.result(incident, "pods-done")
    other.prober.result(incident, "elsewhere", 20)


def test_a_host_that_cannot_act_yet_knows_that_another_leads(cluster, make_host):
    """Nothing is probed, and the Lease is renewed: there is never a right to ask for leave with."""
    node = cluster.add(pods=2)
    leader, other = make_host("leader"), make_host("other")
    other.program.wait_for("stands by")
    for host in (leader, other):
        incident = host.prober.panicked(node, verdict="unprobable", expires_us=soon(4))
    leader.prober.result(incident, "expired")
    other.prober.result(incident, "elsewhere")
    cluster.assert_untouched(node)


def test_a_host_that_observes_undoes_nothing_of_another(cluster, make_host, tmp_path, api):
    node = cluster.add(pods=2)
    leader = make_host("leader")
    incident = leader.prober.panicked(node)
    wait_until(lambda: cluster.is_marked(node), 3, "marks")
    socket, state = tmp_path / "observer.sock", tmp_path / "state"
    state.mkdir()
    with Program("lastgasp-actuator", f"--socket={socket}", f"--state={state}",
                 f"--kubeconfig={api.kubeconfig('actuator')}", "--mode=observe",
                 folder=tmp_path):
        wait_until(socket.exists, 10, "the observer's socket")
        with connect(socket, "correlator") as correlator:
            correlator.send(records.intent(node, verdict="silent"))
            correlator.wait_for("ack", of="intent")
            correlator.send({"type": "retract", "id": incident, "why": "answers"})
            correlator.wait_for("result", id=incident)
    assert cluster.is_marked(node)
    leader.prober.answers(incident)
    leader.prober.result(incident, "retracted")
    cluster.assert_untouched(node)


def test_a_node_that_came_back_while_nobody_ran_is_undone_at_the_next_start(cluster, make_host):
    node = cluster.add(pods=2)
    host = make_host("host")
    host.prober.panicked(node)
    wait_until(lambda: cluster.is_marked(node), 3, "marks")
    host.kill()

    def boot(obj: dict) -> None:
        obj["status"]["nodeInfo"]["bootID"] = ANOTHER_BOOT

    cluster.fleet.change(node, boot)
    make_host("later")
    wait_until(lambda: not cluster.is_marked(node), 40, "the marks undone")
    cluster.assert_untouched(node)


@pytest.mark.parametrize("lost", ["missing", "forbidden"])
def test_without_a_ledger_nothing_is_written_or_lost(cluster, make_host, api, lost):
    """It says so once, counts on, and goes on when the ledger is there again."""
    node = cluster.add(pods=3)
    cluster.die(node)
    host = make_host("host")
    if lost == "missing":
        api.rights({"actuator": [*RIGHTS, "get leases lastgasp", "update leases lastgasp"]})
        api.drop("leases", "lastgasp", "lastgasp")
        says = "no Lease lastgasp in the namespace lastgasp"
    else:
        api.rights({"actuator": RIGHTS})
        says = "leases lastgasp/lastgasp: Forbidden"
    try:
        host.program.wait_for(says, 10)
        time.sleep(10.5)  # until what was granted before is over
        incident = host.prober.panicked(node)
        time.sleep(LAPSED + 1)
        cluster.assert_untouched(node)
    finally:
        api.rights({})
        if lost == "missing":
            ledger.load(api)
    host.prober.result(incident, "deleted")
    host.program.wait_for("this host acts")
    wait_until(lambda: [stats for stats in host.prober.edge.of("stats")
                        if stats["counters"].get("ledger_failures", 0) > 1], 15, "the counter")
    log = host.program.log()
    assert log.count(says) == 1, log
