"""Nodes in an API server, real or simulated, that are killed in two ways: by lastgasp, whom a
kernel's datagrams tell, and by a bare HTTP/2 generator (rounds/), which sends what lastgasp sent."""
import base64
import collections
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import sys
import time
from collections.abc import Iterator

from tests.apiserver.apiserver import ApiServer
from tests.bench.partner import Partner
from tests.bench.replay import Recording, Victim, making
from tests.harness import ledger
from tests.harness.audit import AuditLog
from tests.harness.pipeline import Pipeline
from tests.harness.programs import ROOT, wait_until

sys.path.insert(0, str(ROOT / "tests" / "cluster"))
import control_plane
from control_plane import ADMIN, ControlPlane, token_of

WINDOW = 16  # requests in flight
ACTUATOR = "lastgasp-actuator"
# Of the actuator's requests what it sent; writing down what came back takes the server's time.
AUDIT_RULES = [{"level": "Request", "users": [ACTUATOR]}, {"level": "None"}]
NODE = re.compile(r"host\d{4}")
SETTLING_S = 0.6  # until the listener knows new Nodes' addresses: the watch gathers for 0.25 s
QUIET_S = 0.5  # without a request: what was to be sent and written down has been


@dataclasses.dataclass
class Server:
    """What a client needs to know of an API server, and what a bench does."""
    name: str
    api: ControlPlane | ApiServer
    url: str
    authority: str
    admin: str  # a token
    actuator: str  # a user
    actuator_token: str
    audit_log: AuditLog
    kubeconfigs: dict[str, pathlib.Path]


@contextlib.contextmanager
def real_server() -> Iterator[Server]:
    """etcd, which does not sync its file, and kube-apiserver."""
    control_plane.AUDIT_POLICY["rules"] = AUDIT_RULES
    manifests = ROOT / "systemd" / "kubernetes"
    with ControlPlane(pathlib.Path(os.environ["LASTGASP_CONTROL_PLANE"])) as api:
        api.apply(*(manifests / f"{kind}.yaml" for kind in ("rbac", "ledger", "flowschema")))
        api.timeout_s = 60  # thousands of pods take a while to list
        yield Server("a real API server", api, f"https://127.0.0.1:{api.port}",
                     str(api.authority.certificate), token_of(ADMIN), ACTUATOR, token_of(ACTUATOR),
                     api.audit_log, {stage: api.kubeconfig(f"lastgasp-{stage}")
                                     for stage in ("correlator", "actuator")})


@contextlib.contextmanager
def simulated_server() -> Iterator[Server]:
    with ApiServer() as api:
        ledger.load(api)
        yield Server("the simulated API server", api, api.url, str(api.ca), api.token("admin"),
                     "actuator", api.token("actuator"), api.audit_log,
                     {stage: pathlib.Path(api.kubeconfig(stage))
                      for stage in ("correlator", "actuator")})


class Killing:
    def __init__(self, server: Server, rounds: Partner, pipeline: Pipeline):
        self.server, self.rounds, self.pipeline = server, rounds, pipeline
        self.made = 0

    def make(self, count: int, pods: int) -> list[Victim]:
        """So many Nodes with so many pods each."""
        victims = []
        for _ in range(count):
            self.made += 1
            victims.append(Victim(f"host{self.made:04}",
                                  f"127.66.{self.made >> 8}.{self.made & 255}"))
        self.rounds.order(plans=[making(victim, pods, self.server.admin) for victim in victims],
                          window=WINDOW)
        self._find_uids(victims, pods)
        time.sleep(SETTLING_S)
        return victims

    def _find_uids(self, victims: list[Victim], pods: int) -> None:
        where = f"?fieldSelector=spec.nodeName={victims[0].name}" if len(victims) == 1 else ""
        named = {obj["metadata"]["name"]: obj["metadata"]["uid"]
                 for path in ("/api/v1/nodes", f"/api/v1/pods{where}")
                 for obj in self.server.api.list(path)}
        of_node = collections.defaultdict(list)
        for name in sorted(named):  # a Node's own is before its pods'
            of_node[NODE.match(name).group()].append(named[name])
        for victim in victims:
            victim.uids = of_node[victim.name]
            if len(victim.uids) != 1 + pods:
                raise RuntimeError(f"{len(victim.uids) - 1} of {pods} pods are on {victim.name}")

    def start_actuator(self) -> None:
        """As a panic finds it: its window has not grown with good answers yet."""
        self.pipeline.start("actuator").running["actuator"].wait_for("a peer joined", 10)

    def stop_actuator(self) -> None:
        """It would take its marks from a Node that the bare generator kills."""
        self.pipeline.stop("actuator")

    def by_lastgasp(self, victims: list[Victim], kernels: list[list[bytes]],
                    over_ms: float = 0) -> dict:
        """Each sends what is in its place in KERNELS, evenly over so many milliseconds."""
        return self.rounds.order(until=[victim.name for victim in victims], panics={
            "to": f"127.0.0.1:{self.pipeline.port}", "overMs": over_ms,
            "kernels": [{"from": victim.address,
                         "data": [base64.b64encode(data).decode() for data in kernel]}
                        for victim, kernel in zip(victims, kernels, strict=True)]})

    def by_hand(self, victims: list[Victim], recordings: list[Recording], window: int) -> dict:
        plans = [recording.plan(victim, self.server.actuator_token)
                 for recording, victim in zip(recordings, victims, strict=True)]
        return self.rounds.order(until=[victim.name for victim in victims], plans=plans,
                                 window=window)

    def sync_ms(self) -> float:
        """How long it takes to have a page on the disk that lastgasp's database is on."""
        return self.rounds.order(sync=str(self.pipeline.state / "page"))["sent"]

    def recordings(self, victims: list[Victim]) -> list[Recording]:
        """What the actuator's user sent since the last call, by Node; not what it asks beside an
        incident: its ledger, and how many Nodes there are."""
        of_node = collections.defaultdict(list)
        for event in self._events():
            about = NODE.search(event["requestURI"] + json.dumps(event.get("requestObject")))
            if not about:
                raise RuntimeError(f"of no Node of ours: {event['verb']} {event['requestURI']}")
            of_node[about.group()].append(event)
        return [Recording(of_node[victim.name], victim) for victim in victims]

    def _events(self) -> list[dict]:
        size, since = 0, time.monotonic()

        def is_quiet() -> bool:
            nonlocal size, since
            now = self.server.audit_log.path.stat().st_size
            if now != size:
                size, since = now, time.monotonic()
            return time.monotonic() - since > QUIET_S
        wait_until(is_quiet, 300, "an audit log to which nothing is added")
        events = [event for event in self.server.audit_log.find(user=self.server.actuator)
                  if "objectRef" in event and event["objectRef"].get("namespace") != "lastgasp"
                  and (event["verb"], event["objectRef"]["resource"]) != ("list", "nodes")]
        self.server.audit_log.skip()
        return events


@contextlib.contextmanager
def killing(server: Server, folder: pathlib.Path, limits: tuple[str, ...] = ledger.UNLIMITED,
            ) -> Iterator[Killing]:
    pipeline = Pipeline(folder, server.api, kubeconfigs=server.kubeconfigs, limits=limits)
    with Partner("rounds", server.url, server.authority, server.admin) as rounds:
        pipeline.start().running["actuator"].wait_for("a peer joined", 20)
        pipeline.running["listener"].wait_for("addresses are Nodes'", 20)
        pipeline.stop("actuator")
        yield Killing(server, rounds, pipeline)
        pipeline.stop()
