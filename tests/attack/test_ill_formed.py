"""What a correlator that was taken over may not say to the actuator: each is refused with its reason
and counted, and nothing is written; and verdicts that it may say, but that give no right."""
from collections.abc import Iterator

import pytest

from tests.harness import records
from tests.harness.edges import PACKET_MAX, connect, encode
from tests.harness.hosts import Cluster, Host, silent_intent
from tests.harness.programs import wait_until

HOUR_US = 60 * records.MINUTE_US
NODE = "7d0c2b1e-5a0f-4c0e-9d1b-2f6f0f4f8a11"

# What is wrong with a well-formed intent, and words of the answer: the connection goes on.
REFUSED = {
    "another incident's id": ({"id": records.digest(NODE, "another boot")},
                              "is not the hash of uid and boot"),
    "an id that is none": ({"id": "../../etc"}, "is not the hash of uid and boot"),
    "a path for a node": ({"node": "../../namespaces/kube-system/secrets/x"}, "is no Node's name"),
    "a query for a node": ({"node": "node-1?dryRun=All"}, "is no Node's name"),
    "no node": ({"node": ""}, "is no Node's name"),
    "JSON for a uid": ({"uid": '","resourceVersion":"1'}, "is no uid"),
    "no boot": ({"boot": ""}, "is no boot id"),
    "a panic of tomorrow": ({"received_us": records.now_us() + 24 * HOUR_US}, "in the future"),
    "a right for ever": ({"expires_us": records.now_us() + 30 * HOUR_US}, "within 24 h"),
    "over before it began": ({"expires_us": 1}, "within 24 h"),
    "silent until tomorrow": ({"silent_until_us": records.now_us() + HOUR_US},
                              "silent_until_us is in the future"),
    "no reason": ({"reason": ""}, "reason is empty"),
    "a terminal's escapes": ({"reason": "\x1b[2Jall is well"}, "not printable"),
    "two lines of words": ({"words": "silent\nfor ever"}, "words are not printable"),
    "no panic": ({"panics": []}, "an intent without a panic"),
    "a panic that is none": ({"panics": ["x"]}, "is no id"),
}

# What makes a packet no packet: answered, and closed.
CLOSED = {
    "a field of its own": ({"force": True}, 'unknown field "force"'),
    "a mode of its own": ({"mode": "node"}, 'unknown field "mode"'),
    "alive, and yet an intent": ({"verdict": "alive"}, '"alive" is none of its words'),
    "a verdict that there is not": ({"verdict": "dead"}, '"dead" is none of its words'),
    "a verdict by number": ({"verdict": 1}, 'field "verdict": not a text'),
    "a cause that there is not": ({"cause": "boredom"}, 'field "cause"'),
    "a code that there is not": ({"reason_code": "because"}, 'field "reason_code"'),
    "a list of nodes": ({"node": ["node-1", "node-2"]}, 'field "node": not a text'),
    "a text for a time": ({"expires_us": "never"}, 'field "expires_us": not a whole number'),
    "a time before time": ({"received_us": -1}, 'field "received_us"'),
    "half a microsecond": ({"received_us": 0.5}, 'field "received_us"'),
    "a time without end": ({"expires_us": 2 ** 64}, 'field "expires_us"'),
    "a text for a list": ({"panics": "x"}, 'field "panics": not an array'),
    "a list of numbers": ({"panics": [1]}, 'field "panics": not an array of texts'),
    "more panics than fit": ({"panics": [records.digest(str(i)) for i in range(400)]},
                             'field "panics": over 8192 bytes'),
    "a reason without end": ({"reason": "x" * 5000}, 'field "reason": over 1024 bytes'),
    "a name without end": ({"node": "n" * 300}, 'field "node": over 253 bytes'),
    "a version of its own": ({"v": 2}, "version 2"),
}


def without(intent: dict, field: str) -> bytes:
    return encode({name: value for name, value in intent.items() if name != field})


