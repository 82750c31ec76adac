"""What `meson install` and the README's commands leave, and what systemd thinks of it."""
import re

import pytest

from tests.harness.programs import ROOT, wait_until
from tests.units.install import LIVE, STAGES, VARIANTS

UNITS = "/usr/local/lib/systemd/system"
REPLAY = "lastgasp-listener-replay@.service"


def test_systemd_finds_nothing_wrong_with_any_unit(installed):
    units = sorted(path.name for path in
                   installed.machine.root.joinpath(UNITS.lstrip("/")).glob("*.*")
                   if path.is_file())
    expected = {"lastgasp-listener.socket", REPLAY, *(f"lastgasp-{s}.service" for s in STAGES),
                *(f"{variant}.service" for variant in VARIANTS)}
    assert set(units) == expected
    # This Debian has no man; that the pages are there is the suite manual's to see.
    done = installed.machine.try_to_run("systemd-analyze", "verify", "--man=no",
                                        "--recursive-errors=no",
                                        *(f"{UNITS}/{unit}" for unit in units))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit, most", [
    ("lastgasp-listener.service", 0.2), (REPLAY, 0.2), ("lastgasp-correlator.service", 1.0),
    ("lastgasp-correlator-dry-run.service", 1.0), ("lastgasp-actuator.service", 1.0),
    ("lastgasp-actuator-dry-run.service", 1.0)])
def test_no_unit_is_exposed_more_than_it_must_be(installed, unit, most):
    words = installed.machine.run("systemd-analyze", "security", "--offline=true", "--no-pager",
                                  f"{UNITS}/{unit}")
    (score,) = re.findall(r"Overall exposure level for .*: ([0-9.]+) ", words)
    assert float(score) <= most, words


def test_what_the_readme_enables_starts_with_the_machine(installed):
    installed.machine.run("systemctl", "enable", *LIVE)
    for unit in LIVE:
        assert installed.show(unit, "UnitFileState") == "enabled"
    for unit in VARIANTS:
        assert installed.show(unit, "UnitFileState") == "static"
    installed.machine.run("systemctl", "disable", *LIVE)


def test_the_checks_that_the_readme_shows_find_nothing_wrong(installed):
    commands = re.findall(r"^ +(runuser (?:.*\\\n)*.*)$",
                          (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        installed.machine.run(*command.replace("\\\n", " ").split())


def test_a_fresh_install_writes_nothing(installed):
    """Whose word to take has to be said here; how far to go has not."""
    node = installed.fleet.add(pods=1)
    installed.options("actuator", "--accept-unverified")
    installed.start()
    installed.panic(node)
    assert installed.ended(node) == "observed"
    assert not installed.fleet.writes(node)


def test_systemctl_status_says_what_each_stage_is_doing(live):
    live.acts()
    for stage, words in (("listener", r"[0-9]+ panics"), ("correlator", r"watches [0-9]+ nodes"),
                         ("actuator", r"incident")):
        wait_until(lambda: re.search(words, live.show(f"lastgasp-{stage}", "StatusText")), 5,
                   f"a status of the {stage} with {words!r}, not "
                   + live.show(f"lastgasp-{stage}", "StatusText"))
        assert "Status: " in live.machine.run("systemctl", "status", f"lastgasp-{stage}")
