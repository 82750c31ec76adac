"""A guest: a virtual machine that boots a Debian kernel in QEMU's software emulation."""
import contextlib
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time

from tests.harness.namespaces import Namespace
from tests.harness.programs import die_with_parent, wait_until

HERE = pathlib.Path(__file__).parent
MEGABYTES = 192
# One processor: of two, which take turns here, the one that is not running may hold the network
# card's lock for longer than netpoll waits for it, and nothing of a panic gets out.
# No console on the port that the tests talk through: a kernel that writes to it would interrupt.
# Kernels leave a hole for ramoops: what is in it outlives a panic and the boot that follows.
HOLE, HOLE_SIZE = 0x6000000, 0x80000
COMMAND_LINE = f"console=ttyS0 panic=0 loglevel=7 memmap={HOLE_SIZE}${HOLE}"
DISK_SIZE = 1 << 20
PANIC_END = "---[ end Kernel panic"
BOOT_SECONDS = 90  # of a guest among others on two cores that somebody else works on, too


def initramfs(base: pathlib.Path, files: dict[str, pathlib.Path | str]) -> bytes:
    """BASE and after it, which the kernel unpacks over it, FILES: programs, or a file's content."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else content.read_text())
            path.chmod(0o644 if isinstance(content, str) else 0o755)
        names = "\n".join(str(path.relative_to(folder))
                          for path in sorted(pathlib.Path(folder).rglob("*")))
        packed = subprocess.run(["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet"], cwd=folder,
                                input=names.encode(), stdout=subprocess.PIPE, check=True).stdout
    return base.read_bytes() + packed


class Guest:
    """It is running once it is made, and listens to commands after wait_booted()."""

    def __init__(self, folder: pathlib.Path, kernel: pathlib.Path, namespace: Namespace, tap: str,
                 files: dict[str, pathlib.Path | str]):
        """KERNEL: a folder of build-guest's.  TAP: the device in NAMESPACE that its network card is
        connected to.  FILES: of its initramfs, besides /init."""
        self.folder, self.tap = folder, tap
        self.address = self.address6 = ""
        self.boots: list[str] = []  # boot ids, oldest first
        self.alive_at = 0.0  # when it last said so, by the monotonic clock
        self.said: list[str] = []
        self._done: list[int] = []
        folder.mkdir()
        (folder / "initrd").write_bytes(
            initramfs(kernel / "base.cpio", {"init": HERE / "guest" / "init", **files}))
        with open(folder / "disk", "wb") as disk:
            disk.truncate(DISK_SIZE)
        number = int(re.search(r"\d+$", tap).group())
        with namespace.inside():
            self.process = subprocess.Popen(
                ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                 "-machine", "pc", "-accel", "tcg,thread=single", "-cpu", "qemu64", "-smp", "1",
                 "-m", str(MEGABYTES), "-kernel", kernel / "vmlinuz", "-initrd", folder / "initrd",
                 "-append", COMMAND_LINE,
                 "-netdev", f"tap,id=net,ifname={tap},script=no,downscript=no",
                 "-device", f"virtio-net-pci,netdev=net,romfile=,mac=52:54:00:66:00:{number:02x}",
                 "-drive", f"file={folder / 'disk'},format=raw,if=none,id=disk",
                 "-device", "virtio-blk-pci,drive=disk",
                 "-serial", f"file:{folder / 'console'}", "-serial", "stdio", "-monitor", "none"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for raw in self.process.stdout:
            line = raw.decode(errors="replace").strip()
            if line == "@alive":
                self.alive_at = time.monotonic()
            elif line.startswith("@boot "):
                self.boots.append(line.removeprefix("@boot "))
            elif line.startswith("@done "):
                self._done.append(int(line.removeprefix("@done ")))
            else:
                self.said.append(line)

    def console(self) -> str:
        return (self.folder / "console").read_text(errors="replace")

    def wait_booted(self, times: int = 1) -> None:
        def booted() -> bool:
            assert self.process.poll() is None, f"{self.tap}: QEMU ended: {self.said}"
            return len(self.boots) >= times
        wait_until(booted, BOOT_SECONDS, f"boot {times} of the guest at {self.tap}; its console is "
                   f"{self.folder / 'console'}")

    def type(self, command: str) -> float:
        """A command that may be its last; returns when it was typed, in seconds since 1970."""
        at = time.time()
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        return at

    def run(self, command: str, seconds: float = 30) -> list[str]:
        """A command that is to succeed; returns the lines that it printed."""
        before, lines = len(self._done), len(self.said)
        self.type(command)
        wait_until(lambda: len(self._done) > before, seconds, f"the end of {command!r}")
        assert self._done[-1] == 0, f"{command!r}: status {self._done[-1]}: {self.said[lines:]}"
        return self.said[lines:]

    def has_panicked(self) -> bool:
        return PANIC_END in self.console()

    def stop_after_panic(self) -> None:
        """A kernel that has panicked spins for ever, on a core that others can use."""
        def watch() -> None:
            while self.process.poll() is None and not self.has_panicked():
                time.sleep(0.2)
            time.sleep(1)
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGSTOP)
        threading.Thread(target=watch, daemon=True).start()

    def lives(self, within: float) -> bool:
        """Whether it said so within the last so many seconds."""
        return time.monotonic() - self.alive_at < within

    def end(self) -> None:
        """Pulls its plug; again does nothing."""
        self.process.kill()
        self.process.wait()
        self._reader.join(5)
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
