"""What the node says of itself, and of its last boot."""
import os
import pathlib
import subprocess

import pytest

from tests.node.node import BOOT, OLD_BOOT

DUMP = """Panic#1 Part{part}
<4>[   11.9] before
<0>[   12.{number}] Kernel panic - not syncing: Fatal exception
<0>[   12.9] ---[ end Kernel panic - not syncing: Fatal exception ]---
"""


def stopping(node, journal: str) -> str:
    """A PATH on which systemd is shutting down and JOURNAL is its journal."""
    folder = node.root / "bin"
    folder.mkdir(exist_ok=True)
    for name, text in {"systemctl": "stopping", "journalctl": journal}.items():
        folder.joinpath(name).write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
        folder.joinpath(name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def late(node) -> list[str]:
    return [line for line in node.kmsg().splitlines() if "lastgasp: late" in line]


def test_a_heartbeat_is_at_a_level_that_the_console_prints(node):
    node.start()
    assert f"<3>lastgasp: heartbeat node=worker-1 boot={BOOT} every=300\n" in node.kmsg()


def test_a_drill_has_an_id_of_its_own(node):
    for _ in range(2):
        assert node.command("drill").returncode == 0
    first, second = node.kmsg().splitlines()
    assert first.startswith(f"<3>lastgasp: drill node=worker-1 boot={BOOT} id=")
    assert first != second


@pytest.mark.parametrize("release,before,after", [
    ("6.1.0-18-amd64", "-1", "10"), ("6.1.0-18-amd64", "0", "0"), ("6.12.1", "30", "30"),
    ("7.3.4", "30", "0")])
def test_kernel_panic_lets_the_last_datagrams_out(node, release, before, after):
    node.write("proc/sys/kernel/osrelease", release)
    node.write("proc/sys/kernel/panic", before)
    node.start()
    assert node.sysctl("panic") == after
    assert f"kernel.panic is {after} (was {before}): " in node.log()
    assert node.sysctl("panic_on_oops") == "0"


def test_panic_on_oops_is_set_when_asked(node):
    node.options("PANIC_ON_OOPS=1")
    node.start()
    assert node.sysctl("panic_on_oops") == "1"


def test_a_halt_says_who_asked(node):
    node.start()
    path = stopping(node, "alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/sbin/halt -p")
    assert node.command("halt", path=path).returncode == 0
    assert node.userdata("halt") == "alice ran sudo halt -p"


def test_a_shutdown_keeps_the_targets(node):
    node.start(stopping(node, "The system will power off now!"))
    node.stop()
    assert node.shows(0, "enabled") == "1"
    assert node.userdata("halt") == "The system will power off now!"


def test_the_last_panic_is_sent_once_with_the_old_boot(node):
    node.write("var/lib/lastgasp-netconsole/boot", OLD_BOOT + "\n")
    node.write("sys/fs/pstore/dmesg-efi-1", DUMP.format(part=1, number=5))
    for _ in range(2):
        node.start()
        node.stop()
    # systemd-pstore takes it away meanwhile.
    node.write("var/lib/systemd/pstore/17/dmesg-efi-1", DUMP.format(part=1, number=5))
    node.start()
    node.stop()
    assert late(node) == [f"<3>lastgasp: late boot={OLD_BOOT} part={part}/3 {text}"
                          for part, text in enumerate((
                              "before", "Kernel panic - not syncing: Fatal exception",
                              "---[ end Kernel panic - not syncing: Fatal exception ]---"), 1)]


def test_what_is_older_than_the_first_start_is_passed_over(node):
    node.write("sys/fs/pstore/dmesg-efi-1", DUMP.format(part=1, number=5))
    node.start()
    node.stop()
    assert not late(node)


def test_a_hook_can_send_a_log_whose_lines_are_long(node, tmp_path):
    log = tmp_path / "dmesg.1"
    log.write_text("[ 1.0] old\n" * 50 + "[ 9.0] Kernel panic - not syncing: x\n"
                   + f"[ 9.1] {'y' * 2000}\n" + "[ 9.2] more\n" * 100)
    assert node.command("late", str(log), OLD_BOOT).returncode == 0
    lines = late(node)
    assert len(lines) == 40 and max(map(len, lines)) < 1000
    assert sum("Kernel panic - not syncing: x" in line for line in lines) == 1


def test_check_is_quiet_about_what_is_fine_and_names_what_is_not(node):
    node.start()
    assert (node.command("--check").stdout, node.command("--check").returncode) == ("", 0)
    node.write("proc/sys/kernel/osrelease", "7.3.4")
    node.write("proc/sys/kernel/panic", "5")
    node.write("proc/sys/kernel/printk", "0 4 1 7")
    node.options(hosts="10.9.0.1 127.0.0.1")
    done = node.command("--check")
    assert done.returncode == 1
    for words in ("kernel.panic is not 0: ", "kernel.printk is 0: ",
                  "cannot send to 127.0.0.1: it is an address of this machine"):
        assert words in done.stdout


def test_the_program_is_plain_shell():
    program = pathlib.Path(__file__).parents[2] / "systemd/node/lastgasp-netconsole"
    subprocess.run(["shellcheck", program], check=True)
