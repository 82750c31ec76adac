"""Taking back what lastgasp set on a Node: `lastgasp-incidents undo`, and by hand."""
import json
import sqlite3
import subprocess
import time

import pytest

from tests.harness import records
from tests.harness.edges import decode
from tests.harness.fleet import faults
from tests.harness.hosts import LAPSED, SET, Cluster, Host
from tests.harness.programs import run, wait_until


@pytest.fixture(scope="module")
def cluster(api, fleet) -> Cluster:
    return Cluster(api, fleet)


@pytest.fixture(autouse=True)
def who(monkeypatch) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")


@pytest.fixture
def host(make_host) -> Host:
    return make_host()


def command(host: Host, *words: str) -> subprocess.CompletedProcess:
    return run("lastgasp-incidents", f"--state={host.state}", f"--control={host.control}", *words)


def undone(host: Host, incident: str) -> str:
    done = command(host, "undo", incident)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


def refused(host: Host, incident: str) -> str:
    done = command(host, "undo", incident)
    assert done.returncode == 1 and done.stdout == "", done.stdout
    return done.stderr


def row(host: Host, incident: str) -> dict:
    return json.loads(command(host, "show", "--json", incident).stdout)


def told(cluster: Cluster, host: Host) -> tuple:
    """A Node that lives, of which lastgasp believes that it panicked: annotated and cordoned."""
    node = cluster.add(pods=4)
    incident = host.prober.panicked(node)
    wait_until(lambda: cluster.is_marked(node), 5, "the Node told of")
    return node, incident


def test_an_open_incident_is_undone_and_not_acted_on_any_more(cluster, host):
    node, incident = told(cluster, host)
    said = undone(host, incident[:8])
    assert said.startswith(f"{incident} of node {node.name} is retracted: alice asked to undo it")
    host.prober.result(incident, "retracted")
    cluster.assert_untouched(node)
    cluster.die(node)
    time.sleep(2 * LAPSED)
    cluster.assert_untouched(node)
    assert "closed as retracted" in command(host, "show", incident).stdout
    notes = [event["note"] for event in cluster.fleet.events(node)]
    assert any("a person takes it back" in note for note in notes), notes


def test_one_that_was_not_touched_yet_is_undone_too(cluster, host):
    node = cluster.add(pods=4)
    incident = host.prober.panicked(node, verdict="unprobable")
    undone(host, incident)
    cluster.die(node)
    time.sleep(2 * LAPSED)
    cluster.assert_untouched(node)
    assert row(host, incident)["outcome"] == "retracted"


def test_a_closed_incident_is_undone_on_its_node(cluster, make_host):
    host = make_host(mode="annotate")
    node, incident = told(cluster, host)
    cluster.die(node)
    host.prober.result(incident, "told")
    assert cluster.is_marked(node)
    assert "is retracted: alice asked" in undone(host, incident)
    assert not cluster.is_marked(node)
    history = row(host, incident)
    assert history["outcome"] == "retracted" and "before, told: " in history["detail"]
    wait_until(lambda: any("alice asked to undo it" in step["words"]
                           for step in row(host, incident)["steps"]), 5, "the step")
    assert "nothing is set on the Node" in refused(host, incident)


def test_what_others_set_stays(cluster, host):
    """A cordon and a taint that were there before us are not ours to take off."""
    node = cluster.add(pods=2)

    def change(obj: dict) -> None:
        obj["spec"]["unschedulable"] = True
        obj["spec"]["taints"] = [{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}]
        obj["metadata"]["annotations"]["owner/ticket"] = "OPS-1"
    node = cluster.fleet.change(node, change)
    incident = host.prober.panicked(node)
    wait_until(lambda: cluster.is_marked(node), 5, "the Node told of")
    undone(host, incident)
    obj = cluster.get(node)
    assert obj["spec"]["unschedulable"] and [t["key"] for t in obj["spec"]["taints"]] == [
        "dedicated"]
    assert obj["metadata"]["annotations"]["owner/ticket"] == "OPS-1"
    assert SET not in obj["metadata"]["annotations"] and SET not in obj["metadata"]["labels"]


def test_pods_that_were_removed_stay_removed_and_the_outcome_says_so(cluster, make_host):
    host = make_host(mode="pods")
    node, incident = told(cluster, host)
    cluster.die(node)
    host.prober.result(incident, "pods-done")
    assert "is pods-done: alice asked to undo it" in undone(host, incident)
    assert not cluster.is_marked(node)


