"""lastgasp-incidents: what a person sees of what was done, and of what is being done."""
import json
import re
import signal
import sqlite3
import subprocess

import pytest

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
    assert [node.name for node in nodes] == [line.split()[4] for line in lines[1:]]
    for node, line in zip(nodes, lines[1:]):
        assert records.digest(node.uid, node.boot)[:8] in line
        assert "deleted" in line and "sysrq triggered crash" in line
        assert re.match(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}  ", line)


def test_columns_stand_below_their_headings_however_long_a_name_is(act, fleet):
    for node in (fleet.add(pods=1, first=12345), fleet.add(pods=1)):
        act(node)
    heading, *lines = shown(act, "list").splitlines()
    for column in ("NODE", "CODE", "OUTCOME", "REASON"):
        at = heading.index(column)
        assert all(line[at - 1] == " " and line[at] != " " for line in lines), lines


def test_times_are_local_and_say_how_far_from_utc(act, fleet, monkeypatch):
    act(fleet.add(pods=1))
    monkeypatch.setenv("TZ", "XYZ-5:30")
    assert " +0530  " in shown(act, "list").splitlines()[1]
    (incident,) = [line.split()[3] for line in shown(act, "list").splitlines()[1:]]
    assert re.search(r"^heard +20\S+ \S+ \+0530$", shown(act, "show", incident), re.MULTILINE)


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
    assert re.search(r"default/work-\S+ +Job work-\d+ +deleted", story)
    assert re.search(r"default/agent-\S+ +DaemonSet agent +annotated", story)


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
    assert re.search(rf"{node.name} .* \(acting\) ", shown(act, "list"))
    assert "\n1 of 1 open" in shown(act, "list")
    assert "state     acting: not closed yet" in shown(act, "show", incident)
    (row,) = map(json.loads, shown(act, "list", "--json").splitlines())
    assert row["state"] == "acting" and "outcome" not in row and "closed_us" not in row
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


def rows_of(act) -> list[dict]:
    database = sqlite3.connect(f"file:{act.pipeline.state / 'incidents.db'}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in database.execute("SELECT * FROM incidents ORDER BY opened_us")]
    finally:
        database.close()


OWN = ("address", "port", "last_answer_us", "rtt_us", "lost_before", "kept")  # the actuator's


def test_list_json_is_an_object_a_line_with_what_the_database_has(act, fleet):
    for _ in range(2):
        act(fleet.add(pods=1))
    assert [json.loads(line) for line in shown(act, "list", "--json").splitlines()] == [
        {name: value for name, value in row.items() if name not in OWN and value is not None}
        for row in rows_of(act)]


def test_list_json_of_no_incident_is_nothing(act):
    assert shown(act, "list", "--json") == ""


def test_show_json_has_steps_pods_panics_and_the_trace(act, fleet):
    node = fleet.add()
    pods = {pod["metadata"]["name"] for pod in fleet.pods(node)}
    panic = records.digest("a panic for a program")
    result = act(node, panics=[panic])
    act.correlator.send({"type": "trace", "id": panic, "part": 0, "lines": TRACE, "last": True})
    wait_until(lambda: TRACE[2] in shown(act, "show", result["id"]), 10, "the trace")
    # An option may stand before the id or behind it, as people type it.
    story = json.loads(shown(act, "show", result["id"][:8], "--json"))
    assert story == json.loads(shown(act, "show", "--json", result["id"]))
    assert story["id"] == result["id"] and story["outcome"] == "deleted"
    assert story["panics"] == [panic] and story["trace"] == TRACE
    assert {pod["name"] for pod in story["pods"]} == pods
    assert {pod["owner_kind"] for pod in story["pods"]} >= {"Job", "DaemonSet"}
    assert {pod["done"] for pod in story["pods"]} == {"deleted", "annotated"}
    words = [step["words"] for step in story["steps"]]
    assert words[0] == "the listener heard the panic" and "Node deleted" in words
    assert [step["at_us"] for step in story["steps"]] == sorted(
        step["at_us"] for step in story["steps"])


def test_follow_json_is_an_object_a_step(act, fleet):
    node = fleet.add(pods=1)
    with subprocess.Popen(["timeout", "30", binary("lastgasp-incidents"),
                           f"--state={act.pipeline.state}", "follow", "--json"],
                          stdout=subprocess.PIPE, text=True) as follower:
        try:
            act.intend(node)
            step = json.loads(follower.stdout.readline())
        finally:
            follower.send_signal(signal.SIGINT)
    assert (step["node"], step["incident"]) == (node.name, records.digest(node.uid, node.boot))
    assert step["words"].startswith("on disk and acknowledged") and step["at_us"] > 1e15


@pytest.mark.parametrize("version, words", [(1, "is of an older lastgasp"),
                                            (99, "is of a newer lastgasp")])
def test_a_history_of_another_version_is_named(tmp_path, version, words):
    database = sqlite3.connect(tmp_path / "incidents.db")
    database.execute(f"PRAGMA user_version = {version}")
    database.close()
    done = run("lastgasp-incidents", f"--state={tmp_path}", "list")
    assert done.returncode == 1 and words in done.stderr


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "incidents.db").write_text("not a database, but long enough to be read as one\n")
    done = run("lastgasp-incidents", "list", f"--state={tmp_path}")
    assert done.returncode == 1 and f"{tmp_path}/incidents.db: " in done.stderr


REPORT = ["report", "--node=a", "--reason=b"]


@pytest.mark.parametrize("words", [
    [], ["delete"], ["show"], ["show", "a", "b"], ["list", "x"], ["list", "--since=1h"],
    ["follow", "x"], ["pause", "x"], ["resume", "x"], ["undo"], ["undo", "a", "b"], ["report"],
    REPORT, [*REPORT, "--reason-code=kernel-panic"], [*REPORT, "--reason-code=hardware", "x"]])
def test_what_it_does_not_know_is_named(tmp_path, words):
    done = run("lastgasp-incidents", f"--state={tmp_path}", f"--control={tmp_path}/none", *words)
    assert done.returncode == 2 and done.stdout == ""
    assert "--help" in done.stderr or "must be one of preempted, hardware, other" in done.stderr


def test_each_verb_says_what_it_does_and_which_options_it_has():
    verbs = re.findall(r"^  (\w+) ", run("lastgasp-incidents", "--help").stdout, re.MULTILINE)
    assert {"list", "show", "follow", "pause", "resume", "undo", "report"} <= set(verbs)
    for verb in verbs:
        told = run("lastgasp-incidents", verb, "--help")
        assert told.returncode == 0 and f"Usage: lastgasp-incidents {verb} " in told.stdout
