"""lastgasp in a machine: installed as the README says, and what an operator does with it then."""
import os
import pathlib
import re
import subprocess

from tests.apiserver.apiserver import ApiServer
from tests.harness import captures, kubeconfig, ledger
from tests.harness.fleet import Fleet, Node
from tests.harness.pipeline import PANIC, incidents
from tests.harness.programs import ROOT, build_folder, wait_until
from tests.units.machine import Machine

STAGES = ("listener", "correlator", "actuator")
LIVE = ("lastgasp-listener.socket", "lastgasp-correlator", "lastgasp-actuator")
VARIANTS = ("lastgasp-correlator-dry-run", "lastgasp-actuator-dry-run")
STATES = ("/var/lib/lastgasp-actuator", "/var/lib/lastgasp-actuator-dry-run")
PORT = 6666
# Nobody has to ask a machine of these tests whether it is dead: that is other suites' to try.
OPTIONS = {
    "correlator": ("--verify=none",),
    "actuator": ("--accept-unverified", "--mode=node", *ledger.UNLIMITED),
}


def shown(section: str) -> list[str]:
    """The commands of the first block in a section of the README."""
    text = (ROOT / "README.md").read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    block = re.search(r"(?:^ {4}.*\n)+", text, re.MULTILINE)
    assert block, f"the README shows no command in {section}"
    return [line.strip() for line in block.group(0).splitlines()]


def replace(path: pathlib.Path, text: str, like: pathlib.Path | None = None) -> None:
    """By rename, as whoever rotates a file does; it is LIKE's owner's, or its former owner's."""
    owner = os.stat(like or path)
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    os.chown(new, owner.st_uid, owner.st_gid)
    new.chmod(0o640)
    new.rename(path)


class Installation:
    def __init__(self, machine: Machine, api: ApiServer, histories: dict[str, pathlib.Path]):
        self.machine, self.api, self.fleet = machine, api, Fleet(api)
        self.histories = histories
        self._install()

    def _install(self) -> None:
        setup, install, *rest = shown("Building and installing")
        assert setup.startswith("meson setup ") and install.startswith("meson install ")
        subprocess.run(["meson", "install", "--no-rebuild", "--quiet", "-C", build_folder(),
                        f"--destdir={self.machine.root}"], check=True, capture_output=True)
        for command in rest:
            self.machine.run(*command.split())

    def folder(self, stage: str) -> pathlib.Path:
        return self.machine.root / f"etc/lastgasp-{stage}"

    def write(self, stage: str, name: str, text: str) -> pathlib.Path:
        """A file for the stage to read, as the folder that holds it says: of its group."""
        path = self.folder(stage) / name
        replace(path, text, self.folder(stage))
        return path

    def identify(self, user: dict[str, dict] | None = None) -> None:
        """Gives both clients a kubeconfig; by token file, unless USER says otherwise."""
        for stage in ("correlator", "actuator"):
            there = f"/etc/lastgasp-{stage}"
            self.write(stage, "token", self.api.token(stage) + "\n")
            self.write(stage, "ca.crt", self.api.ca.read_text())
            who = (user or {}).get(stage, {"tokenFile": f"{there}/token"})
            path = self.folder(stage) / "kubeconfig"
            kubeconfig.kubeconfig(path, {"server": self.api.url,
                                         "certificate-authority": f"{there}/ca.crt"}, who)
            self.write(stage, "kubeconfig", path.read_text())

    def options(self, stage: str, *options: str) -> None:
        self.write(stage, "options", f"OPTIONS={' '.join(options)}\n")

    def reset(self) -> None:
        """Nothing runs, nothing is pending, there is no history; all are set up to act."""
        self.stop(*LIVE, "lastgasp-listener", *VARIANTS)
        self.machine.run("sh", "-c", "rm -rf /run/lastgasp-listener /run/lastgasp-*/*.sock "
                         "/var/lib/lastgasp-*/* /run/systemd/system/lastgasp-* "
                         "/etc/systemd/system.control/lastgasp-* /etc/lastgasp-*/*")
        self.machine.run("systemctl", "daemon-reload")
        self.machine.try_to_run("systemctl", "reset-failed")
        ledger.load(self.api)
        self.api.renew(0)
        self.api.set_tokens({self.api.token(user): user
                             for user in ("admin", "correlator", "actuator")})
        self.identify()
        for stage, options in OPTIONS.items():
            self.options(stage, *options)
        self.since = self.machine.run("date", "+@%s.%N").strip()

    def start(self, *units: str) -> None:
        self.machine.run("systemctl", "start", *(units or (*LIVE, "lastgasp-listener")))

    def stop(self, *units: str) -> None:
        self.machine.run("systemctl", "stop", *units)

    def show(self, unit: str, prop: str) -> str:
        return self.machine.run("systemctl", "show", "--value", f"--property={prop}", unit).strip()

    def is_active(self, unit: str) -> bool:
        return self.show(unit, "ActiveState") == "active"

    def journal(self, *units: str) -> str:
        """What those units, or all, have logged since the last reset."""
        return self.machine.run("journalctl", "--no-hostname", f"--since={self.since}",
                                *(f"--unit={unit}" for unit in units))

    def signal(self, stage: str, name: str) -> bool:
        """To the stage's process; false when there was none."""
        return self.machine.try_to_run("systemctl", "kill", "--kill-who=main", f"--signal={name}",
                                       f"lastgasp-{stage}.service").returncode == 0

    def connects(self, user: str, path: str) -> bool:
        done = self.machine.try_to_run("runuser", "-u", user, "--", "socat", "-u", "OPEN:/dev/null",
                                       f"UNIX-CONNECT:{path},type=5")
        assert done.returncode == 0 or "Permission denied" in done.stderr, done.stderr
        return done.returncode == 0

    def uid(self, user: str) -> int:
        return int(self.machine.run("id", "-u", user))

    def gid(self, group: str) -> int:
        return int(self.machine.run("getent", "group", group).split(":")[2])

    def udp_socket(self) -> tuple[str, int]:
        """Of those that bound the port by IPv4: its number in the kernel, and how many datagrams
        it did not take."""
        (line,) = [line.split() for line in pathlib.Path("/proc/net/udp").read_text().splitlines()
                   if f":{PORT:04X} " in line]
        return line[9], int(line[-1])

    def panic(self, node: Node, capture: str = PANIC) -> None:
        target = "::1" if ":" in node.address else "127.0.0.1"
        captures.send(capture, node.address, (target, PORT), 0.002)

    def say(self, node: Node, datagram: bytes) -> None:
        with captures.sender(node.address) as sock:
            sock.sendto(datagram, ("127.0.0.1", PORT))

    def incidents(self, state: str = STATES[0]) -> list[dict]:
        return incidents(self.histories[state])

    def ended(self, node: Node, seconds: float = 30) -> str:
        """The outcome of that Node's only incident, once it is closed."""
        def closed():
            return [row for row in self.incidents()
                    if row["node"] == node.name and row["state"] == "closed"]
        (row,) = wait_until(closed, seconds, f"an incident of {node.name} that is closed")
        return row["outcome"]

    def acts(self) -> None:
        """A node that panics now is deleted: all stages are there and may do what they must."""
        node = self.fleet.add(pods=1)
        self.panic(node)
        assert self.ended(node) == "deleted"
        assert not self.api.exists(node.path)

