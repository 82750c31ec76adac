"""The incidents' database on a disk that is slow, or takes nothing for a while."""
import os
import time

import pytest

from tests.harness import records
from tests.harness.edges import connect
from tests.harness.programs import Program

# A leak check at the end cannot run in a process that strace holds.
NO_LEAK_CHECK = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


@pytest.fixture
def disk(make_pipeline, tmp_path):
    """An actuator whose fdatasync is tampered with, and a correlator's connection to it."""
    pipeline = make_pipeline().start("actuator")  # which makes the database
    with connect(pipeline.sockets["actuator"], "correlator") as correlator:
        correlator.wait_for("hello")
    pipeline.stop()

    def start(inject: str):
        # -D: strace is the grandchild, so that signals go to the actuator.
        strace = ("strace", "-D", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e",
                  f"inject=fdatasync:{inject}")
        actuator = Program("lastgasp-actuator", *pipeline.arguments["actuator"], folder=tmp_path,
                           wrapper=strace, env=NO_LEAK_CHECK)
        started.extend((actuator, connect(pipeline.sockets["actuator"], "correlator")))
        return started

    started: list = []
    yield start
    actuator, correlator = started
    correlator.close()
    print(actuator.log())
    assert actuator.stop() == 0


def test_a_slow_disk_delays_the_acknowledgement_and_is_waited_for(disk, fleet):
    nodes = [fleet.add(pods=1) for _ in range(20)]
    actuator, correlator = disk("delay_enter=200000")
    began = time.monotonic()
    for node in nodes:
        correlator.send(records.intent(node))
    correlator.wait_for("ack", 20)
    assert time.monotonic() - began >= 0.2  # nothing is acknowledged before it is on the disk
    assert {r["outcome"] for r in correlator.wait_for("result", 20)} == {"deleted"}
    assert time.monotonic() - began < 4  # one by one it would be two syncs each, 8 s
    actuator.wait_for("<4>the disk is slow: a commit of the incident database took 0")


def test_what_the_disk_does_not_take_is_not_acknowledged_until_it_does(disk, fleet):
    node = fleet.add(pods=1)
    actuator, correlator = disk("error=EIO:when=1..2")
    correlator.send(records.intent(node))
    actuator.wait_for("<1>.*database takes nothing")
    assert not correlator.of("ack") and not fleet.writes(node)
    correlator.wait_for("ack")
    actuator.wait_for("database is written again")
    assert correlator.wait_for("result")[0]["outcome"] == "deleted"


def test_every_acknowledgement_waits_for_its_own_sync(disk, fleet):
    """Also after the history, which is written without one."""
    _, correlator = disk("delay_enter=300000")
    for i in range(3):
        began = time.monotonic()
        intent = records.intent(fleet.add(pods=1))
        correlator.send(intent)
        correlator.wait_for("ack", id=intent["id"])
        assert time.monotonic() - began >= 0.3, i
        correlator.wait_for("result", id=intent["id"])
        time.sleep(0.3)  # the history follows within 0.2 s
