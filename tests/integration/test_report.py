"""What another process than the kernel reports: told at once, and removed on the same evidence."""
import json
import subprocess
import time

import pytest

from tests.harness import records
from tests.harness.edges import decode
from tests.harness.fleet import PODS
from tests.harness.hosts import LAPSED, Cluster, Host
from tests.harness.programs import Program, run, wait_until

WHY = "uncorrectable ECC errors on 2 of 8 DIMMs"
CODE = "pod.titus.netflix.com/pod-termination-reason-code"


@pytest.fixture(scope="module")
def cluster(api, fleet) -> Cluster:
    return Cluster(api, fleet)


@pytest.fixture(autouse=True)
def who(monkeypatch) -> None:
    monkeypatch.setenv("SUDO_USER", "mcelog")


@pytest.fixture
def host(make_host) -> Host:
    return make_host()


def command(control, node: str, code: str = "hardware",
            why: str = WHY) -> subprocess.CompletedProcess:
    return run("lastgasp-incidents", "report", f"--node={node}", f"--reason-code={code}",
               f"--reason={why}", f"--control={control}")


def reported(host: Host, node, **more) -> str:
    done = command(host.control, node.name, **more)
    assert done.returncode == 0 and done.stdout.startswith(f"reported: {node.name} "), done.stderr
    return records.digest(node.uid, node.boot)


def refused(host: Host, node: str, **more) -> str:
    done = command(host.control, node, **more)
    assert done.returncode == 1 and done.stdout == "", done.stdout
    return done.stderr


def row(host: Host, incident: str) -> dict:
    shown = run("lastgasp-incidents", f"--state={host.state}", "show", "--json", incident)
    return json.loads(shown.stdout)


def notes(cluster: Cluster, node) -> list[str]:
    return [event["note"] for event in cluster.fleet.events(node)]


def finds_silent(host: Host, incident: str) -> None:
    """The prober was told to ask, and says what it found."""
    host.prober.edge.wait_for("open", id=incident)
    host.prober.silent.add(incident)


@pytest.mark.parametrize("code, condition", [("hardware", "HardwareFailure"),
                                             ("preempted", "Preempted"), ("other", "Failure")])
def test_a_report_is_told_and_its_node_removed_once_silent_and_lapsed(cluster, host, code,
                                                                      condition):
    node = cluster.add(pods=4)
    version = cluster.fleet.version()
    cluster.die(node)
    incident = reported(host, node, code=code)
    wait_until(lambda: notes(cluster, node), 5, "an Event")
    assert "another process says so" in notes(cluster, node)[0] and WHY in notes(cluster, node)[0]
    time.sleep(LAPSED + 1)
    cluster.assert_untouched(node)  # a word is no evidence, however long it stands
    finds_silent(host, incident)
    host.prober.result(incident, "deleted")
    assert not cluster.api.exists(node.path)
    states = cluster.api.last_states("pods", version)
    codes = [obj["metadata"]["annotations"][CODE] for obj in states.values()
             if obj["spec"].get("nodeName") == node.name]
    assert codes == [code] * 4
    assert any(c["type"] == f"titus.netflix.com/{condition}" for obj in states.values()
               if obj["spec"].get("nodeName") == node.name
               for c in obj["status"]["conditions"])
    history = row(host, incident)
    assert (history["cause"], history["verdict"], history["reason"]) == (code, "silent", WHY)
    words = [step["words"] for step in history["steps"]]
    assert words[0] == "it was reported" and f"mcelog reports {code}: {WHY}" in words
    assert "the prober finds the machine silent, as was reported" in words


def test_what_was_seen_before_the_report_does_not_bear_it_out(cluster, host):
    """Evidence of an earlier silence may have waited somewhere."""
    node = cluster.add(pods=4)
    cluster.die(node)
    incident = reported(host, node)
    host.prober.edge.send({"type": "evidence", "id": incident, "words": "silent for 3.0 s",
                           "silent_until_us": records.now_us() - 60_000_000})
    time.sleep(LAPSED + 1)
    cluster.assert_untouched(node)
    assert row(host, incident)["verdict"] == "reported"


