"""What each stage does when its downstream neighbour refuses, forgets, lies or goes away."""
from collections.abc import Iterator

import pytest

from tests.harness import records
from tests.harness.captures import sender
from tests.harness.edges import Server, connect, encode
from tests.harness.pipeline import Pipeline
from tests.harness.programs import wait_until

LINE = b"Kernel panic - not syncing: panic number %d\n"


class Upstream:
    """A stage whose downstream neighbour is a stand-in, and how it is made to send something."""

    def __init__(self, pipeline: Pipeline, stage: str, fleet):
        self.pipeline, self.stage, self.fleet = pipeline, stage, fleet
        self.below, self.kind = {"listener": ("correlator", "panic"),
                                 "correlator": ("actuator", "intent")}[stage]
        self.socket = pipeline.sockets[self.below]
        self.nodes = [fleet.add(pods=0) for _ in range(4)]
        self.above = None

    def start(self) -> None:
        self.pipeline.start(self.stage)
        if self.stage == "correlator":
            self.above = connect(self.pipeline.sockets["correlator"], "listener")
            self.above.wait_for("sources", op="end")

    def cause(self, number: int) -> None:
        """One more record goes downstream, about that node."""
        address = self.nodes[number].address
        if self.above:
            self.above.send(records.panic(address))
        else:
            with sender(address) as sock:
                sock.sendto(LINE % number, ("127.0.0.1", self.pipeline.port))

    def about(self, record: dict) -> int:
        """The number of the node that a record is about."""
        return [n.address if self.kind == "panic" else n.name for n in self.nodes].index(
            record["source" if self.kind == "panic" else "node"])

    def stand_in(self, **options) -> Server:
        return Server(self.socket, self.below, **options)

    def log(self) -> str:
        return self.pipeline.running[self.stage].log()


@pytest.fixture(params=["listener", "correlator"])
def upstream(request, make_pipeline, fleet) -> Iterator[Upstream]:
    made = Upstream(make_pipeline(), request.param, fleet)
    yield made
    if made.above:
        made.above.close()


def test_what_is_not_acknowledged_is_sent_again_oldest_first(upstream):
    upstream.start()
    with upstream.stand_in(acknowledge=False) as forgetful:
        for number in range(3):
            upstream.cause(number)
            forgetful.wait_for(upstream.kind, number + 1)
    with upstream.stand_in(acknowledge=False) as again:
        repeated = again.wait_for(upstream.kind, 3)
    assert [upstream.about(record) for record in repeated] == [0, 1, 2]
    with upstream.stand_in() as mindful:
        last = mindful.wait_for(upstream.kind, 3)
        assert [r["id"] for r in last] == [r["id"] for r in repeated]
    with upstream.stand_in() as satisfied:
        upstream.cause(3)
        (only,) = satisfied.wait_for(upstream.kind)
        assert upstream.about(only) == 3


def test_an_error_parks_that_record_and_the_others_go_on(upstream):
    def answer(connection, record):
        if record["type"] == upstream.kind and upstream.about(record) == 1:
            connection.send({"type": "error", "of": upstream.kind, "id": record["id"],
                             "why": "the test does not like it"})
        elif record["type"] == upstream.kind:
            connection.send({"type": "ack", "of": upstream.kind, "id": record["id"]})

    upstream.start()
    with upstream.stand_in(on_record=answer) as server:
        for number in range(4):
            upstream.cause(number)
        got = server.wait_for(upstream.kind, 4)
        assert sorted(upstream.about(record) for record in got) == [0, 1, 2, 3]
        wait_until(lambda: "the test does not like it" in upstream.log())
        assert not server.connections[0].closed.is_set()
        if upstream.above:  # the three panics behind the other intents are done with
            upstream.above.wait_for("ack", 3)
            assert len(upstream.above.of("ack")) == 3
    if upstream.stage == "listener":  # what is parked is not forgotten
        upstream.pipeline.restart("listener")
        with upstream.stand_in() as server:
            assert [upstream.about(panic) for panic in server.wait_for("panic")] == [1]


def hello(role: str, version: int = 1) -> bytes:
    return encode({"v": version, "type": "hello", "min_v": version, "role": role, "version": "9"})


GARBAGE = {
    "random bytes": lambda _: b"\xfe\xed random \x00\xff",
    "half a record": lambda _: b'{"v":1,"type":"ack","of":"pa',
    "too long": lambda _: b" " * 65536 + b"\n",
    "an unknown type": lambda _: encode({"type": "surprise"}),
    "a type of others": lambda _: encode({"type": "heard", "addresses": []}),
    "another version": lambda below: hello(below, 2),
    "another role": lambda _: hello("listener"),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_from_downstream_is_answered_and_loses_nothing(upstream, garbage):
    upstream.start()
    with upstream.stand_in(acknowledge=False, hello=False) as server:
        upstream.cause(0)
        connection = server.wait_connected()
        connection.wait_for(upstream.kind)
        connection.send_raw(garbage(upstream.below))
        assert connection.wait_for("error")
        assert connection.closed.wait(5)
    with upstream.stand_in() as server:
        (record,) = server.wait_for(upstream.kind)
        assert upstream.about(record) == 0


def test_a_downstream_neighbour_that_says_no_hello_is_served(upstream):
    upstream.start()
    with upstream.stand_in(hello=False) as server:
        upstream.cause(0)
        server.wait_for(upstream.kind)
        assert server.of("hello")[0]["role"] == upstream.stage


def test_an_acknowledgement_of_something_else_settles_nothing(upstream):
    upstream.start()
    with upstream.stand_in(acknowledge=False) as server:
        upstream.cause(0)
        (record,) = server.wait_for(upstream.kind)
        connection = server.wait_connected()
        connection.send({"type": "ack", "of": upstream.kind, "id": "0" * 32})
        connection.send({"type": "ack", "of": "retract", "id": record["id"]})
    with upstream.stand_in() as server:
        assert server.wait_for(upstream.kind)[0]["id"] == record["id"]


def test_a_panic_is_acknowledged_only_when_its_intent_is(make_pipeline, fleet):
    upstream = Upstream(make_pipeline(), "correlator", fleet)
    upstream.start()
    with upstream.stand_in(acknowledge=False) as server:
        upstream.cause(0)
        (intent,) = server.wait_for("intent")
        upstream.above.send({"type": "speaks", "source": "192.0.2.1", "why": "fresh-text",
                             "received_us": records.now_us()})
        assert not upstream.above.of("ack")
        server.wait_connected().send({"type": "ack", "of": "intent", "id": intent["id"]})
        (ack,) = upstream.above.wait_for("ack")
        assert (ack["of"], [ack["id"]]) == ("panic", intent["panics"])
    upstream.above.close()
