"""The three programs, started as an operator would by hand, and what they say while they say it."""
import pathlib
import re
import time

from tests.harness.demo import screen
from tests.harness.programs import Program, run, wait_until

PORT = 6666
ALIVE = "6s"  # 30 s by default, and nobody wants to wait for that either
# What they say of one panic or incident begins with its id.
LINE = re.compile(r"<\d>\[([0-9a-f]{32})\] (.*)")


class Programs:
    def __init__(self, folder: pathlib.Path, where):
        self.state = folder / "state"
        self.state.mkdir()
        self.correlator_socket = folder / "correlator.sock"
        self.actuator_socket = folder / "actuator.sock"
        self.control_socket = folder / "control.sock"
        commands = [
            ("lastgasp-actuator", f"--socket={self.actuator_socket}", f"--state={self.state}",
             f"--kubeconfig={where.kubeconfig('actuator')}", f"--control={self.control_socket}",
             "--mode=node"),
            ("lastgasp-correlator", f"--socket={self.correlator_socket}",
             f"--to={self.actuator_socket}", f"--kubeconfig={where.kubeconfig('correlator')}",
             f"--alive={ALIVE}", "--log-level=debug"),
            ("lastgasp-listener", f"--listen=0.0.0.0:{PORT}", f"--to={self.correlator_socket}",
             f"--pending={folder / 'pending'}"),
        ]
        self.running: list[Program] = []
        self._shown: dict[str, int] = {}
        for command in commands:
            screen.line(" ".join(command), screen.DIM)
            self.running.append(Program(*command, folder=folder))
        self.actuator, self.correlator, self.listener = self.running
        self.correlator.wait_for(r"synced \d+ nodes", 20)
        self.listener.wait_for(r"\d+ addresses are Nodes'", 20)
        self.actuator.wait_for("this host acts", 30)

    def stop(self) -> None:
        for program in reversed(self.running):
            program.stop()

    def logs(self) -> str:
        return "".join(f"--- {program.name}\n{program.log()}" for program in self.running)

    def show_until(self, condition, since: float, seconds: float, what: str) -> None:
        """What they say of a panic or incident, with its time since SINCE, until condition()."""
        def shown() -> bool:
            done = condition()
            self._show_new(since)
            return done
        wait_until(shown, seconds, what)

    def _show_new(self, since: float) -> None:
        at = time.time() - since
        for program in reversed(self.running):
            lines = program.log().splitlines(keepends=True)
            whole = [line for line in lines if line.endswith("\n")]
            for line in whole[self._shown.get(program.name, 0):]:
                if said := LINE.match(line):
                    role = program.name.removeprefix("lastgasp-")
                    screen.wrapped(f"{at:+6.2f} s  {role:10}  ", said.group(2))
            self._shown[program.name] = len(whole)

    def history(self, incident: str) -> list[str]:
        """Rows of all that is known of it, but for what the kernel said and what the Node had."""
        shown = run("lastgasp-incidents", f"--state={self.state}", "show", incident).stdout
        for heading in ("\nwhat the deleted Node had", "\npanics and reports heard"):
            shown = shown.partition(heading)[0]
        return shown.splitlines()