# The same, as bytes.
PACKETS = {
    "no uid": (lambda intent: without(intent, "uid"), 'field "uid" is missing'),
    "no verdict": (lambda intent: without(intent, "verdict"), 'field "verdict" is missing'),
    "a field twice": (lambda intent: encode(intent)[:-2] + b',"node":"node-2"}\n', "twice"),
    "a resume": (lambda intent: encode({"type": "resume", "id": intent["id"]}), "may not send resume"),
    "a result": (lambda intent: encode({"type": "result", "id": intent["id"], "outcome": "deleted",
                                        "detail": ""}), "may not send result"),
    "a panic": (lambda _: encode(records.panic("10.0.0.1")), "may not send panic"),
    "a type of its own": (lambda intent: encode({"type": "delete", "id": intent["id"]}), "delete"),
    "a good one before a bad one": (lambda intent: encode(intent) + b"{}\n", "line 2"),
    "no end": (lambda intent: encode(intent)[:-1], "line break"),
    "an end within": (lambda intent: encode(intent)[:80] + b"\n", "line 1"),
    "a list": (lambda intent: b"[" + encode(intent)[:-1] + b"]\n", "line 1"),
    "a depth without end": (lambda _: b"[" * 30000 + b"\n", "line 1"),
    "NUL": (lambda intent: encode(intent).replace(b"sysrq triggered", b"sysrq\\u0000triggered"),
            "line 1"),
    "half a character": (lambda intent: encode(intent).replace(b"sysrq triggered", b"\xc3("),
                         "line 1"),
    "more than a packet": (lambda intent: encode(intent)[:-1] + b" " * PACKET_MAX + b"\n",
                           "longer than 65536"),
    "nothing but lines": (lambda _: b"\n" * PACKET_MAX, "line 1"),
}


@pytest.fixture(scope="module")
def cluster(api, fleet) -> Cluster:
    return Cluster(api, fleet, living=4)


@pytest.fixture
def host(api, cluster, tmp_path) -> Iterator[Host]:
    cluster.lose()  # those of other tests, or they would be witnesses that are late for ever
    made = Host(tmp_path, api)
    yield made
    made.stop()


def answers_error(host: Host, packet: bytes, words: str, closes: bool) -> None:
    with connect(host.folder / "actuator.sock", "correlator") as liar:
        liar.send_raw(packet)
        (error,) = liar.wait_for("error")
        assert words in error["why"], error
        if closes:
            assert liar.closed.wait(5)
        else:
            assert error["of"] == "intent" and not liar.closed.is_set()


def counted(host: Host) -> dict[str, int]:
    return (host.prober.edge.of("stats") or [{"counters": {}}])[-1]["counters"]


def test_each_ill_formed_intent_is_refused_with_its_reason_and_counted(cluster, host):
    node = cluster.add()
    cluster.die(node)
    before = len(cluster.fleet.writes(node))
    for name, (change, words) in REFUSED.items():
        print(name)
        answers_error(host, encode({**silent_intent(node), **change}), words, closes=False)
    for name, (change, words) in CLOSED.items():
        print(name)
        answers_error(host, encode({**silent_intent(node), **change}), words, closes=True)
    for name, (make, words) in PACKETS.items():
        print(name)
        answers_error(host, make(silent_intent(node)), words, closes=True)
    wait_until(lambda: counted(host).get("intents_refused") == len(REFUSED)
               and counted(host).get("upstream_garbage") == len(CLOSED) + len(PACKETS), 25,
               "all counted")
    assert "intents" not in counted(host)
    assert len(cluster.fleet.writes(node)) == before
    assert host.prober.panicked(node)  # the honest one on the same socket is served
    assert host.prober.edge.of("error") == []



@pytest.mark.parametrize("changes, outcome", [
    ({"verdict": "unverified"}, "observed"), ({"verdict": "expired"}, "expired"),
    ({"verdict": "mismatch"}, "mismatch"), ({"verdict": "rebooted"}, "rebooted"),
    ({"verdict": "recreated"}, "recreated"), ({"cause": "halt", "reason_code": "halt"}, "observed"),
], ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else None)
def test_a_verdict_that_gives_no_right_touches_neither_node_nor_pod(cluster, host, changes, outcome):
    """The Node is dead, and its Lease lapses: it is the verdict alone that gives no right."""
    node = cluster.add()
    cluster.die(node)
    incident = host.prober.panicked(node, **changes)
    host.prober.result(incident, outcome)
    cluster.assert_untouched(node)


def test_evidence_and_retracts_of_nothing_are_taken_for_nothing(cluster, host):
    """Ids of no incident, over and over: no answer that grows, no write, no end."""
    with connect(host.folder / "actuator.sock", "correlator") as liar:
        for i in range(2000):
            nobody = records.digest(str(i))
            liar.send({"type": "evidence", "id": nobody, "silent_until_us": records.now_us(),
                       "words": "silent"},
                      {"type": "retract", "id": nobody, "why": "answers"},
                      {"type": "trace", "id": nobody, "part": 0, "lines": ["x" * 1000], "last": True})
        liar.wait_for("ack", of="retract", id=records.digest("1999"), seconds=30)
    node = cluster.add()
    cluster.die(node)
    host.prober.result(host.prober.panicked(node), "deleted")
