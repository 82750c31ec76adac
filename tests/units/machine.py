"""A Debian 12 with a systemd of its own, in a container; what is written in it ends with it."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess

from tests.harness.programs import die_with_parent, wait_until

NAME = "lastgasp-units"
# In a process namespace, so that a test run that is killed leaves no machine behind; in our network
# namespace, so that both can talk over loopback.  Without bpf there is no IPAddressAllow=, without
# CAP_NET_ADMIN no ReceiveBuffer= over the system's limit.
BOOT = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
        "systemd-nspawn", "--quiet", f"--machine={NAME}", "--volatile=overlay", "--boot",
        "--register=no", "--keep-unit", "--console=pipe", "--resolv-conf=off",
        "--link-journal=no", "--system-call-filter=bpf", "--capability=CAP_NET_ADMIN")
# What nspawn makes for every machine and leaves behind.
LEFT = pathlib.Path("/run/systemd/nspawn/propagate") / NAME


def _child(pid: int, program: str) -> int:
    """The child of PID that runs that program by now; 0 while there is none."""
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):  # nspawn has short-lived children on the way
            if os.readlink(f"/proc/{child}/exe").endswith(f"/{program}"):
                return int(child)
    return 0


class Machine:
    def __init__(self, tree: str, console: pathlib.Path, shared: dict[str, pathlib.Path]):
        """SHARED: folders of ours, by where they are seen there."""
        command = [*BOOT, f"--directory={tree}",
                   *(f"--bind={ours}:{theirs}" for theirs, ours in shared.items())]
        with open(console, "wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, "SYSTEMD_NSPAWN_LOCK": "0"}, preexec_fn=die_with_parent)
        self._nspawn = self._leader = 0
        try:
            wait_until(self._is_up, 60, "the machine booting")
        except BaseException:
            self.stop()
            print(console.read_text(errors="replace"))
            raise

    def _is_up(self) -> bool:
        assert self._process.poll() is None, "systemd-nspawn ended"
        self._nspawn = self._nspawn or _child(self._process.pid, "systemd-nspawn")
        self._leader = self._leader or (self._nspawn and _child(self._nspawn, "systemd"))
        if not self._leader:
            return False
        state = self.try_to_run("systemctl", "is-system-running").stdout.strip()
        return state in ("running", "degraded")

    @property
    def root(self) -> pathlib.Path:
        """Its file system as root sees it from here."""
        return pathlib.Path(f"/proc/{self._leader}/root")

    def try_to_run(self, *command: str, seconds: float = 60) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["nsenter", f"--target={self._leader}", "--all", "--", *command], text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LANG": "C.UTF-8"})

    def run(self, *command: str, seconds: float = 60) -> str:
        """As root, to its end, which must be good; what it printed."""
        done = self.try_to_run(*command, seconds=seconds)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def stop(self) -> None:
        if self._nspawn and self._process.poll() is None:
            os.kill(self._nspawn, signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                pass
        self._process.kill()
        self._process.wait()
        shutil.rmtree(LEFT, ignore_errors=True)
