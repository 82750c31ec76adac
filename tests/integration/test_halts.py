"""Machines that end in order: how far each setting lets lastgasp go, and what people are told."""
import pytest

from tests.harness import records
from tests.harness.fleet import Fleet, Node
from tests.harness.halts import KINDS, TEXTS, WHO, line, text
from tests.harness.hosts import Cluster, Host
from tests.harness.pipeline import panics_of
from tests.harness.programs import run, wait_until

POD = "pod.titus.netflix.com/pod-termination-"
CONDITION = "titus.netflix.com/Halt"
UNVERIFIED = "--accept-unverified"


def started(make_pipeline, *actuator: str, **options):
    return make_pipeline(actuator=(UNVERIFIED, *actuator), **options).start()


def untouched(fleet: Fleet, node: Node) -> None:
    assert fleet.writes(node) == [] and fleet.events(node) == []


def told(fleet: Fleet, node: Node) -> None:
    assert fleet.api.get(node.path)["spec"]["unschedulable"] is True
    pods = fleet.pods(node)
    assert len(pods) == 4 and all(POD + "reason" in pod["metadata"]["annotations"] for pod in pods)
    assert {pod["status"]["phase"] for pod in pods} == {"Running"}
    assert {line["verb"] for line in fleet.writes(node)} == {"patch"}


def gone(fleet: Fleet, node: Node) -> None:
    assert not fleet.api.exists(node.path)


@pytest.mark.parametrize("setting, kind, outcome, is_as", [
    (setting, kind, *end) for setting, ends in {
        "": [("observed", untouched)] * 3,
        "--on-halt=record": [("observed", untouched)] * 3,
        "--on-halt=annotate": [("told", told)] * 3,
        "--on-halt=node": [("deleted", gone), ("deleted", gone), ("told", told)],
    }.items() for kind, end in zip(KINDS, ends)])
def test_a_halt_goes_as_far_as_the_setting_and_no_further(make_pipeline, fleet, setting, kind,
                                                          outcome, is_as):
    node, bystander = fleet.add(), fleet.add()
    pipeline = started(make_pipeline, *([setting] if setting else []))
    pipeline.say(node, line(kind))
    incident = pipeline.ended(node)
    assert (incident["cause"], incident["reason_code"], incident["reason"]) == \
        ("halt", kind, TEXTS[kind])
    assert incident["outcome"] == outcome, incident
    is_as(fleet, node)
    untouched(fleet, bystander)


@pytest.mark.parametrize("mode, outcome, is_as", [
    ("observe", "observed", untouched), ("annotate", "told", told)])
def test_a_halt_never_goes_further_than_the_mode(make_pipeline, fleet, mode, outcome, is_as):
    node = fleet.add()
    pipeline = started(make_pipeline, "--on-halt=node", mode=mode)
    pipeline.say(node, line())
    assert pipeline.ended(node)["outcome"] == outcome
    is_as(fleet, node)


def test_who_asked_is_told_wherever_the_halt_is(make_pipeline, fleet):
    node = fleet.add()
    since = fleet.version()
    names = [pod["metadata"]["name"] for pod in fleet.pods(node)
             if pod["metadata"]["ownerReferences"][0]["kind"] != "DaemonSet"]
    pipeline = started(make_pipeline, "--on-halt=node")
    pipeline.say(node, line("halt", WHO, node=node.name))
    incident = pipeline.ended(node)
    assert incident["outcome"] == "deleted" and incident["reason"] == f"System halted: {WHO}"
    reason, last = text(node.name, "halt", WHO), fleet.api.last_states("pods", since)
    for pod in (last[name] for name in names):
        assert {key: pod["metadata"]["annotations"][POD + key]
                for key in ("reason", "reason-code", "reason-detail", "by-caller")} == \
            {"reason": reason, "reason-code": "halt", "reason-detail": "halt",
             "by-caller": "lastgasp"}
        assert (pod["status"]["phase"], pod["status"]["reason"]) == ("Failed", "NodeHalt")
        types = {c["type"]: c.get("reason") for c in pod["status"]["conditions"]}
        assert types[CONDITION] == types["DisruptionTarget"] == "NodeHalt"
        assert not [kind for kind in types if "Panic" in kind]
    wait_until(lambda: {e["regarding"]["kind"] for e in fleet.events(node)} >=
               {"Node", "Job", "StatefulSet"}, 10, "Events on the Node and the owners")
    for event in fleet.events(node):
        assert event["reason"] == "NodeHalt" and WHO in event["note"]
        assert "panic" not in event["note"].lower()
    shown = run("lastgasp-incidents", f"--state={pipeline.state}", "show", incident["id"]).stdout
    assert f"System halted: {WHO}" in shown and "the listener heard the halt" in shown


