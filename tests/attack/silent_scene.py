"""Three machines that panic and really fall silent, and a stage that is killed at a system call
while it finds out, acts and takes back.

One stays dead, and its Node is made anew once it was deleted, which ends the watch over it.  One
answers again once its Node was told of.  One answers again when its pods are gone and its Node is
out of service, for a volume is attached.  All times are as short as the options and Leases allow.

A scene is entered by the thread that plays it, which is in the host's network from then on.
"""
import pathlib
import time
import uuid

from tests.attack.crash_oracle import Oracle
from tests.attack.crash_scene import LIMITS, Watched, pending_slots
from tests.attack.forgeries import at_another_time, capture
from tests.attack.machines import attach, is_out_of_service, registers
from tests.attack.scene import bears
from tests.harness.fleet import node_of
from tests.harness.pipeline import PANIC
from tests.harness.world import World

BYSTANDERS = 5  # all the witnesses that the actuator wants
LEASE_SECONDS = 1
# A kubelet that was silent when the sweep came has to be asked again within a run.
CORRELATOR = ("--settle=300ms", "--alive=1s", "--evidence=300ms", "--sweep=2s")
LOOK_SECONDS = 0.05  # between two looks at an object of the API server
GATHER_SECONDS = 0.3  # what the correlator's watch of Nodes gathers for, and some more


class Mortal:
    """A machine that panics in each run, each time as another Node and boot."""

    def __init__(self, world: World, volumes: bool = False):
        self.world, self.machine = world, world.add(pods=2)
        if volumes:
            attach(world.api, self.machine.node.path, "one")
        self.object, self.pods = self.machine.object(), world.fleet.pods(self.machine.node)
        self.boots = 0

    def falls_silent(self, is_renewed: bool) -> None:
        """IS_RENEWED: the machine lives, but nothing of ours reaches it."""
        # The same time of the kernel's own clock would be the same panic, heard twice.
        self.boots += 1
        self.machine.send(at_another_time(capture(PANIC), b"%d" % (100 + self.boots)))
        self.machine.cut()
        if not is_renewed:
            self.machine.stop_renewing()

    def answers(self) -> None:
        self.machine.heal()
        self.machine.is_renewing = True
        self.world.renew()

    def registers_anew(self) -> None:
        self.machine.kubelet.asked = 0
        registers(self.world.api, self.object)
        self.machine.node = node_of(self.machine.object())
        self.world.api.load(*(
            {**pod, "apiVersion": "v1", "kind": "Pod",  # which a list does not say of each
             "metadata": {**pod["metadata"], "uid": str(uuid.uuid4())}} for pod in self.pods))

    @property
    def incident(self) -> dict:
        """Of this boot; an empty one while there is none."""
        rows = [row for row in self.machine.incidents() if row["uid"] == self.machine.node.uid]
        assert len(rows) <= 1
        return rows[0] if rows else {"state": None, "outcome": None, "verdict": None}

    def is_told(self) -> bool:
        """Or never will be: a correlator that was killed before its verdict knows no answer of the
        machine, and the Lease is renewed."""
        time.sleep(LOOK_SECONDS)
        return self.incident["verdict"] == "unprobable" or self.machine.is_marked()

    def is_tainted(self) -> bool:
        time.sleep(LOOK_SECONDS)
        return is_out_of_service(self.machine.object())


class SilentScene:
    def __init__(self, folder: pathlib.Path, stage: str):
        folder.mkdir(parents=True)
        self.stage, self.world = stage, World(folder, lease_seconds=LEASE_SECONDS)

    def __enter__(self) -> "SilentScene":
        world = self.world.__enter__()
        try:
            world.add_many(BYSTANDERS, pods=2)
            self.dead, self.early, self.late = Mortal(world), Mortal(world), Mortal(world, True)
            self.mortals = (self.dead, self.early, self.late)
            self.oracle = Oracle(world.fleet)
            self.pipeline = world.start(*CORRELATOR, limits=LIMITS)
            self.pipeline.running["actuator"].wait_for("this host acts")
            self.pipeline.kill(self.stage)
        except BaseException as error:
            world.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(self, *how) -> None:
        self.world.__exit__(*how)

    def play(self, strace: tuple[str, ...]) -> bool:
        """Returns whether the stage was killed; afterwards it is away again."""
        self.oracle.expects(self.dead.machine.node)
        self.oracle.expects(self.early.machine.node, pods=False)
        self.oracle.expects(self.late.machine.node)
        if self.stage == "correlator":  # the next one has to hear from all by itself
            for machine in self.world.machines:
                machine.kubelet.asked = 0
        watched = Watched(self.pipeline, self.stage, strace)
        watched.until(lambda: all(m.kubelet.asked for m in self.world.machines),
                      "an answer of each")
        for mortal in self.mortals:
            mortal.falls_silent(is_renewed=mortal is self.early)
        watched.until(self.early.is_told, "the Node told of that will answer")
        self.early.answers()
        watched.until(self.late.is_tainted, "the Node out of service that will answer")
        self.late.answers()
        watched.until(lambda: self.dead.incident["outcome"], "the dead machine's Node deleted")
        self.oracle.judge()
        self.oracle.was_deleted(self.dead.machine.node)
        incidents = self._end_the_watch(watched)
        watched.until(lambda: pending_slots(self.world.folder / "pending") == 0,
                      "nothing pending any more")
        watched.stop()
        self._judge(incidents, watched.was_killed)
        for mortal in (self.early, self.late):
            mortal.registers_anew()
        # A panic before the correlator has heard of them would be held against the Nodes before.
        time.sleep(GATHER_SECONDS)
        return watched.was_killed

    def _end_the_watch(self, watched: Watched) -> list[dict]:
        """And all else that is open: the three incidents as they ended."""
        was = self.dead.machine.node
        self.dead.registers_anew()

        def closed() -> list[dict]:
            rows = [row for row in self.pipeline.incidents(was) if row["uid"] == was.uid]
            rows += [self.early.incident, self.late.incident]
            return rows if all(row["state"] == "closed" for row in rows) else []
        watched.until(closed, "all three incidents closed")
        rows = closed()
        self.dead.answers()
        return rows

    def _judge(self, incidents: list[dict], was_killed: bool) -> None:
        self.oracle.judge()
        outcomes = [row["outcome"] for row in incidents]
        dead, early, late = ["deleted"], ["retracted"], ["partial"]
        if was_killed and self.stage == "actuator":
            # The next one cannot know who deleted the Node, nor that it had removed pods.
            dead, late = ["deleted", "node-gone"], ["partial", "retracted"]
        assert outcomes[0] in dead and outcomes[1] in early and outcomes[2] in late, incidents
        if not was_killed:
            assert {row["verdict"] for row in incidents} == {"silent"}, incidents
        for mortal in (self.early, self.late):
            assert not bears(mortal.machine.object()), mortal.machine.object()
