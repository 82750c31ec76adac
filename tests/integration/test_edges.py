"""The two sockets that stages make: garbage is answered, closed, and costs nobody else anything."""
import dataclasses
import itertools
import random
from collections.abc import Iterator

import pytest

from tests.harness import records
from tests.harness.edges import PACKET_MAX, Connection, connect, encode
from tests.harness.pipeline import Pipeline
from tests.harness.programs import wait_until

HELLO = {"type": "hello", "min_v": 1, "version": "test"}


class Edge:
    """A stage's socket, with a well-behaved neighbour on it."""

    def __init__(self, pipeline: Pipeline, stage: str, peer: str, fleet):
        self.pipeline, self.stage, self.peer = pipeline, stage, peer
        self.node = fleet.add(pods=0)
        self.socket = pipeline.sockets[stage]
        self.neighbour = connect(self.socket, peer)
        self.numbers = itertools.count()

    def stranger(self) -> Connection:
        return connect(self.socket, self.peer, hello=False)

    def delivery(self, **changes) -> dict:
        """A record that this stage acknowledges, with an id of its own."""
        if self.stage == "correlator":
            return records.panic(self.node.address, **changes)
        other = dataclasses.replace(self.node, uid=f"uid-{next(self.numbers)}")
        return records.intent(other, **changes)

    def foreign(self) -> dict:
        """A good record that this peer may not send here."""
        if self.stage == "correlator":
            return records.intent(self.node)
        return records.panic(self.node.address)

    def serves(self, connection: Connection) -> None:
        delivery = self.delivery()
        connection.send(delivery)
        connection.wait_for("ack", of=delivery["type"], id=delivery["id"])

    def refuses(self, packet: bytes, words: str) -> None:
        """The stranger is told why and closed; the neighbour goes on."""
        with self.stranger() as stranger:
            stranger.send_raw(packet)
            (error,) = stranger.wait_for("error")
            assert words in error["why"]
            assert stranger.closed.wait(5)
        assert not self.neighbour.closed.is_set()
        self.serves(self.neighbour)


@pytest.fixture(scope="module", params=[("correlator", "listener"), ("actuator", "correlator")],
                ids=lambda edge: edge[0])
def edge(request, tmp_path_factory, api, fleet) -> Iterator[Edge]:
    stage, peer = request.param
    pipeline = Pipeline(tmp_path_factory.mktemp(stage), api, mode="observe")
    pipeline.start("actuator", "correlator")
    made = Edge(pipeline, stage, peer, fleet)
    yield made
    made.neighbour.close()
    pipeline.stop()


def test_random_bytes_are_refused(edge):
    dice = random.Random(1)
    for size in (1, 2, 100, 5000):
        edge.refuses(dice.randbytes(size - 1) + b"x", "line break")
        edge.refuses(dice.randbytes(size) + b"\n", "line 1")


def test_half_a_record_is_refused(edge):
    edge.refuses(encode(edge.delivery())[:60], "line break")
    edge.refuses(encode(edge.delivery())[:60] + b"\n", "line 1")


def test_a_packet_longer_than_64_kib_is_refused(edge):
    line = encode(edge.delivery())
    edge.refuses(line[:-1] + b" " * (PACKET_MAX + 1 - len(line)) + b"\n", "65536")


def test_a_packet_of_64_kib_is_taken(edge):
    delivery = edge.delivery()
    line = encode(delivery)
    with edge.stranger() as stranger:
        stranger.send_raw(line[:-1] + b" " * (PACKET_MAX - len(line)) + b"\n")
        stranger.wait_for("ack", of=delivery["type"])


def test_an_unknown_type_is_refused_by_name(edge):
    edge.refuses(encode({"type": "surprise"}), "surprise")


def test_a_type_that_only_another_role_may_send_is_refused(edge):
    edge.refuses(encode(edge.foreign()), f"the {edge.peer} may not send {edge.foreign()['type']}")


def test_another_role_is_refused_at_its_hello(edge):
    edge.refuses(encode({**HELLO, "role": edge.stage}), edge.stage)


def test_a_field_that_is_missing_twice_or_of_another_kind_is_refused_by_name(edge):
    good = edge.delivery()
    edge.refuses(encode({name: value for name, value in good.items() if name != "reason"}),
                 '"reason" is missing')
    edge.refuses(encode(good)[:-2] + b', "reason": "twice"}\n', 'reason')
    edge.refuses(encode({**good, "received_us": "soon"}), 'received_us')
    edge.refuses(encode({**good, "reason_code": "surprise"}), 'reason_code')


def test_bytes_that_are_no_clean_text_are_refused(edge):
    for bad in (b"\xff", b"\\ud800", b"\\u0000", b"\xc0\xaf"):
        edge.refuses(encode(edge.delivery(reason="HERE")).replace(b"HERE", bad), "line 1")


def test_of_a_packet_with_one_bad_line_no_line_is_used(edge):
    good = edge.delivery()
    edge.refuses(encode(good) + b"{}\n", "line 2")
    assert good["id"] not in {ack["id"] for ack in edge.neighbour.of("ack")}


def test_a_version_that_is_not_ours_is_refused_and_both_are_named(edge):
    edge.refuses(encode({**HELLO, "role": edge.peer, "v": 3, "min_v": 2}), "version 2 to 3")
    edge.refuses(encode({**edge.delivery(), "v": 2}), "version 2")


def test_a_newer_peer_that_still_speaks_ours_is_welcome(edge):
    with edge.stranger() as stranger:
        stranger.send({**HELLO, "role": edge.peer, "v": 2, "min_v": 1})
        edge.serves(stranger)


def test_a_peer_that_says_no_hello_is_served(edge):
    with edge.stranger() as stranger:
        edge.serves(stranger)
        (hello,) = stranger.of("hello")
        assert (hello["role"], hello["min_v"]) == (edge.stage, 1)


def test_an_unknown_field_is_refused_by_the_actuator_alone(edge):
    delivery = edge.delivery(color="green")
    if edge.stage == "actuator":
        edge.refuses(encode(delivery), 'unknown field "color"')
        return
    with edge.stranger() as stranger:
        stranger.send(delivery)
        stranger.wait_for("ack", id=delivery["id"])


def test_peers_that_leave_in_the_middle_of_anything_do_no_harm(edge):
    for _ in range(50):
        with edge.stranger() as stranger:
            stranger.send(edge.delivery())
    edge.serves(edge.neighbour)


def test_more_peers_than_a_stage_has_room_for_are_turned_away_and_told(edge):
    strangers = [edge.stranger() for _ in range(20)]
    turned_away = wait_until(lambda: [s for s in strangers if s.closed.is_set()])
    assert all(stranger.of("error") for stranger in turned_away)
    edge.serves(edge.neighbour)
    for stranger in strangers:
        stranger.close()
    with edge.stranger() as late:
        edge.serves(late)
