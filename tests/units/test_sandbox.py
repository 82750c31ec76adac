"""Every way that a stage has to go, gone inside its sandbox."""
import os
import shutil
import subprocess

import pytest

from tests.harness.programs import wait_until
from tests.units.install import PORT, STAGES, STATES, Installation, replace

TOKEN = "9f2c6b1e0d7a4853"
CLIENTS = ("correlator", "actuator")


def misses_nothing(installation: Installation) -> None:
    journal = installation.journal(*(f"lastgasp-{stage}" for stage in STAGES))
    for words in ("cannot", "ermission denied", "not permitted", "Read-only", "SYS"):
        assert words not in journal


def test_no_stage_misses_anything_in_its_sandbox(live):
    live.acts()
    misses_nothing(live)
    assert [live.show(f"lastgasp-{stage}", "NRestarts") for stage in STAGES] == ["0"] * 3


def test_a_new_token_is_taken_up(live):
    live.acts()
    live.api.set_tokens({live.api.token("admin"): "admin", **{f"new-{s}": s for s in CLIENTS}})
    for stage in CLIENTS:
        replace(live.folder(stage) / "token", f"new-{stage}\n")
    live.api.watches("close")
    live.acts()


def give_certificates(installation: Installation) -> None:
    for stage in CLIENTS:
        for kind in ("crt", "key"):
            source = installation.api.directory / f"{stage}.{kind}"
            installation.write(stage, f"client.{kind}", source.read_text())


def test_new_certificates_are_taken_up(installed):
    installed.identify({stage: {"client-certificate": f"/etc/lastgasp-{stage}/client.crt",
                                "client-key": f"/etc/lastgasp-{stage}/client.key"}
                        for stage in CLIENTS})
    give_certificates(installed)
    installed.start()
    installed.acts()
    installed.api.rotate("clients")
    give_certificates(installed)
    installed.api.watches("close")
    installed.acts()
    installed.api.rotate("server")
    installed.api.away()
    installed.api.away(False)
    installed.acts()


def give_tokens(installation: Installation, text: str) -> None:
    path = installation.write("listener", "tokens", text)
    path.chmod(0o600)
    shutil.chown(path, installation.uid("lastgasp-listener"))


def test_a_token_file_of_the_listener_is_read_again(installed):
    give_tokens(installed, f"{TOKEN}\n")
    installed.options("listener", "--require-token=/etc/lastgasp-listener/tokens")
    installed.start()
    line = b"0,77,%d000000,-;Kernel panic - not syncing: sysrq triggered crash\n token=%s\n"
    node, other = installed.fleet.add(pods=0), installed.fleet.add(pods=0)
    installed.say(node, line % (100, TOKEN.encode()))
    assert installed.ended(node) == "deleted"
    give_tokens(installed, f"{TOKEN[::-1]}\n")

    def is_believed() -> bool:
        installed.say(other, line % (200, TOKEN[::-1].encode()))
        return any(row["node"] == other.name for row in installed.incidents())
    wait_until(is_believed, 20, "the new token being good")


def on_ipv6(obj: dict) -> None:
    obj["status"]["addresses"][0]["address"] = "fd66::5"


def test_a_datagram_over_ipv6_is_heard(live):
    node = live.fleet.change(live.fleet.add(pods=1), on_ipv6)
    live.panic(node)
    assert live.ended(node) == "deleted"


def test_the_correlator_asks_a_machine_that_lives(installed):
    """Its kernel answers for the port that nobody listens on."""
    node = installed.fleet.add(pods=0)
    installed.options("correlator", "--alive=1s")
    installed.api.renew(0.2)
    installed.start()
    wait_until(lambda: "addresses are Nodes'" in installed.journal("lastgasp-listener"))
    installed.panic(node)
    wait_until(lambda: f"node {node.name} is alive, not acted on"
               in installed.journal("lastgasp-correlator"), 15, "the verdict")
    assert not installed.incidents() and not installed.fleet.writes(node)
    misses_nothing(installed)


def test_hundreds_of_nodes_fit_in_the_queue(live):
    words = subprocess.run(["ss", "--udp", "--listening", "--numeric", "--memory",
                            f"sport = :{PORT}"], check=True, text=True, capture_output=True).stdout
    assert words.count("rb268435456,") == 2, words  # the kernel doubles what it is asked for


def test_only_the_networks_that_were_named_are_heard(live):
    inside, outside = live.fleet.add(pods=0), live.fleet.add(pods=0)
    socket, _ = live.udp_socket()
    live.machine.run("systemctl", "set-property", "lastgasp-listener.socket", "IPAddressDeny=any",
                     f"IPAddressAllow={inside.address}/32 fd66::/64")
    live.panic(outside)
    live.panic(inside)
    assert live.ended(inside) == "deleted"
    assert live.udp_socket()[0] == socket
    live.stop("lastgasp-listener.socket", "lastgasp-listener")
    live.start()
    other = live.fleet.change(live.fleet.add(pods=0), on_ipv6)
    live.panic(outside)
    live.panic(other)
    assert live.ended(other) == "deleted"
    assert not [row for row in live.incidents() if row["node"] == outside.name]


@pytest.mark.parametrize("who, reads, may_pause", [
    ("root", True, True), ("reader", True, False), ("nobody", False, False)])
def test_people_look_at_the_history_beside_the_running_actuator(live, who, reads, may_pause):
    if live.machine.try_to_run("id", "reader").returncode:
        live.machine.run("useradd", "--groups", "lastgasp-history", "reader")
    live.acts()
    node = live.incidents()[0]["node"]

    def ask(*words: str):
        return live.machine.try_to_run("runuser", "-u", who, "--", "lastgasp-incidents", *words)
    assert (node in ask("list").stdout) == reads
    assert (ask("pause").returncode == 0) == may_pause
    if may_pause:
        assert ask("resume").returncode == 0
    live.acts()


def test_a_history_belongs_to_its_readers_and_nobody_else_may_look(live):
    live.acts()
    group = live.gid("lastgasp-history")
    files = list(live.histories[STATES[0]].iterdir())
    assert len(files) >= 3
    for path in files:
        assert path.stat().st_gid == group and os.stat(path).st_mode & 0o007 == 0, path
