"""The three programs, joined by their sockets, beside a simulated API server."""
import pathlib
import socket
import sqlite3

from tests.apiserver.apiserver import ApiServer
from tests.harness import captures, ledger
from tests.harness.fleet import Node
from tests.harness.programs import Program, free_udp_port, wait_until

# A whole panic of a 6.12 kernel in 37 datagrams, which says nothing of the node it comes from.
PANIC = "6.12/cfgbasic-sysrqc"
PANIC_REASON = "sysrq triggered crash"
# Makes standard input the first descriptor that systemd would pass.
PASS_STDIN = ("sh", "-c", 'exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"')


def bound_socket(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    if address == "::":
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind((address, port))
    return sock


def incidents(state: pathlib.Path) -> list[dict]:
    """The history's rows, oldest first; none while there is no database yet."""
    path = state / "incidents.db"
    if not path.exists():
        return []
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in database.execute("SELECT * FROM incidents ORDER BY opened_us")]
    finally:
        database.close()


def panics_of(state: pathlib.Path, incident: dict) -> list[str]:
    database = sqlite3.connect(f"file:{state / 'incidents.db'}?mode=ro", uri=True)
    try:
        return [row[0] for row in database.execute("SELECT id FROM panics WHERE incident = ?",
                                                   (incident["id"],))]
    finally:
        database.close()


class Pipeline:
    """Stages are started and ended one by one or all together; whatever ran is in .ran."""

    def __init__(self, folder: pathlib.Path, api: ApiServer, mode: str | None = "node",
                 listener: tuple[str, ...] = (), correlator: tuple[str, ...] = (),
                 actuator: tuple[str, ...] = ("--accept-unverified",), verify: str = "none",
                 limits: tuple[str, ...] = ledger.UNLIMITED, listen: str = "127.0.0.1",
                 kubeconfigs: dict[str, pathlib.Path] | None = None, passed: bool = False,
                 metrics: str = "none"):
        """PASSED: the UDP socket is ours and goes to each listener as systemd passes one, so that
        what waits in its queue outlives the listener; with "::" it is for both families."""
        self.folder, self.api, self.listen = folder, api, listen
        self.port = free_udp_port(listen)
        self.state = folder / "state"
        self.state.mkdir(exist_ok=True)
        self.sockets = {stage: folder / f"{stage}.sock" for stage in ("correlator", "actuator")}
        at = f"[{listen}]" if ":" in listen else listen
        kubeconfigs = kubeconfigs or {s: api.kubeconfig(s) for s in ("correlator", "actuator")}
        self.arguments = {
            "listener": (f"--to={self.sockets['correlator']}", f"--pending={folder / 'pending'}",
                         *([] if passed else [f"--listen={at}:{self.port}"]), *listener),
            "correlator": (f"--socket={self.sockets['correlator']}",
                           f"--to={self.sockets['actuator']}", f"--verify={verify}",
                           f"--kubeconfig={kubeconfigs['correlator']}",
                           f"--metrics={metrics}", *correlator),
            "actuator": (f"--socket={self.sockets['actuator']}", f"--state={self.state}",
                         f"--kubeconfig={kubeconfigs['actuator']}",
                         *([f"--mode={mode}"] if mode else []), *limits, *actuator),
        }
        self.passed = bound_socket(listen, self.port) if passed else None
        self.running: dict[str, Program] = {}
        self.ran: list[Program] = []

    def start(self, *stages: str) -> "Pipeline":
        """Those stages, or all that do not run yet; returns when datagrams can be sent."""
        for stage in stages or [s for s in self.arguments if s not in self.running]:
            passing = {}
            if stage == "listener" and self.passed:
                passing = {"stdin": self.passed, "wrapper": PASS_STDIN}
            program = Program(f"lastgasp-{stage}", *self.arguments[stage], folder=self.folder,
                              **passing)
            self.running[stage] = program
            self.ran.append(program)
        if "listener" in self.running:
            wait_until(self._hears, 10, f"the listener bound to port {self.port}")
        return self

    def _hears(self) -> bool:
        # Of the calling thread's network, which need not be the process's.
        table = pathlib.Path("/proc/thread-self/net", "udp6" if ":" in self.listen else "udp")
        return f":{self.port:04X} " in table.read_text()

    def kill(self, *stages: str) -> None:
        for stage in stages:
            self.running.pop(stage).kill()

    def restart(self, *stages: str) -> None:
        self.kill(*stages)
        self.start(*stages)

    def stop(self, *stages: str) -> None:
        """SIGTERM, upstream first, and each must end well: a sanitizer tells of leaks then."""
        stages = stages or tuple(stage for stage in self.arguments if stage in self.running)
        statuses = {stage: self.running.pop(stage).stop() for stage in stages}
        assert not any(statuses.values()), f"exit statuses {statuses}"

    def close(self) -> None:
        """Ends what still runs, when stop() could not."""
        self.kill(*list(self.running))
        if self.passed:
            self.passed.close()

    def panic(self, node: Node, capture: str = PANIC, gap_max: float = 0.002) -> None:
        captures.send(capture, node.address, (self.listen, self.port), gap_max)

    def say(self, node: Node, *datagrams: bytes) -> None:
        with captures.sender(node.address) as sock:
            for datagram in datagrams:
                sock.sendto(datagram, (self.listen, self.port))

    def incidents(self, node: Node | None = None) -> list[dict]:
        return [row for row in incidents(self.state) if node is None or row["node"] == node.name]

    def ended(self, node: Node, seconds: float = 30.0) -> dict:
        """The one incident of that Node, once it is closed."""
        rows = wait_until(lambda: [r for r in self.incidents(node) if r["state"] == "closed"],
                          seconds, f"an incident of {node.name} that is closed; there are "
                          f"{self.incidents()}")
        assert len(self.incidents(node)) == 1
        return rows[0]

    def logs(self) -> str:
        return "\n".join(f"--- {program.name}\n{program.log()}" for program in self.ran)
