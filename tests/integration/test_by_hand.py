"""How a person runs one stage by hand, with socat in the place of the others, as README shows."""
import os
import re
import signal
import subprocess

import pytest

from tests.harness import captures, records
from tests.harness.edges import Server, decode, encode
from tests.harness.pipeline import PANIC
from tests.harness.programs import ROOT, Program, run, wait_until

COMMANDS = {
    "play the listener": "socat -b 65536 - UNIX-CONNECT:/tmp/correlator.sock,type=5",
    "play the correlator": "socat -b 131072 - UNIX-CONNECT:/tmp/actuator.sock,type=5",
    "receive panics": "socat -b 131072 UNIX-LISTEN:/tmp/correlator.sock,type=5,fork -",
    "receive intents": "socat -b 131072 UNIX-LISTEN:/tmp/actuator.sock,type=5,fork -",
}


class Person:
    """Someone who typed that command, reads what it prints and types records."""

    def __init__(self, what: str, pipeline):
        self.printed = pipeline.folder / "printed"
        command = COMMANDS[what].replace("/tmp/", f"{pipeline.folder}/").split()
        with open(self.printed, "wb") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output,
                                            start_new_session=True)

    def types(self, record: dict) -> None:
        self.process.stdin.write(encode(record))
        self.process.stdin.flush()

    def sees(self, kind: str, **fields) -> dict:
        def find():
            whole = self.printed.read_bytes().rpartition(b"\n")[0]
            return [record for record in decode(whole) if record["type"] == kind
                    and all(record.get(name) == value for name, value in fields.items())]
        return wait_until(find, what=f"socat printing a {kind}")[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGKILL)  # with `fork` there is a process a connection
        self.process.wait()
        self.process.stdin.close()


def test_readme_shows_no_command_that_is_not_tried_here():
    shown = re.findall(r"^ +(socat .*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert shown and set(shown) <= set(COMMANDS.values())


def test_a_person_plays_the_listener(make_pipeline, fleet):
    node = fleet.add()
    pipeline = make_pipeline().start("correlator", "actuator")
    wait_until(pipeline.sockets["correlator"].exists)
    with Person("play the listener", pipeline) as person:
        assert person.sees("hello")["role"] == "correlator"
        person.sees("sources", op="end")
        panic = records.panic(node.address, text="Kernel panic - not syncing: " + "x" * 4000)
        person.types(panic)
        person.sees("ack", of="panic", id=panic["id"])
    assert pipeline.ended(node)["outcome"] == "deleted"


def test_a_person_plays_the_correlator(make_pipeline, fleet):
    node = fleet.add()
    pipeline = make_pipeline().start("actuator")
    wait_until(pipeline.sockets["actuator"].exists)
    with Person("play the correlator", pipeline) as person:
        assert person.sees("hello")["role"] == "actuator"
        intent = records.intent(node)
        person.types(intent)
        person.sees("ack", of="intent", id=intent["id"])
        assert person.sees("result", id=intent["id"])["outcome"] == "deleted"
    assert not fleet.api.exists(node.path)


def test_a_person_receives_panics_and_acknowledges_them(make_pipeline, fleet):
    pipeline = make_pipeline()
    with Person("receive panics", pipeline) as person:
        wait_until(pipeline.sockets["correlator"].exists)
        pipeline.start("listener")
        captures.send("6.12/ext-oopspanic", "127.77.0.1", ("127.0.0.1", pipeline.port), 0.001)
        panic = person.sees("panic", source="127.77.0.1")
        person.types({"type": "ack", "of": "panic", "id": panic["id"]})
        trace = person.sees("trace", id=panic["id"])  # goes out once its panic is acknowledged
        assert len(trace["lines"]) > 20
    pipeline.sockets["correlator"].unlink()
    with Server(pipeline.sockets["correlator"], "correlator") as correlator:
        captures.send(PANIC, "127.77.0.2", ("127.0.0.1", pipeline.port), 0.001)
        (other,) = correlator.wait_for("panic")
        assert other["source"] == "127.77.0.2"


def test_a_person_receives_intents_and_acknowledges_them(make_pipeline, fleet):
    node, other = fleet.add(pods=0), fleet.add(pods=0)
    pipeline = make_pipeline()
    with Person("receive intents", pipeline) as person:
        wait_until(pipeline.sockets["actuator"].exists)
        pipeline.start("correlator", "listener")
        pipeline.panic(node)
        intent = person.sees("intent", node=node.name)
        assert (intent["uid"], intent["boot"]) == (node.uid, node.boot)
        person.types({"type": "ack", "of": "intent", "id": intent["id"]})
        person.sees("trace", id=intent["panics"][0])  # both stages have taken the acknowledgement
    pipeline.sockets["actuator"].unlink()
    with Server(pipeline.sockets["actuator"], "actuator") as actuator:
        pipeline.panic(other)
        assert actuator.wait_for("intent")[0]["node"] == other.name


@pytest.mark.parametrize("form", ["capture", "text"])
def test_a_panic_is_played_again_from_a_file(make_pipeline, fleet, form):
    node = fleet.add()
    pipeline = make_pipeline().start("correlator", "actuator")
    path = captures.FOLDER / f"{PANIC}.jsonl"
    if form == "text":
        path = pipeline.folder / "kernel.log"
        path.write_bytes(b"".join(data for _, data in captures.datagrams(PANIC)))
    with Program("lastgasp-listener", f"--replay={path}", f"--replay-source={node.address}",
                 f"--to={pipeline.sockets['correlator']}",
                 f"--pending={pipeline.folder / 'replay-pending'}",
                 folder=pipeline.folder) as replay:
        assert replay.process.wait(20) == 0, replay.log()
    assert pipeline.ended(node)["outcome"] == "deleted"


def test_every_stage_checks_itself_before_it_is_started(make_pipeline, fleet):
    pipeline = make_pipeline()
    for stage in ("correlator", "actuator"):
        done = run(f"lastgasp-{stage}", *pipeline.arguments[stage], "--check")
        assert done.returncode == 0, done.stderr
        assert not pipeline.sockets[stage].exists()
    away = run("lastgasp-listener", *pipeline.arguments["listener"], "--check")
    assert away.returncode == 1 and str(pipeline.sockets["correlator"]) in away.stderr
    pipeline.start("correlator")
    wait_until(pipeline.sockets["correlator"].exists)
    assert run("lastgasp-listener", *pipeline.arguments["listener"], "--check").returncode == 0
