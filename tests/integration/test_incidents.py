"""lastgasp-incidents: what a person sees of what was done, and of what is being done."""
import re
import signal
import subprocess

from tests.harness import records
from tests.harness.fleet import faults
from tests.harness.programs import binary, run, wait_until

TRACE = ["Call Trace:", " <TASK>", " panic+0x118/0x2db"]


def look(act, *words: str) -> subprocess.CompletedProcess:
    return run("lastgasp-incidents", f"--state={act.pipeline.state}", *words)


def shown(act, *words: str) -> str:
    done = look(act, *words)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


def shown_with(act, incident: str, step: str) -> str:
    """Steps are for people, and follow what was done within a moment."""
    return wait_until(lambda: f" ms  {step}" in (text := shown(act, "show", incident)) and text)


def test_a_history_without_incidents_says_so(act):
    assert "no incident so far" in shown(act, "list")


def test_list_has_a_line_an_incident_the_newest_last(act, fleet):
    nodes = [fleet.add(pods=1) for _ in range(3)]
    for node in nodes:
        act(node)
    lines = shown(act, "list").splitlines()
    assert [node.name for node in nodes] == [line.split()[3] for line in lines[1:]]
    for node, line in zip(nodes, lines[1:]):
        assert records.digest(node.uid, node.boot)[:8] in line
        assert "deleted" in line and "sysrq triggered crash" in line
        assert re.match(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ ", line)


def test_show_tells_the_whole_story(act, fleet):
    node = fleet.add()
    pods = [pod["metadata"]["name"] for pod in fleet.pods(node)]
    panic = records.digest("a panic of its own")
    result = act(node, panics=[panic])
    act.correlator.send({"type": "trace", "id": panic, "part": 0, "lines": TRACE, "last": True})
    story = wait_until(lambda: TRACE[2] in (text := shown(act, "show", result["id"])) and text)
    for words in (result["id"], node.name, node.uid, node.boot, "kernel-panic (sysrq)",
                  "sysrq triggered crash", "unverified", f"deleted: {result['detail']}",
                  "Node annotated and cordoned", "Node deleted", panic, *TRACE, *pods):
        assert words in story
    assert re.search(r"\d\d:\d\d:\d\d\.\d{3}  +\+\d+\.\d ms  ", story)
    assert re.search(r"default/work-\S+ \(Job work-\d+\)  deleted", story)
    assert re.search(r"default/agent-\S+ \(DaemonSet agent\)  annotated", story)


def test_the_beginning_of_an_id_is_enough_and_an_unclear_one_is_not(act, fleet):
    incident = act(fleet.add(pods=0))["id"]
    assert incident in shown(act, "show", incident[:6])
    missing = look(act, "show", "ffff" if incident[0] != "f" else "0000")
    assert missing.returncode == 1 and "0 incidents begin with" in missing.stderr


def test_a_running_incident_is_shown_as_far_as_it_is(act, fleet):
    node = fleet.add()
    faults(fleet, [("patch", "pods/status")], action="delay", delay=1.5, count=0)
    incident = act.intend(node)
    assert "Node deleted" not in shown_with(act, incident, "Node annotated and cordoned")
    assert re.search(rf"{node.name} .* acting ", shown(act, "list"))
    act.correlator.wait_for("result", id=incident)
    shown_with(act, incident, "Node deleted")


def test_follow_prints_each_step_as_it_happens_and_nothing_old(act, fleet):
    old, new = fleet.add(pods=1), fleet.add(pods=1)
    act(old)
    shown_with(act, records.digest(old.uid, old.boot), "Node deleted")
    lines = []
    with subprocess.Popen(["timeout", "30", binary("lastgasp-incidents"),
                           f"--state={act.pipeline.state}", "follow"],
                          stdout=subprocess.PIPE, text=True) as follower:
        try:
            assert follower.stdout.readline().split() == ["AT", "ID", "NODE", "STEP"]
            act(new)
            for line in follower.stdout:
                lines.append(line)
                if "Node deleted" in line:
                    break
        finally:
            follower.send_signal(signal.SIGINT)
    assert "Node deleted" in lines[-1]
    assert all(new.name in line for line in lines), lines
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3}  ", line) for line in lines)


def test_looking_needs_no_actuator_and_changes_nothing(act, fleet):
    incident = act(fleet.add(pods=1))["id"]
    act.correlator.close()
    act.pipeline.stop("actuator")
    before = (act.pipeline.state / "incidents.db").read_bytes()
    assert "deleted" in shown(act, "list")
    assert incident in shown(act, "show", incident)
    assert (act.pipeline.state / "incidents.db").read_bytes() == before


def test_a_state_directory_without_a_history_is_named(tmp_path):
    done = run("lastgasp-incidents", f"--state={tmp_path}", "list")
    assert done.returncode == 1 and str(tmp_path) in done.stderr


def test_what_it_does_not_know_is_named(act):
    for words in ([], ["delete"], ["show"], ["show", "a", "b"], ["list", "x"]):
        done = look(act, *words)
        assert done.returncode == 2 and "--help" in done.stderr