@pytest.mark.parametrize("who, reason", [
    ("", "System halted"),
    ("\x1b[31mred\u202e", "System halted: ?[31mred?"),
    ("%s%n" + "x" * 300, "System halted: %s%n" + "x" * 252),
], ids=["empty", "not printable", "long"])
def test_what_userdata_says_is_words_and_bounded(make_pipeline, fleet, who, reason):
    node = fleet.add()
    pipeline = started(make_pipeline)
    pipeline.say(node, line("halt", who))
    assert pipeline.ended(node)["reason"] == reason


@pytest.mark.parametrize("capture", ["6.12/ext-warn", "6.12/extr-boot", "6.12/basic-long"])
@pytest.mark.parametrize("setting, outcome, is_as", [("record", "observed", untouched),
                                                     ("node", "deleted", gone)])
def test_a_real_kernel_that_powers_down_is_heard(make_pipeline, fleet, capture, setting, outcome,
                                                 is_as):
    node = fleet.add()
    pipeline = started(make_pipeline, f"--on-halt={setting}")
    pipeline.panic(node, capture)
    incident = pipeline.ended(node)
    assert (incident["cause"], incident["reason_code"]) == ("halt", "power-down")
    assert incident["outcome"] == outcome
    is_as(fleet, node)


def test_a_halt_that_a_program_wrote_into_the_log_is_not_the_kernels(make_pipeline, fleet):
    forged, real = fleet.add(), fleet.add()
    pipeline = started(make_pipeline, "--on-halt=node")
    pipeline.say(forged, line(facility=1))
    pipeline.say(real, line())
    assert pipeline.ended(real)["outcome"] == "deleted"
    assert pipeline.incidents(forged) == []
    untouched(fleet, forged)


def test_a_halt_needs_a_token_where_one_is_required(make_pipeline, fleet, tmp_path):
    token = "0123456789abcdef"
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{token}\n")
    tokens.chmod(0o600)
    forged, real = fleet.add(), fleet.add()
    pipeline = started(make_pipeline, "--on-halt=node", listener=(f"--require-token={tokens}",))
    pipeline.say(forged, line())
    pipeline.say(real, line("halt", WHO, token=token))
    assert pipeline.ended(real)["outcome"] == "deleted"
    assert pipeline.incidents(forged) == []
    untouched(fleet, forged)
    assert token not in str(pipeline.incidents(real)) + pipeline.logs()


def test_a_halt_that_names_another_node_is_history(make_pipeline, fleet):
    node = fleet.add()
    pipeline = started(make_pipeline, "--on-halt=node")
    pipeline.say(node, line("halt", WHO, node="another"))
    assert pipeline.ended(node)["outcome"] == "mismatch"
    untouched(fleet, node)


@pytest.mark.parametrize("setting", ["record", "annotate"])
def test_a_panic_after_a_halt_is_a_panic(make_pipeline, fleet, setting):
    node = fleet.add()
    pipeline = started(make_pipeline, f"--on-halt={setting}")
    pipeline.say(node, line("restarting", WHO))
    assert pipeline.ended(node)["cause"] == "halt"
    pipeline.panic(node)
    wait_until(lambda: not fleet.api.exists(node.path), 10, "the Node deleted")
    wait_until(lambda: pipeline.incidents(node)[0]["outcome"] == "deleted")
    (incident,) = pipeline.incidents(node)
    assert (incident["cause"], incident["reason_code"], incident["reason"]) == \
        ("kernel-panic", "sysrq", "sysrq triggered crash")
    wait_until(lambda: [e for e in fleet.events(node) if e["regarding"]["kind"] == "Job"
                        and e["reason"] == "NodeKernelPanic"], 10, "the Job told of the panic")


