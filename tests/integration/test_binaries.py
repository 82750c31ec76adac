"""Who may do what is visible in the binaries and the sources, not only in what they do today."""
import re
import subprocess

import pytest

from tests.harness.programs import ROOT, binary

ROLES = ["listener", "correlator", "actuator"]


def needed(program: str) -> set[str]:
    """The shared libraries that a binary asks for by itself."""
    output = subprocess.run(["readelf", "-d", binary(program)], capture_output=True, text=True,
                            check=True).stdout
    return set(re.findall(r"\(NEEDED\).*\[(.+?)\.so", output))


def strings(program: str) -> str:
    return subprocess.run(["strings", "-n", "4", binary(program)], capture_output=True, text=True,
                          check=True).stdout


def sources(folder: str) -> list:
    return [path for path in (ROOT / folder).rglob("*") if path.suffix in (".c", ".h")]


def test_the_listener_can_reach_no_api_server_and_no_database():
    libraries = needed("lastgasp-listener")
    assert not {lib for lib in libraries if re.match("libcurl|libssl|libcrypto|libsqlite|libyaml",
                                                     lib)}
    assert any(lib.startswith("libevent") for lib in libraries)


def test_only_the_correlator_serves_http():
    serving = {program for program in ("lastgasp-listener", "lastgasp-correlator",
                                       "lastgasp-actuator", "lastgasp-incidents")
               if any(lib.startswith("libevent_extra") for lib in needed(program))}
    assert serving == {"lastgasp-correlator"}


def test_the_correlator_keeps_no_database():
    assert "libsqlite3" not in needed("lastgasp-correlator")


def test_the_incidents_command_can_reach_no_api_server():
    assert "libsqlite3" in needed("lastgasp-incidents")
    assert not {lib for lib in needed("lastgasp-incidents") if lib.startswith("libcurl")}


@pytest.mark.parametrize("verb", ["PATCH", "POST", "DELETE"])
def test_only_the_actuator_knows_the_verbs_that_write(verb):
    assert re.search(rf"^{verb}$", strings("lastgasp-actuator"), re.MULTILINE)
    for program in ("lastgasp-listener", "lastgasp-correlator", "lastgasp-incidents"):
        assert not re.search(rf"\b{verb}\b", strings(program)), program


def test_only_these_source_files_name_the_verbs_that_write():
    named = [path.relative_to(ROOT).as_posix()
             for folder in ("common", *ROLES) for path in sources(folder)
             if re.search(r'"(PATCH|POST|DELETE|PUT)"', path.read_text())]
    assert sorted(named) == ["actuator/bodies.c", "actuator/check.c", "actuator/ledger.c",
                             "actuator/sweep.c"]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_includes_another_roles_sources(role):
    others = [other for other in ROLES if other != role]
    for path in sources(role):
        assert not re.search(rf'#include "(\.\./)*({"|".join(others)})/', path.read_text()), path


def test_common_includes_no_role():
    assert sources("common")
    for path in sources("common"):
        assert not re.search(rf'#include "(\.\./)*({"|".join(ROLES)})/', path.read_text()), path


@pytest.mark.parametrize("program", ["lastgasp-listener", "lastgasp-correlator",
                                     "lastgasp-actuator"])
def test_no_program_starts_threads_of_its_own(program):
    symbols = subprocess.run(["nm", "-D", "--undefined-only", binary(program)],
                             capture_output=True, text=True, check=True).stdout
    assert "pthread_create" not in symbols