def test_silent_but_renewed_is_cordoned_and_not_removed(cluster, host):
    node = cluster.add(pods=4)
    incident = reported(host, node)
    finds_silent(host, incident)
    wait_until(lambda: cluster.is_marked(node), 5, "the Node told of")
    time.sleep(LAPSED + 2)
    cluster.assert_nothing_removed(node)
    host.prober.answers(incident)
    host.prober.result(incident, "retracted")
    cluster.assert_untouched(node)


def test_a_reported_node_that_answers_is_never_touched(cluster, host):
    node = cluster.add(pods=4)
    incident = reported(host, node)
    host.prober.edge.wait_for("open", id=incident)
    host.prober.answers(incident)
    host.prober.result(incident, "retracted")
    cluster.die(node)
    time.sleep(LAPSED + 1)
    cluster.assert_untouched(node)
    assert any("the machine answers again" in note for note in notes(cluster, node))


def test_asked_by_a_real_correlator_a_living_node_answers(make_pipeline, api, fleet, tmp_path):
    """127.66.0.0/16 is this machine, whose kernel answers for each of its addresses."""
    control = tmp_path / "control.sock"
    pipeline = make_pipeline(verify="probe", actuator=(f"--control={control}",)).start()
    nodes = [fleet.add(pods=2, kubeletPort=10250) for _ in range(3)]
    wait_until(control.exists)
    pipeline.running["actuator"].wait_for("this host acts", 20)
    done = command(control, nodes[0].name)
    assert done.returncode == 0, done.stderr
    incident = pipeline.ended(nodes[0])
    assert (incident["outcome"], incident["cause"]) == ("retracted", "hardware")
    assert fleet.writes(nodes[0]) == []  # Events are about it, and are all there is
    assert api.exists(nodes[0].path) and len(fleet.pods(nodes[0])) == 2


def test_a_node_that_is_not_there_is_refused(cluster, host):
    assert "there is no Node nobody" in refused(host, "nobody")
    assert 'node "../secrets" is no Node\'s name' in refused(host, "../secrets")
    cluster.api.load({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "never-booted"}})
    assert "names no boot id" in refused(host, "never-booted")


def test_a_panic_of_the_same_boot_joins_and_takes_the_lead(cluster, host):
    node = cluster.add(pods=4)
    incident = reported(host, node)
    host.prober.edge.wait_for("open", id=incident)
    assert host.prober.panicked(node) == incident
    cluster.die(node)
    host.prober.result(incident, "deleted")
    history = row(host, incident)
    assert (history["cause"], history["reason"]) == ("kernel-panic", "sysrq triggered crash")
    assert len(history["panics"]) == 2


def test_a_report_joins_a_panic_and_changes_nothing_of_it(cluster, host):
    node = cluster.add(pods=4)
    incident = host.prober.panicked(node)
    wait_until(lambda: cluster.is_marked(node), 5, "the Node told of")
    reported(host, node)
    cluster.die(node)
    host.prober.result(incident, "deleted")
    history = row(host, incident)
    assert (history["cause"], history["words"]) == ("kernel-panic", "silent for 3.1 s")
    assert any("mcelog reports hardware" in step["words"] for step in history["steps"])


def test_a_boot_whose_incident_is_closed_is_refused_with_what_came_of_it(cluster, make_host):
    host = make_host(mode="annotate")
    node = cluster.add(pods=2)
    cluster.die(node)
    incident = host.prober.panicked(node)
    host.prober.result(incident, "told")
    assert f"{incident}, which is closed as told: " in refused(host, node.name)


