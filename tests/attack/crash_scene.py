"""Two panics, and a stage that is killed at a system call while it handles them.

The UDP socket is ours, as it is systemd's in earnest: what waits in its queue outlives a listener.
"""
import contextlib
import dataclasses
import os
import pathlib
import re
import select
import signal
import struct
from collections.abc import Callable, Iterable, Iterator

from tests.apiserver.apiserver import ApiServer
from tests.attack.crash_oracle import Oracle
from tests.harness import captures, ledger
from tests.harness.fleet import Fleet, Node
from tests.harness.pipeline import PANIC, PASS_STDIN, Pipeline, panics_of
from tests.harness.programs import Program, wait_until

STAGES = ("listener", "correlator", "actuator")
CALLS = ("recvmmsg", "sendmsg", "recvmsg", "sendto", "recvfrom", "write", "pwrite64", "fdatasync",
         "epoll_wait")
# A leak check at the end cannot run in a process that strace holds.
NO_LEAK_CHECK = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
BYSTANDERS = 20
# A run touches two nodes within a fraction of a second, and the next run two others.
LIMITS = ("--limit=1000/1s", "--limit-percent=100%/1s")
# struct pending_header of listener/pending_file.h
HEADER = struct.Struct("16s6I")
NODE_SLOTS = 16384
SLOTS_LOOKED_AT = 64  # the lowest are used first


@dataclasses.dataclass(frozen=True)
class Point:
    """The moment just before a stage's N-th call of that name."""
    stage: str
    call: str
    n: int

    def __str__(self) -> str:
        return f"{self.stage}, {self.call} {self.n}"

    @property
    def strace(self) -> tuple[str, ...]:
        return traced("/dev/null", self.call, "-e",
                      f"inject={self.call}:signal=KILL:when={self.n}")


def traced(output: str, calls: str, *options: str) -> tuple[str, ...]:
    # -D: strace is the grandchild, so that the stage is ours to wait for.
    return ("strace", "-D", "-f", "-qq", "-o", output, "-e", f"trace={calls}", *options)


def count_in(trace: pathlib.Path, calls: Iterable[str]) -> dict[str, int]:
    """How often each was called, without those that never were."""
    names = re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE)
    return {call: names.count(call) for call in calls if call in names}


def pending_slots(path: pathlib.Path) -> int:
    """How many slots of the listener's pending file are in use, of those that are used first."""
    with open(path, "rb") as file:
        _, _, slot_size, slots, _, _, file_size = HEADER.unpack(file.read(HEADER.size))
        begin = file_size - slots * slot_size
        states = []
        for first in (0, NODE_SLOTS):
            for slot in range(first, first + SLOTS_LOOKED_AT):
                file.seek(begin + slot * slot_size)
                states.append(struct.unpack("I", file.read(4))[0])
    return sum(states)


class Watched:
    """A stage that is started again once it was killed at its point."""

    def __init__(self, pipeline: Pipeline, stage: str, strace: tuple[str, ...]):
        self.pipeline, self.stage = pipeline, stage
        self.was_killed = False
        passing = {"wrapper": strace}
        if stage == "listener":
            passing = {"wrapper": (*PASS_STDIN, *strace), "stdin": pipeline.passed}
        self.program = Program(f"lastgasp-{stage}", *pipeline.arguments[stage], env=NO_LEAK_CHECK,
                               folder=pipeline.folder, **passing)
        pipeline.ran.append(self.program)
        pipeline.running[stage] = self.program

    def _look(self) -> None:
        status = self.program.process.poll()
        if self.was_killed or status is None:
            return
        assert status == -signal.SIGKILL, f"{self.stage} ended with {status}"
        self.was_killed = True
        del self.pipeline.running[self.stage]
        self.pipeline.start(self.stage)

    def until(self, condition: Callable[[], object], what: str) -> None:
        def look() -> object:
            self._look()
            return condition()
        wait_until(look, 30, what)

    def stop(self) -> None:
        """By SIGTERM; it may be killed on the way out, too."""
        if self.was_killed:
            self.pipeline.kill(self.stage)
            return
        status = self.pipeline.running.pop(self.stage).stop()
        assert status in (0, -signal.SIGKILL), f"{self.stage} ended with {status}"
        self.was_killed = status == -signal.SIGKILL


class Scene:
    def __init__(self, folder: pathlib.Path):
        folder.mkdir(parents=True)
        with contextlib.ExitStack() as undo:
            self.api = undo.enter_context(ApiServer("--bookmark-every=1s"))
            ledger.load(self.api)
            self.fleet = Fleet(self.api)
            for _ in range(BYSTANDERS):
                self.fleet.add(pods=2)
            self.pipeline = Pipeline(folder, self.api, passed=True, limits=LIMITS)
            undo.callback(self.pipeline.close)
            self.oracle = Oracle(self.fleet)
            self._undo = undo.pop_all()

    def close(self) -> None:
        self._undo.close()

    def panic(self) -> Node:
        node = self.fleet.add(pods=2)
        self.oracle.expects(node)
        captures.send(PANIC, node.address, ("127.0.0.1", self.pipeline.port), gap_max=0)
        return node

    def is_closed(self, node: Node) -> bool:
        return any(row["state"] == "closed" for row in self.pipeline.incidents(node))

    def _nothing_waits(self) -> bool:
        (unread, _, _) = select.select([self.pipeline.passed], [], [], 0)
        return not unread and pending_slots(self.pipeline.folder / "pending") == 0

    def two_panics(self, stage: str, strace: tuple[str, ...]) -> tuple[bool, list[str]]:
        """One comes while the stage is away, the other when it is at work.  Returns whether it was
        killed, and how both incidents ended; afterwards the stage is away again."""
        nodes = [self.panic()]
        watched = Watched(self.pipeline, stage, strace)
        watched.until(lambda: self.is_closed(nodes[0]), "the first incident closed")
        nodes.append(self.panic())
        watched.until(lambda: self.is_closed(nodes[1]), "the second incident closed")
        watched.until(self._nothing_waits, "nothing pending any more")
        watched.stop()
        self.oracle.judge()
        outcomes = [self._outcome(node, stage if watched.was_killed else None) for node in nodes]
        return watched.was_killed, outcomes

    def _outcome(self, node: Node, killed: str | None) -> str:
        (incident,) = self.pipeline.incidents(node)
        panics = panics_of(self.pipeline.state, incident)
        # The end of a panic that was acknowledged before the listener was killed is all that the
        # next listener knows of it, and proves it once more.
        assert len(panics) == 1 or killed == "listener" and len(panics) == 2, panics
        self.oracle.was_deleted(node)
        # An actuator that was killed while it deleted the Node cannot know who did.
        if killed == "actuator" and incident["outcome"] == "node-gone":
            return "deleted"
        return incident["outcome"]


@contextlib.contextmanager
def scenes(folder: pathlib.Path, count: int, without: str) -> Iterator[list[Scene]]:
    """COUNT of them, in each of which all stages but one run."""
    made: list[Scene] = []
    try:
        for number in range(count):
            made.append(Scene(folder / str(number)))
            made[-1].pipeline.start(*(stage for stage in STAGES if stage != without))
        yield made
    finally:
        for scene in made:
            scene.close()
