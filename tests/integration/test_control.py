"""Stopping everything, on all hosts: by the command, and by kubectl; with socat: tests/manual."""
import subprocess
import time

import pytest

from tests.apiserver.apiserver import MERGE
from tests.harness import ledger
from tests.harness.fleet import Node
from tests.harness.hosts import LAPSED, Cluster, Host
from tests.harness.programs import Program, run, wait_until


@pytest.fixture(scope="module")
def cluster(api, fleet) -> Cluster:
    return Cluster(api, fleet)


@pytest.fixture
def hosts(make_host, cluster) -> tuple[Host, Host]:
    """One that leads, and one that stands by."""
    cluster.api.patch(ledger.PATH, {"metadata": {"annotations": {"lastgasp/paused": None}}}, MERGE)
    leader = make_host()
    leader.program.wait_for("this host acts", 20)
    other = make_host()
    other.program.wait_for("stands by")
    return leader, other


def paused(cluster: Cluster) -> str:
    return cluster.api.get(ledger.PATH)["metadata"].get("annotations", {}).get("lastgasp/paused", "")


def command(host: Host, word: str) -> subprocess.CompletedProcess:
    return run("lastgasp-incidents", f"--control={host.control}", word)


def by_command(host: Host, word: str) -> None:
    done = command(host, word)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{word}d on all hosts\n"


def by_kubectl(host: Host, word: str) -> None:
    """kubectl annotate sends such a PATCH; in the Lease itself ledger.yaml says which."""
    value = "maintenance until noon" if word == "pause" else None
    host.api.patch(ledger.PATH, {"metadata": {"annotations": {"lastgasp/paused": value}}}, MERGE)


def panics(cluster: Cluster, hosts: tuple[Host, Host]) -> tuple[Node, str]:
    """A Node dies, and both hosts hear of it."""
    node = cluster.add(pods=4)
    cluster.die(node)
    for host in hosts:
        incident = host.prober.panicked(node)
    return node, incident


@pytest.mark.parametrize("ask", [by_command, by_kubectl])
def test_a_pause_stops_all_hosts_and_a_resume_lets_them_go_on(cluster, hosts, ask):
    leader, other = hosts
    ask(other, "pause")
    assert paused(cluster)
    for host in hosts:
        host.program.wait_for("paused: ", 10)
    node, incident = panics(cluster, hosts)
    time.sleep(2 * LAPSED)
    cluster.assert_untouched(node)
    ask(other, "resume")
    leader.prober.result(incident, "deleted")
    other.prober.result(incident, "elsewhere")
    assert not paused(cluster)


def test_a_pause_holds_what_was_begun(cluster, hosts):
    leader, _ = hosts
    node = cluster.add(pods=4)
    incident = leader.prober.panicked(node)
    wait_until(lambda: cluster.is_marked(node), 5, "the Node told of")
    by_command(leader, "pause")
    cluster.die(node)
    time.sleep(2 * LAPSED)
    cluster.assert_nothing_removed(node)
    by_command(leader, "resume")
    leader.prober.result(incident, "deleted")


def test_a_pause_outlives_every_host(cluster, make_host, hosts):
    by_command(hosts[0], "pause")
    for host in hosts:
        host.restart()
        host.program.wait_for("paused: ")
    node, incident = panics(cluster, hosts)
    time.sleep(2 * LAPSED)
    cluster.assert_untouched(node)
    by_command(hosts[1], "resume")
    wait_until(lambda: not cluster.api.exists(node.path), 30, "the Node deleted")


def test_what_answers_during_a_pause_is_not_touched_after_it(cluster, hosts):
    by_command(hosts[0], "pause")
    node, incident = panics(cluster, hosts)
    for host in hosts:
        host.prober.answers(incident)
    for host in hosts:
        host.prober.result(incident, "retracted")
    by_command(hosts[0], "resume")
    time.sleep(2)
    cluster.assert_untouched(node)


def test_pause_and_resume_twice_are_as_good_as_once(cluster, hosts):
    for word in ("pause", "pause", "resume", "resume"):
        by_command(hosts[1], word)
        assert bool(paused(cluster)) == (word == "pause")


@pytest.mark.parametrize("options", [("--mode=observe",), ("--mode=node", "--dry-run=local")])
def test_an_actuator_that_writes_nothing_says_that_it_cannot(api, tmp_path, options):
    (tmp_path / "state").mkdir()
    control = tmp_path / "control.sock"
    with Program("lastgasp-actuator", f"--socket={tmp_path}/a.sock", f"--state={tmp_path}/state",
                 f"--kubeconfig={api.kubeconfig('actuator')}", f"--control={control}", *options,
                 folder=tmp_path):
        wait_until(control.exists)
        done = run("lastgasp-incidents", f"--control={control}", "pause")
    assert done.returncode == 1 and "writes nothing" in done.stderr


def test_where_no_actuator_runs_the_command_names_the_socket(tmp_path):
    done = run("lastgasp-incidents", f"--control={tmp_path}/none.sock", "pause")
    assert done.returncode == 1 and f"{tmp_path}/none.sock" in done.stderr


def test_a_pause_that_the_api_server_does_not_take_is_not_claimed(cluster, hosts):
    """It holds on this host at once; the command says that it is not everywhere yet."""
    leader, _ = hosts
    cluster.api.faults({"resource": "leases", "name": "^lastgasp$", "verb": "update",
                        "action": "status", "status": 500})
    done = command(leader, "pause")
    assert done.returncode == 1 and "not written to the ledger within 10 s" in done.stderr
    assert not paused(cluster)
    cluster.api.clear_faults()
    wait_until(lambda: paused(cluster), 20, "the pause written after all")
    by_command(leader, "resume")
