"""From the panic's datagram until the Node is gone, against the same requests sent bare.

A real etcd (which does not sync its file) and kube-apiserver. By turns lastgasp (unverified, mode
node) kills a Node, and a bare HTTP/2 generator (rounds/) kills one just like it: with the requests
that lastgasp sent, by the server's audit log, 16 in flight, as the actuator's user.
"""
import base64
import os
import pathlib
import statistics
import sys
import tempfile
import time

from tests.bench.partner import Partner
from tests.bench.report import Row, say, spread, tell
from tests.harness.pipeline import Pipeline
from tests.harness.programs import ROOT

sys.path.insert(0, str(ROOT / "tests" / "cluster"))
import control_plane
from control_plane import ADMIN, ControlPlane, token_of
from tests.bench.replay import Recording, making

ROUNDS, TINY_ROUNDS = 20, 2
TARGET = 1.5
ACTUATOR = "lastgasp-actuator"
PANIC = b"[   12.345678] Kernel panic - not syncing: sysrq triggered crash\n"
SETTLING_S = 0.6  # until the listener knows a new Node's address (the watch may rest 0.25 s)
AFTER_S = 1.0  # for the Events that go out after the Node's DELETE, and for the audit log
# Of the actuator's requests what it sent; writing down what came back takes the server's time.
AUDIT_RULES = [{"level": "Request", "users": [ACTUATOR]}, {"level": "None"}]


class Bench:
    def __init__(self, api: ControlPlane, rounds: Partner, pipeline: Pipeline):
        self.api, self.rounds, self.pipeline = api, rounds, pipeline
        self.made = 0

    def make(self, pods: int) -> tuple[str, str, list[str]]:
        """A Node with pods; returns its name, its address, and its and their uids."""
        self.made += 1
        name, address = f"bench-{self.made:04}", f"127.66.{self.made >> 8}.{self.made & 255}"
        self.rounds.order(plan=making(name, address, pods, token_of(ADMIN)))
        found = self.api.list(f"/api/v1/pods?fieldSelector=spec.nodeName={name}")
        uids = [pod["metadata"]["uid"]
                for pod in sorted(found, key=lambda pod: pod["metadata"]["name"])]
        if len(uids) != pods:
            raise RuntimeError(f"{len(uids)} of {pods} pods are on {name}")
        time.sleep(SETTLING_S)
        return name, address, [self.api.get(f"/api/v1/nodes/{name}")["metadata"]["uid"], *uids]

    def requests(self) -> list[dict]:
        """The actuator's user's in the audit log, since the last call; not what it asks beside an
        incident: its ledger, and how many Nodes there are."""
        time.sleep(AFTER_S)
        events = [event for event in self.api.audit(user=ACTUATOR) if "objectRef" in event
                  and event["objectRef"].get("namespace") != "lastgasp"
                  and (event["verb"], event["objectRef"]["resource"]) != ("list", "nodes")]
        self.api.audit_log.skip()
        return events

    def by_lastgasp(self, pods: int) -> tuple[dict, Recording]:
        # As a panic finds it: its window grows with each good answer, and that of the bare
        # generator does not.
        self.pipeline.stop("actuator")
        self.pipeline.start("actuator").running["actuator"].wait_for("a peer joined", 10)
        name, address, uids = self.make(pods)
        measured = self.rounds.order(until=name, panic={
            "from": address, "to": f"127.0.0.1:{self.pipeline.port}",
            "data": base64.b64encode(PANIC).decode()})
        return measured, Recording(self.requests(), uids)

    def by_hand(self, pods: int, recording: Recording) -> tuple[dict, Recording]:
        name, _, uids = self.make(pods)
        plan = recording.plan(name, uids, token_of(ACTUATOR))
        measured = self.rounds.order(until=name, plan=plan)
        return measured, Recording(self.requests(), uids)

    def compare(self, pods: int, rounds: int) -> Row:
        _, recording = self.by_lastgasp(pods)  # not measured: it warms up, and is what is copied
        sides: dict[str, list[tuple[dict, Recording]]] = {"lastgasp": [], "bare": []}
        for _ in range(rounds):
            sides["lastgasp"].append(self.by_lastgasp(pods))
            sides["bare"].append(self.by_hand(pods, recording))
        for side, results in sides.items():
            tell_side(side, results)
        ours, bare = ([measured["ms"] for measured, _ in sides[side]] for side in sides)
        pairs = [one / other for one, other in zip(ours, bare, strict=True)]
        say(f"  ratio of each pair of rounds: {spread(pairs, 'times')}")
        return Row(f"panic -> Node with {pods} pods gone, p50 of {rounds}",
                   statistics.median(ours), "ms", "the same requests bare",
                   statistics.median(bare), most_ratio=TARGET)


def tell_side(side: str, results: list[tuple[dict, Recording]]) -> None:
    say(f"  {side}: {spread([measured['ms'] for measured, _ in results], 'ms')}; by the audit log:")
    before = statistics.median((recording.began - measured["began"]) * 1000
                               for measured, recording in results)
    server = statistics.median((recording.ended - recording.began) * 1000
                               for _, recording in results)
    counts = sorted({len(recording.events) for _, recording in results})
    say(f"    {before:.1f} ms until its first request came, {server:.1f} ms from there to the end "
        f"of the Node's DELETE (p50 each); requests a round: {', '.join(map(str, counts))}")


def run(rounds: int, tiny: bool) -> list[Row]:
    control_plane.AUDIT_POLICY["rules"] = AUDIT_RULES
    programs = pathlib.Path(os.environ["LASTGASP_CONTROL_PLANE"])
    manifests = ROOT / "systemd" / "kubernetes"
    with tempfile.TemporaryDirectory(prefix="lastgasp-bench-") as name, \
            ControlPlane(programs) as api, \
            Partner("rounds", f"https://127.0.0.1:{api.port}", str(api.authority.certificate),
                    token_of(ADMIN)) as measuring:
        api.apply(*(manifests / f"{kind}.yaml" for kind in ("rbac", "ledger", "flowschema")))
        pipeline = Pipeline(pathlib.Path(name), api, kubeconfigs={
            stage: api.kubeconfig(f"lastgasp-{stage}") for stage in ("correlator", "actuator")})
        pipeline.start().running["actuator"].wait_for("a peer joined", 20)
        pipeline.running["listener"].wait_for("addresses are Nodes'", 20)
        bench = Bench(api, measuring, pipeline)
        rows = []
        for pods in [3] if tiny else [30, 110]:
            say(f"  {pods} pods")
            rows.append(bench.compare(pods, rounds))
        pipeline.stop()
    for row in rows:
        tell(row)
    return rows
