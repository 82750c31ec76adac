"""Programs that a test starts: they end with the test, however it ends."""

import random
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def free_port() -> int:
    """A loopback TCP port that nobody listens on. It lies below the ports that the kernel gives to
    outgoing connections, so that a server can be stopped and started again on the same port."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until(what: str, check: Callable[[], Any], seconds: float, every: float = 0.1) -> Any:
    """Returns the first true value of check(); TimeoutError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(every)


class Process:
    """A child process whose output goes to a file, and which the kernel kills when we die."""

    def __init__(self, arguments: list[str], log: Path):
        self.name = Path(arguments[0]).name
        self.log = log
        with log.open("ab") as output:
            self.child = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *arguments],
                                          stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def check_running(self) -> None:
        status = self.child.poll()
        if status is not None:
            last_lines = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
            raise RuntimeError(f"{self.name} ended with status {status}:\n{last_lines}")

    def kill(self) -> None:
        self.child.kill()
        self.child.wait()
