"""A node that is a network namespace behind a gateway; files stand for its kernel."""
import os
import pathlib
import signal
import subprocess

from tests.harness.programs import ROOT, die_with_parent, wait_until

PROGRAM = ROOT / "systemd/node/lastgasp-netconsole"
BOOT, OLD_BOOT = "11111111-aaaa", "00000000-bbbb"
COLLECTORS = ("10.9.0.1", "fd09::1")
GATEWAY_MAC = "02:00:00:00:00:01"


def _prepare() -> None:
    """A shell takes no signal that was ignored when it began, as under nohup."""
    die_with_parent()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


class Node:
    def __init__(self, folder: pathlib.Path, shell: list[str], release: str = "6.12.1"):
        self.root, self.shell, self.process = folder / "root", shell, None
        self.name, self.gateway = f"lgn{os.getpid()}", f"lgg{os.getpid()}"
        for path, text in {"proc/sys/kernel/random/boot_id": BOOT,
                           "proc/sys/kernel/osrelease": release,
                           "proc/sys/kernel/panic": "-1", "proc/sys/kernel/panic_on_oops": "0",
                           "proc/sys/kernel/printk": "4\t4\t1\t7",
                           "sys/kernel/kexec_crash_loaded": "1", "dev/kmsg": "",
                           "run/lastgasp-netconsole/.keep": ""}.items():
            self.write(path, text + "\n" if text else "")
        self.root.joinpath("sys/class").symlink_to("/sys/class")
        for number in range(len(COLLECTORS)):
            self.write(f"sys/kernel/config/netconsole/lastgasp{number}/release", "0\n")
            self.target(number).joinpath("userdata").mkdir()
        self.options()

    def __enter__(self):
        for name in (self.name, self.gateway):
            ip("netns", "add", name)
            subprocess.run(["ip", "netns", "exec", name, "sh", "-c",
                            "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad"], check=True)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", self.name, "link", "add", "eth0", "type", "veth", "peer", "name", "gw0", "netns",
           self.gateway)
        ip("-n", self.gateway, "link", "set", "gw0", "address", GATEWAY_MAC, "up")
        ip("-n", self.gateway, "address", "add", "10.1.0.1/24", "dev", "gw0")
        ip("-n", self.gateway, "address", "add", "fd01::1/64", "dev", "gw0", "nodad")
        for address in ("10.9.0.1/32", "fd09::1/128"):
            ip("-n", self.gateway, "address", "add", address, "dev", "lo")
        ip("-n", self.name, "link", "set", "eth0", "up")
        self.address_on("eth0")
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            for name in (self.name, self.gateway):
                subprocess.run(["ip", "netns", "delete", name], check=False)

    def address_on(self, device: str) -> None:
        ip("-n", self.name, "address", "add", "10.1.0.2/24", "dev", device)
        ip("-n", self.name, "address", "add", "fd01::2/64", "dev", device, "nodad")
        ip("-n", self.name, "route", "add", "default", "via", "10.1.0.1")
        ip("-n", self.name, "-6", "route", "add", "default", "via", "fd01::1")

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def options(self, more: str = "", hosts: str = " ".join(COLLECTORS)) -> None:
        self.write("etc/lastgasp-netconsole/options", f'HOSTS="{hosts}"\nNODE=worker-1\n{more}\n')

    def command(self, *words: str, path: str | None = None) -> subprocess.CompletedProcess:
        return subprocess.run(self._words(*words), env=self._environment(path), timeout=20,
                              capture_output=True, text=True)

    def start(self, path: str | None = None) -> None:
        with open(self.root / "log", "ab") as log:
            self.process = subprocess.Popen(self._words("run"), env=self._environment(path),
                                            stderr=log, preexec_fn=_prepare)
        wait_until(lambda: "lastgasp: heartbeat" in self.kmsg(), 15, self.log())

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def _words(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *self.shell, str(PROGRAM), *words]

    def _environment(self, path: str | None) -> dict[str, str]:
        return {**os.environ, "LASTGASP_ROOT": str(self.root), "PATH": path or os.environ["PATH"]}

    def target(self, number: int) -> pathlib.Path:
        return self.root / f"sys/kernel/config/netconsole/lastgasp{number}"

    def shows(self, number: int, name: str) -> str:
        file = self.target(number) / name
        return file.read_text().strip() if file.exists() else ""

    def userdata(self, name: str, number: int = 0) -> str:
        return self.shows(number, f"userdata/{name}/value")

    def sysctl(self, name: str) -> str:
        return self.root.joinpath("proc/sys/kernel", name).read_text().strip()

    def kmsg(self) -> str:
        return self.root.joinpath("dev/kmsg").read_text()

    def forget_log(self) -> None:
        os.truncate(self.root / "log", 0)

    def log(self) -> str:
        return self.root.joinpath("log").read_text()