def test_a_second_report_of_a_node_that_had_answered_is_a_new_one(cluster, host):
    node = cluster.add(pods=2)
    incident = reported(host, node)
    host.prober.edge.wait_for("open", id=incident)
    host.prober.answers(incident)
    host.prober.result(incident, "retracted")
    cluster.die(node)
    assert reported(host, node, why="and now it is off") == incident
    host.prober.edge.wait_for("open", count=2, id=incident)
    host.prober.silent.add(incident)
    wait_until(lambda: len(host.prober.results(incident)) == 2, 15, "the second result")
    host.prober.result(incident, "deleted")


@pytest.mark.parametrize("label", ["remediation.medik8s.io/exclude-from-remediation"])
def test_a_node_that_opted_out_is_left_alone(cluster, host, label):
    node = cluster.add(pods=2)
    cluster.api.patch(node.path, {"metadata": {"labels": {label: "true"}}})
    incident = reported(host, node)
    host.prober.result(incident, "opted-out")
    assert notes(cluster, node) == []


def test_in_the_mode_observe_it_is_a_row_that_says_what_would_have_been_done(cluster, api, fleet,
                                                                             tmp_path):
    (tmp_path / "state").mkdir()
    control, node = tmp_path / "control.sock", cluster.add(pods=2)
    cluster.die(node)
    with Program("lastgasp-actuator", f"--socket={tmp_path}/a.sock", f"--state={tmp_path}/state",
                 f"--kubeconfig={api.kubeconfig('actuator')}", f"--control={control}",
                 "--mode=observe", folder=tmp_path) as actuator:
        wait_until(control.exists)
        assert command(control, node.name).returncode == 0
        actuator.wait_for("waits for the prober to find the machine silent", 5)
    cluster.assert_untouched(node)
    assert notes(cluster, node) == []


def test_it_goes_on_after_a_kill(cluster, host):
    node = cluster.add(pods=4)
    cluster.die(node)
    incident = reported(host, node)
    host.restart()
    finds_silent(host, incident)
    host.prober.result(incident, "deleted", 25)


def test_a_host_that_stands_by_names_the_one_that_acts(cluster, make_host):
    leader = make_host()
    leader.program.wait_for("this host acts", 20)
    other = make_host()
    other.program.wait_for("stands by")
    assert "acts, and this host stands by: report it there" in refused(other, cluster.add().name)


def test_a_correlator_may_not_report(cluster, host):
    """What a report is worth is the actuator's to say: no intent may claim to be one."""
    node = cluster.add(pods=2)
    host.prober.edge.send(records.intent(node, verdict="reported"))
    (error,) = host.prober.edge.wait_for("error", of="intent")
    assert 'verdict "reported"' in error["why"]
    cluster.assert_untouched(node)


def test_a_report_can_be_made_by_hand(cluster, host):
    node = cluster.add(pods=2)
    line = json.dumps({"v": 1, "type": "report", "id": "1", "node": node.name,
                       "cause": "hardware", "reason": WHY})
    socket = f"UNIX-CONNECT:{host.control},type=5,shut-none"
    with subprocess.Popen(["socat", "-t", "10", "-", socket], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as person:
        person.stdin.write(line.encode() + b"\n")
        person.stdin.flush()
        hello, answer = (decode(person.stdout.readline())[0] for _ in range(2))
        assert hello["type"] == "hello"
        assert (answer["type"], answer["of"], answer["id"]) == ("ack", "report", "1")
        person.stdin.close()
        person.wait(15)
    history = row(host, records.digest(node.uid, node.boot))
    assert history["words"] == "reported by somebody; nobody has asked the machine yet"


def test_pods_of_others_are_none_of_its_business(cluster, host):
    node, other = cluster.add(pods=4), cluster.add(pods=4)
    before = {pod["metadata"]["name"] for pod in cluster.api.list(PODS)
              if pod["spec"].get("nodeName") == other.name}
    cluster.die(node)
    incident = reported(host, node)
    finds_silent(host, incident)
    host.prober.result(incident, "deleted")
    assert {pod["metadata"]["name"] for pod in cluster.fleet.pods(other)} == before
