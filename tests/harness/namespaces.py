"""Network namespaces without a name: they end with the test process, however that ends."""
import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _check(status: int, what: str) -> None:
    if status != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)} (network namespaces need root)")


def _current() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Namespace:
    """A new one, in which only the loopback device is up."""

    def __init__(self):
        before = _current()
        try:
            _check(_libc.unshare(CLONE_NEWNET), "unshare")
            self._fd = _current()
            _check(_libc.setns(before, CLONE_NEWNET), "setns")
        finally:
            os.close(before)
        # As `ip` takes it in place of a name.
        self.path = f"/proc/{os.getpid()}/fd/{self._fd}"
        self.ip("link set lo up")

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """The calling thread is in it; so are the sockets and processes that it makes there."""
        before = _current()
        try:
            _check(_libc.setns(self._fd, CLONE_NEWNET), "setns")
            yield
        finally:
            _check(_libc.setns(before, CLONE_NEWNET), "setns back")
            os.close(before)

    def run(self, *command: str, given: str = "") -> None:
        """A command to its end, with GIVEN as its standard input."""
        with self.inside():
            done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command} with {given!r}: {done.stderr}"

    def ip(self, *commands: str) -> None:
        """`ip` commands, without the word ip."""
        self.run("ip", "-batch", "-", given="\n".join(commands) + "\n")

    def close(self) -> None:
        os.close(self._fd)
