"""Every socat command that README or the manual shows, run against the real programs."""
import pathlib

import pytest

from tests.harness import captures, ledger, records
from tests.harness.edges import PACKET_MAX, Server, connect, encode
from tests.harness.pipeline import PANIC, Pipeline
from tests.harness.programs import wait_until
from tests.manual.person import Person, commands_shown

TRIED: set[str] = set()


def shown_as(command: str):
    """The test tries COMMAND, which stands in a text exactly so."""
    TRIED.add(command)
    return pytest.mark.parametrize("command", [pytest.param(command, id="")])


def test_every_command_that_is_shown_is_tried_here():
    shown = commands_shown()
    assert {command: where for command, where in shown.items() if command not in TRIED} == {}
    assert TRIED - set(shown) == set(), "tried, but shown nowhere any more"


def acknowledges(person: Person, record: dict) -> None:
    person.types({"type": "ack", "of": record["type"], "id": record["id"]})


@shown_as("socat -b 65536 - UNIX-CONNECT:/tmp/correlator.sock,type=5")
def test_a_person_plays_the_listener(make_pipeline, fleet, command):
    node = fleet.add()
    pipeline = make_pipeline().start("correlator", "actuator")
    wait_until(pipeline.sockets["correlator"].exists)
    with Person(command, pipeline.folder) as person:
        assert person.sees("hello")["role"] == "correlator"
        person.sees("sources", op="end")
        panic = records.panic(node.address, text="Kernel panic - not syncing: " + "x" * 4000)
        person.types(panic)
        person.sees("ack", of="panic", id=panic["id"])
    assert pipeline.ended(node)["outcome"] == "deleted"


@shown_as("socat -b 131072 UNIX-LISTEN:/tmp/correlator.sock,type=5,fork -")
def test_a_person_receives_panics_and_acknowledges_them(make_pipeline, command):
    pipeline = make_pipeline()
    with Person(command, pipeline.folder) as person:
        wait_until(pipeline.sockets["correlator"].exists)
        pipeline.start("listener")
        captures.send("6.12/ext-oopspanic", "127.77.0.1", ("127.0.0.1", pipeline.port), 0.001)
        panic = person.sees("panic", source="127.77.0.1")
        acknowledges(person, panic)
        trace = person.sees("trace", id=panic["id"])  # goes out once its panic is acknowledged
        assert len(trace["lines"]) > 20
    pipeline.sockets["correlator"].unlink()
    with Server(pipeline.sockets["correlator"], "correlator") as correlator:
        captures.send(PANIC, "127.77.0.2", ("127.0.0.1", pipeline.port), 0.001)
        (other,) = correlator.wait_for("panic")
        assert other["source"] == "127.77.0.2"


@shown_as("socat -b 131072 - UNIX-CONNECT:/tmp/actuator.sock,type=5")
def test_a_person_plays_the_correlator(make_pipeline, fleet, command):
    node = fleet.add()
    pipeline = make_pipeline().start("actuator")
    wait_until(pipeline.sockets["actuator"].exists)
    with Person(command, pipeline.folder) as person:
        assert person.sees("hello")["role"] == "actuator"
        intent = records.intent(node)
        person.types(intent)
        person.sees("ack", of="intent", id=intent["id"])
        assert person.sees("result", id=intent["id"])["outcome"] == "deleted"
    assert not fleet.api.exists(node.path)


@shown_as("socat -b 131072 UNIX-LISTEN:/tmp/actuator.sock,type=5,fork -")
def test_a_person_receives_intents_and_acknowledges_them(make_pipeline, fleet, command):
    node, other = fleet.add(pods=0), fleet.add(pods=0)
    pipeline = make_pipeline()
    with Person(command, pipeline.folder) as person:
        wait_until(pipeline.sockets["actuator"].exists)
        pipeline.start("correlator", "listener")
        pipeline.panic(node)
        intent = person.sees("intent", node=node.name)
        assert (intent["uid"], intent["boot"]) == (node.uid, node.boot)
        acknowledges(person, intent)
        person.sees("trace", id=intent["panics"][0])  # both stages have taken the acknowledgement
    pipeline.sockets["actuator"].unlink()
    with Server(pipeline.sockets["actuator"], "actuator") as actuator:
        pipeline.panic(other)
        assert actuator.wait_for("intent")[0]["node"] == other.name


@shown_as("while IFS= read -r line; do printf '%s\\n' \"$line\"; sleep 0.1; done <records |"
          " socat -t 3 -b 65536 - UNIX-CONNECT:/tmp/correlator.sock,type=5,shut-none")
