"""Much at once: many Nodes, large records, a stage that hangs, lines that are no panic."""
import json
import signal

import pytest

from tests.harness import captures
from tests.harness.edges import Server
from tests.harness.programs import wait_until

CONTEXT_MAX = TRACE_PART_MAX = 32768
TRACE_MAX = 8 * TRACE_PART_MAX
PANIC_LINE = "[    2.500000] Kernel panic - not syncing: sysrq triggered crash"
END_LINE = "[    9.000000] ---[ end Kernel panic - not syncing: sysrq triggered crash ]---"


def encoded(lines: list[str]) -> int:
    return len(json.dumps(lines, separators=(",", ":"), ensure_ascii=False).encode()) - 2


def test_forty_nodes_that_panic_at_once_all_go(pipeline, fleet):
    nodes = [fleet.add() for _ in range(40)]
    bystander = fleet.add()
    for node in nodes:
        pipeline.panic(node, gap_max=0)
    for node in nodes:
        assert pipeline.ended(node, 30)["outcome"] == "deleted"
    assert not fleet.writes(bystander) and len(fleet.pods(bystander)) == 4


@pytest.mark.parametrize("stage", ["listener", "correlator", "actuator"])
def test_a_stage_that_hangs_for_a_while_loses_nothing(pipeline, fleet, stage):
    nodes = [fleet.add(pods=1) for _ in range(5)]
    pipeline.running[stage].process.send_signal(signal.SIGSTOP)
    for node in nodes:
        pipeline.panic(node)
    pipeline.running[stage].process.send_signal(signal.SIGCONT)
    for node in nodes:
        assert pipeline.ended(node)["outcome"] == "deleted"


@pytest.fixture
def hear(make_pipeline):
    """Sends lines from a Node's address to a listener alone; returns its panic and its trace."""
    pipeline = make_pipeline()
    with Server(pipeline.sockets["correlator"], "correlator") as correlator:
        pipeline.start("listener")
        correlator.wait_connected().send(
            {"type": "sources", "op": "begin"},
            {"type": "sources", "op": "add", "addresses": ["127.88.0.1"]},
            {"type": "sources", "op": "end"})
        pipeline.running["listener"].wait_for("1 addresses are Nodes'")

        def send(lines: list[str]) -> tuple[dict, list[dict]]:
            with captures.sender("127.88.0.1") as sock:
                for number, line in enumerate(lines):
                    sock.sendto(line.encode() + b"\n", ("127.0.0.1", pipeline.port))
                    if number % 50 == 0:
                        wait_until(lambda: captures.queue(pipeline.port) == 0)
            (panic,) = correlator.wait_for("panic")
            wait_until(lambda: any(part.get("last") for part in correlator.of("trace")))
            return panic, correlator.of("trace")
        yield send
        pipeline.stop()


def talk(word: str, count: int, rest: str) -> list[str]:
    return [f"[    2.{n:06}] {word} {n:05} {rest}" for n in range(count)]


def test_the_newest_lines_before_a_panic_go_with_it_up_to_32_kib(hear):
    _, parts = hear([*talk("before", 2000, 'quoted "\\' * 20), PANIC_LINE, END_LINE])
    lines = [line for part in parts for line in part["lines"]]
    assert "before 01999" in lines[-3] and "not syncing" in lines[-2]
    assert CONTEXT_MAX // 2 < sum(map(len, lines)) <= CONTEXT_MAX + 1024


def test_a_trace_of_several_parts_is_whole(hear):
    said = talk("after", 400, "x" * 300)
    _, parts = hear([PANIC_LINE, *said, END_LINE])
    assert [part["part"] for part in parts] == list(range(len(parts))) and len(parts) > 3
    assert all(encoded(part["lines"]) <= TRACE_PART_MAX for part in parts)
    lines = [line for part in parts for line in part["lines"]]
    assert [line for line in lines if "after" in line] == said and END_LINE in lines[-1]


def test_of_a_trace_that_is_too_long_the_beginning_is_kept(hear):
    """Right behind the panic line stands the call trace; what comes later are other tasks'."""
    _, parts = hear([PANIC_LINE, *talk("after", 2000, "x" * 300), END_LINE])
    assert "after 00000" in "".join(parts[0]["lines"][:2])
    assert sum(encoded(part["lines"]) for part in parts) <= TRACE_MAX


@pytest.mark.parametrize("capture", ["6.12/cfgext-kmsg", "6.12/cfgext-long"])
def test_what_is_no_kernel_panic_touches_nothing(pipeline, fleet, capture):
    suspect, dead = fleet.add(), fleet.add()
    pipeline.panic(suspect, capture)
    pipeline.panic(dead)
    assert pipeline.ended(dead)["outcome"] == "deleted"
    assert not fleet.writes(suspect)
    assert not [i for i in pipeline.incidents(suspect) if i["cause"] == "kernel-panic"]