def test_a_halt_after_a_panic_changes_nothing(make_pipeline, fleet):
    node = fleet.add()
    pipeline = started(make_pipeline, "--on-halt=node", mode="annotate")
    pipeline.panic(node)
    before = pipeline.ended(node)
    version = fleet.api.get(node.path)["metadata"]["resourceVersion"]
    pipeline.say(node, line("restarting", WHO))
    wait_until(lambda: len(panics_of(pipeline.state, before)) == 2, 10, "the halt on disk")
    assert pipeline.ended(node) == before
    assert fleet.api.get(node.path)["metadata"]["resourceVersion"] == version


@pytest.fixture(scope="module")
def cluster(api, fleet) -> Cluster:
    return Cluster(api, fleet)


def halted(host: Host, node: Node, kind: str = "halt") -> str:
    return host.prober.panicked(node, cause="halt", reason_code=kind, reason=TEXTS[kind])


def test_a_machine_that_restarts_keeps_its_node_while_its_lease_lapses(cluster, make_host):
    """A boot takes longer than a Lease; then it is back, and nothing is left of all this."""
    host, node = make_host("--on-halt=node"), cluster.add()
    cluster.die(node)
    incident = halted(host, node, "restarting")
    wait_until(lambda: cluster.is_marked(node), 5, "the Node told of")
    found = host.prober.result(incident, "told")
    assert "restarts" in found["detail"]
    assert cluster.is_marked(node) and len(cluster.fleet.pods(node)) == 12
    assert not [w for w in cluster.fleet.writes(node) if w["verb"] == "delete"]
    cluster.fleet.change(node, lambda obj: obj["status"]["nodeInfo"].update(
        bootID=records.digest("another boot")))
    cluster.dead.remove(node.name)
    cluster.live()
    wait_until(lambda: not cluster.is_marked(node), 40, "the cordon undone")
    assert len(cluster.fleet.pods(node)) == 12


def test_a_halted_machine_whose_lease_is_renewed_is_told_of_only(cluster, make_host):
    host, node = make_host("--on-halt=node"), cluster.add()
    incident = halted(host, node)
    wait_until(lambda: cluster.is_marked(node), 5, "the Node told of")
    host.prober.answers(incident)
    host.prober.result(incident, "retracted")
    cluster.assert_untouched(node)


@pytest.mark.parametrize("setting", ["record", "annotate", "node"])
@pytest.mark.parametrize("verdict", ["unverified", "unprobable"])
def test_without_evidence_a_halt_touches_nothing(cluster, make_host, setting, verdict):
    host, node = make_host(f"--on-halt={setting}"), cluster.add()
    incident = host.prober.panicked(node, cause="halt", reason_code="halt", verdict=verdict,
                                    expires_us=records.now_us() + 5_000_000)
    outcome = "observed" if "record" in setting or verdict == "unverified" else "expired"
    host.prober.result(incident, outcome)
    cluster.assert_untouched(node)


def test_a_panic_while_the_halt_is_told_takes_it_over(cluster, make_host):
    host, node = make_host("--on-halt=annotate"), cluster.add()
    incident = halted(host, node)
    wait_until(lambda: cluster.is_marked(node), 5, "the Node told of")
    host.prober.panicked(node)
    wait_until(lambda: "Kernel panic" in cluster.get(node)["metadata"]["annotations"]
               ["node.titus.netflix.com/node-termination-reason"], 5, "the panic told")
    cluster.die(node)
    host.prober.result(incident, "deleted")
    assert not cluster.api.exists(node.path)


def test_a_restart_of_ours_forgets_neither_the_halt_nor_its_limit(cluster, make_host):
    host, node = make_host("--on-halt=node"), cluster.add()
    incident = halted(host, node, "restarting")
    wait_until(lambda: cluster.is_marked(node), 5, "the Node told of")
    host.restart()
    cluster.die(node)
    host.prober.result(incident, "told", 20)
    assert cluster.api.exists(node.path)
    assert not [w for w in cluster.fleet.writes(node) if w["verb"] == "delete"]