def test_of_a_deleted_node_it_says_what_was_kept(cluster, host):
    node = cluster.add(pods=2)

    def change(obj: dict) -> None:
        obj["metadata"]["labels"]["team"] = "storage"
        obj["metadata"]["annotations"]["owner/ticket"] = 'OPS-1: "by hand"'
        obj["spec"]["taints"] = [{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"},
                                 {"key": "drill", "effect": "NoExecute"}]
    node = cluster.fleet.change(node, change)
    cluster.die(node)
    incident = host.prober.panicked(node)
    host.prober.result(incident, "deleted")
    assert "its Node was deleted" in refused(host, incident)
    shown = command(host, "show", incident).stdout
    for line in ("  label       team=storage", '  annotation  owner/ticket=OPS-1: "by hand"',
                 "  taint       dedicated=gpu:NoSchedule", "  taint       drill:NoExecute"):
        assert f"\n{line}\n" in shown
    assert row(host, incident)["kept"]["labels"]["team"] == "storage"


def test_a_node_that_went_or_came_anew_has_nothing_to_undo(cluster, make_host):
    host = make_host(mode="annotate")
    nodes = [told(cluster, host) for _ in range(3)]
    cluster.die(*(node for node, _ in nodes))
    for _, incident in nodes:
        host.prober.result(incident, "told")
    for node, _ in nodes:
        cluster.api.delete(node.path)
    for (node, _), status in zip(nodes[1:], ({"nodeInfo": {"bootID": "another"}}, {})):
        cluster.api.load({"apiVersion": "v1", "kind": "Node", "status": status,
                          "metadata": {"name": node.name}})
    assert "its Node is gone" in refused(host, nodes[0][1])
    assert "the Node was created anew since" in refused(host, nodes[1][1])
    assert "names no boot id" in refused(host, nodes[2][1])
    assert {row(host, incident)["outcome"] for _, incident in nodes} == {"told"}


def test_ids_that_are_none_are_named(cluster, host):
    told(cluster, host)
    assert '0 incidents begin with "zz"' in refused(host, "zz")
    unknown = records.digest("no incident")
    assert "no incident with this id" in refused(host, unknown)


def test_a_pause_does_not_keep_what_was_set(cluster, host):
    """Whoever stops everything wants to take back what was wrong, before letting it go on."""
    node, incident = told(cluster, host)
    assert command(host, "pause").returncode == 0
    try:
        undone(host, incident)
        cluster.assert_untouched(node)
    finally:
        assert command(host, "resume").returncode == 0


def test_a_host_that_stands_by_names_the_one_that_acts(cluster, make_host):
    leader = make_host()
    leader.program.wait_for("this host acts", 20)
    other = make_host()
    other.program.wait_for("stands by")
    node, incident = told(cluster, leader)
    other.prober.panicked(node)
    assert "acts, and this host stands by: ask there" in refused(other, incident)
    assert cluster.is_marked(node)
    undone(leader, incident)
    assert not cluster.is_marked(node)


def test_an_api_server_that_is_away_is_waited_for(cluster, host):
    node, incident = told(cluster, host)
    faults(cluster.fleet, [("patch", "nodes")], action="status", status=500, count=3)
    undone(host, incident)
    cluster.assert_untouched(node)


def test_undo_can_be_asked_for_by_hand(cluster, host):
    node, incident = told(cluster, host)
    line = json.dumps({"v": 1, "type": "undo", "id": "1", "incident": incident})
    socket = f"UNIX-CONNECT:{host.control},type=5,shut-none"
    with subprocess.Popen(["socat", "-t", "10", "-", socket], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as person:
        person.stdin.write(line.encode() + b"\n")
        person.stdin.flush()
        hello, answer = (decode(person.stdout.readline())[0] for _ in range(2))
        assert hello["type"] == "hello"
        assert (answer["type"], answer["of"], answer["id"]) == ("ack", "undo", "1")
        person.stdin.close()
        person.wait(15)
    cluster.assert_untouched(node)
    assert row(host, incident)["detail"].startswith("somebody asked to undo it")


def test_without_the_actuator_nothing_is_claimed(cluster, host):
    _, incident = told(cluster, host)
    host.program.stop()
    done = command(host, "undo", incident)
    assert done.returncode == 1 and str(host.control) in done.stderr
    database = sqlite3.connect(f"file:{host.state / 'incidents.db'}?mode=ro", uri=True)
    (state,) = database.execute("SELECT state FROM incidents WHERE id = ?", (incident,)).fetchone()
    database.close()
    assert state != "closed"