def test_a_file_longer_than_a_packet_is_sent_line_by_line(make_pipeline, fleet, command):
    text = "Kernel panic - not syncing: \\ " + "x" * 4000
    panics = [records.panic(fleet.add(pods=0).address, text=text) for _ in range(18)]
    pipeline = make_pipeline().start("correlator", "actuator")
    wait_until(pipeline.sockets["correlator"].exists)
    (pipeline.folder / "records").write_bytes(encode(*panics))
    assert (pipeline.folder / "records").stat().st_size > PACKET_MAX
    with Person(command, pipeline.folder) as person:
        for panic in panics:
            person.sees("ack", of="panic", id=panic["id"])
        assert person.ends() == 0


@shown_as("socat -u -b 131072 UNIX-CONNECT:/tmp/actuator.sock,type=5 -")
def test_a_person_looks_on_at_the_actuator(make_pipeline, fleet, command):
    pipeline = make_pipeline().start("actuator")
    intent = records.intent(fleet.add())
    with connect(pipeline.sockets["actuator"], "correlator") as correlator, \
            Person(command, pipeline.folder) as person:
        person.sees("hello")
        correlator.send(intent)
        person.sees("ack", of="intent", id=intent["id"])
        assert person.sees("result", id=intent["id"])["outcome"] == "deleted"
        person.sees("stats", seconds=20)


def put_between(pipeline: Pipeline, stage: str, watched: pathlib.Path) -> None:
    pipeline.arguments[stage] = tuple(
        f"--to={watched}" if argument.startswith("--to=") else argument
        for argument in pipeline.arguments[stage])


@shown_as("socat -v -b 131072 UNIX-LISTEN:/tmp/watched.sock,type=5,fork"
          " UNIX-CONNECT:/tmp/correlator.sock,type=5")
def test_a_person_watches_panics_pass(make_pipeline, fleet, command):
    node = fleet.add()
    pipeline = make_pipeline()
    watched = pipeline.folder / "watched.sock"
    put_between(pipeline, "listener", watched)
    pipeline.start("correlator", "actuator")
    wait_until(pipeline.sockets["correlator"].exists)
    with Person(command, pipeline.folder) as person:
        wait_until(watched.exists)
        pipeline.start("listener")
        person.sees("sources", way="up", op="end")
        pipeline.panic(node)
        panic = person.sees("panic", way="down", source=node.address)
        person.sees("ack", way="up", of="panic", id=panic["id"])
        assert pipeline.ended(node)["outcome"] == "deleted"


@shown_as("socat -v -b 131072 UNIX-LISTEN:/tmp/watched.sock,type=5,fork"
          " UNIX-CONNECT:/tmp/actuator.sock,type=5")
def test_a_person_watches_intents_pass(make_pipeline, fleet, command):
    node = fleet.add()
    pipeline = make_pipeline()
    watched = pipeline.folder / "watched.sock"
    put_between(pipeline, "correlator", watched)
    pipeline.start("actuator")
    wait_until(pipeline.sockets["actuator"].exists)
    with Person(command, pipeline.folder) as person:
        wait_until(watched.exists)
        pipeline.start("correlator", "listener")
        pipeline.panic(node)
        intent = person.sees("intent", way="down", node=node.name)
        person.sees("ack", way="up", of="intent", id=intent["id"])
        assert person.sees("result", way="up", id=intent["id"])["outcome"] == "deleted"


@shown_as("""echo '{"v":1,"type":"pause","id":"1"}' |"""
          " socat -t 3 - UNIX-CONNECT:/run/lastgasp-actuator/control.sock,type=5,shut-none")
def test_a_person_pauses_all_hosts_and_resumes_them(make_pipeline, api, command):
    def is_paused() -> bool:
        return "lastgasp/paused" in api.get(ledger.PATH)["metadata"].get("annotations", {})

    pipeline = make_pipeline()
    pipeline.arguments["actuator"] += (f"--control={pipeline.folder / 'control.sock'}",)
    pipeline.start("actuator")
    pipeline.running["actuator"].wait_for("this host acts", 20)
    for word in ("pause", "resume"):
        with Person(command.replace('"pause"', f'"{word}"'), pipeline.folder) as person:
            assert person.sees("hello")["role"] == "actuator"
            person.sees("ack", of=word, id="1")
            assert is_paused() == (word == "pause")
            assert person.ends() == 0
