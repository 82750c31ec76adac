"""The correlator alone: stand-ins for the stages at both ends, and what it takes of the machine."""
import contextlib
import os
import pathlib
import re
import tempfile

from tests.apiserver.apiserver import ApiServer
from tests.harness.edges import Server, connect
from tests.harness.programs import Program

NODE_BYTES = 15_000


def cpu_seconds(pid: int) -> float:
    """Of a whole process, to the nanosecond: /proc/PID/stat counts by 10 ms."""
    tasks = pathlib.Path(f"/proc/{pid}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9


def children_cpu_seconds() -> float:
    """Of this process's children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def sleeps(pid: int) -> int:
    """How often its threads have."""
    tasks = pathlib.Path(f"/proc/{pid}/task")
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)$",
                             (task / "status").read_text(encoding="utf-8"), re.MULTILINE)[1])
               for task in tasks.iterdir())


def memory_kb(pid: int) -> dict[str, int]:
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    return {name: int(kb) for name, kb in re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE)}


def anonymous_mb(pid: int) -> float:
    return memory_kb(pid)["Anonymous"] * 1024 / 1e6


class Alone:
    """.program is the correlator, .listener plays the listener, .actuator the actuator."""

    def __init__(self, api: ApiServer, *options: str):
        self.api, self.options = api, options

    def __enter__(self) -> "Alone":
        with contextlib.ExitStack() as undo:
            folder = pathlib.Path(undo.enter_context(
                tempfile.TemporaryDirectory(prefix="lastgasp-bench-")))
            path = folder / "correlator.sock"
            self.actuator = undo.enter_context(Server(folder / "actuator.sock", "actuator"))
            self.program = undo.enter_context(Program(
                "lastgasp-correlator", f"--socket={path}", f"--to={self.actuator.path}",
                f"--kubeconfig={self.api.kubeconfig('correlator')}", *self.options,
                folder=folder))
            self.pid = self.program.pid
            self.listener = undo.enter_context(connect(path, "listener"))
            self._open = undo.pop_all()
        return self

    def __exit__(self, *exception) -> None:
        self._open.__exit__(*exception)

    def synced_ms(self, count: int) -> int:
        """How long the list of so many Nodes took, from its request on, as the log says."""
        line = self.program.wait_for(rf"synced {count} nodes in \d+ ms", 120)
        return int(re.search(r"(\d+) ms", line).group(1))
