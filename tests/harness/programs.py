"""Starts lastgasp's programs and stops them by pid, also when a test fails."""
import ctypes
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PR_SET_PDEATHSIG = 1


def build_folder() -> pathlib.Path:
    return pathlib.Path(os.environ.get("LASTGASP_BUILD", ROOT / ".build" / "plain"))


def binary(name: str) -> str:
    role = name.removeprefix("lastgasp-")
    return str(build_folder() / ("actuator" if role == "incidents" else role) / name)


def die_with_parent() -> None:
    """Runs in the child: a test run that is killed leaves no program behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_until(condition, seconds: float = 10.0, what: str = "the condition"):
    """The first true value of condition(); AssertionError naming WHAT when time is up."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def free_udp_port(address: str = "127.0.0.1") -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Program:
    """One running program; its log lines are in .log(), with the journal's prefixes."""

    def __init__(self, name: str, *arguments: str, folder: pathlib.Path, wrapper=(), env=None,
                 stdin=subprocess.DEVNULL):
        self.name = name
        self.log_path = folder / f"{name}-{time.monotonic_ns()}.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*wrapper, binary(name), *arguments], stdin=stdin, stdout=log, stderr=log,
                env={**os.environ, **(env or {})}, preexec_fn=die_with_parent)

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def wait_for(self, pattern: str, seconds: float = 10.0) -> str:
        def find():
            assert self.process.poll() is None or re.search(pattern, self.log()), \
                f"{self.name} ended with {self.process.returncode}:\n{self.log()}"
            return re.search(pattern, self.log())
        return wait_until(find, seconds, f"{self.name} logging {pattern!r}; it logged:\n"
                          + self.log()).group(0)

    def kill(self) -> None:
        """SIGKILL, as an operator or the kernel's out-of-memory killer would."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds: float = 10.0) -> int:
        """SIGTERM; returns the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{self.name} did not end within {seconds} s of SIGTERM:\n"
                                     + self.log()) from None
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if kind is not None:
            print(f"--- {self.name}\n{self.log()}")
            if self.process.poll() is None:
                self.kill()
        else:
            self.stop()


def run(name: str, *arguments: str, seconds: float = 20.0) -> subprocess.CompletedProcess:
    """Runs a program to its end, as a person would at a shell."""
    return subprocess.run([binary(name), *arguments], capture_output=True, text=True,
                          timeout=seconds, check=False, stdin=subprocess.DEVNULL)
