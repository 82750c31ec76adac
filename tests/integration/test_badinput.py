"""What people and machines get wrong at the start: named, with the exit status, nothing touched."""
import pathlib
import shutil
import socket
import sqlite3

import pytest

from tests.harness.programs import Program, run, wait_until

STATE = "state"


def arguments(program: str, folder: pathlib.Path, api, **changes: str | None) -> list[str]:
    """A command line that would work, with changes; None leaves an option out."""
    options = {
        "listener": {"listen": "127.0.0.1:0", "to": f"{folder}/c", "pending": f"{folder}/pending"},
        "correlator": {"socket": f"{folder}/c", "to": f"{folder}/a", "verify": "none",
                       "kubeconfig": api.kubeconfig("correlator")},
        "actuator": {"socket": f"{folder}/a", "state": f"{folder / STATE}",
                     "kubeconfig": api.kubeconfig("actuator")},
        "incidents": {"state": f"{folder / STATE}"},
    }[program] | {name.replace("_", "-"): value for name, value in changes.items()}
    (folder / STATE).mkdir(exist_ok=True)
    return [f"--{name}={value}" for name, value in options.items() if value is not None]


def fails(program: str, options: list[str], status: int, *words: str) -> str:
    done = run(f"lastgasp-{program}", *options, seconds=10)
    assert done.returncode == status, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    return done.stderr


ALL = ["listener", "correlator", "actuator", "incidents"]


@pytest.mark.parametrize("program", ALL)
def test_an_unknown_option_is_named(program, tmp_path, api):
    fails(program, [*arguments(program, tmp_path, api), "--surprise=1"], 2, "--surprise")


@pytest.mark.parametrize("program", ALL)
def test_help_and_version_are_printed_and_name_every_option(program, tmp_path, api):
    helped = run(f"lastgasp-{program}", "--help")
    assert helped.returncode == 0 and helped.stderr == ""
    for option in arguments(program, tmp_path, api):
        assert option.split("=")[0] in helped.stdout
    version = run(f"lastgasp-{program}", "--version")
    assert version.returncode == 0 and version.stdout.startswith(f"lastgasp-{program} 0.")


@pytest.mark.parametrize("program, change, words", [
    ("correlator", {"expire": "0s"}, ["--expire=0s", "1s", "1d"]),
    ("correlator", {"expire": "soon"}, ["--expire=soon", "10s"]),
    ("correlator", {"verify": "hope"}, ["--verify=hope", "none"]),
    ("actuator", {"mode": "destroy"}, ["--mode=destroy", "observe", "annotate", "pods", "node"]),
    ("actuator", {"dry_run": "maybe"}, ["--dry-run=maybe", "local", "server"]),
    ("actuator", {"domain": "not a domain"}, ["--domain=not a domain"]),
    ("actuator", {"domain": "kubernetes.io"}, ["--domain=kubernetes.io"]),
    ("listener", {"listen": "nowhere"}, ["nowhere"]),
    ("listener", {"listen": "127.0.0.1:70000"}, ["70000"]),
    ("listener", {"listen": None}, ["--listen"]),
    ("listener", {"to": None}, ["--to"]),
    ("correlator", {"to": None}, ["--to"]),
    ("actuator", {"state": None}, ["--state"]),
], ids=lambda value: str(value) if isinstance(value, dict) else None)
def test_a_value_that_cannot_be_is_named_with_what_can(program, change, words, tmp_path, api):
    fails(program, arguments(program, tmp_path, api, **change), 2, *words)


@pytest.mark.parametrize("program, option", [
    ("listener", "to"), ("correlator", "socket"), ("correlator", "to"), ("actuator", "socket")])
def test_a_socket_path_that_is_too_long_is_named(program, option, tmp_path, api):
    path = f"{tmp_path}/{'x' * 200}.sock"
    fails(program, arguments(program, tmp_path, api, **{option: path}), 1, path, "107")


@pytest.mark.parametrize("program", ["correlator", "actuator"])
def test_a_file_in_the_place_of_a_socket_is_left_there(program, tmp_path, api):
    (tmp_path / "precious").write_text("data")
    fails(program, arguments(program, tmp_path, api, socket=f"{tmp_path}/precious"), 1, "precious")
    assert (tmp_path / "precious").read_text() == "data"


def test_a_state_directory_that_is_not_there_or_not_writable_is_named(tmp_path, api):
    fails("actuator", arguments("actuator", tmp_path, api, state=f"{tmp_path}/none"), 1,
          f"{tmp_path}/none")
    folder = pathlib.Path("/proc/self/fdinfo")  # nobody can make a file there, not even root
    fails("actuator", arguments("actuator", tmp_path, api, state=str(folder)), 1, str(folder))


def corrupt(path: pathlib.Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    path.write_bytes(content)


def newer(path: pathlib.Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


def foreign(path: pathlib.Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE accounts (id)")
    database.close()


@pytest.fixture(scope="module")
def database(api, tmp_path_factory) -> pathlib.Path:
    """An actuator's, as it is after a clean end."""
    folder = tmp_path_factory.mktemp("database")
    options = arguments("actuator", folder, api)
    with Program("lastgasp-actuator", *options, folder=folder):
        wait_until((folder / "a").exists)
    return folder / STATE


@pytest.mark.parametrize("spoil, word", [
    (corrupt, "corrupt"), (newer, "newer"), (foreign, "not a database of lastgasp"),
    (lambda path: path.write_bytes(b"not SQLite at all\n" * 300), "not a database"),
], ids=["corrupt", "newer", "another's", "no database"])
def test_a_database_that_is_not_ours_or_not_whole_is_named_and_left_as_it_was(
        spoil, word, database, tmp_path, api):
    options = arguments("actuator", tmp_path, api)
    shutil.copytree(database, tmp_path / STATE, dirs_exist_ok=True)
    for name in ("incidents.db-wal", "incidents.db-shm"):
        (tmp_path / STATE / name).unlink(missing_ok=True)
    path = tmp_path / STATE / "incidents.db"
    spoil(path)
    before = path.read_bytes()
    fails("actuator", options, 1, str(path), word)
    assert path.read_bytes() == before


def test_a_state_directory_that_another_actuator_uses_is_named(database, tmp_path, api):
    with Program("lastgasp-actuator", *arguments("actuator", tmp_path, api), folder=tmp_path):
        wait_until((tmp_path / "a").exists)
        fails("actuator", arguments("actuator", tmp_path, api, socket=f"{tmp_path}/other"), 1,
              "another actuator")


def test_a_socket_that_another_stage_answers_on_is_not_taken_over(tmp_path, api):
    with Program("lastgasp-correlator", *arguments("correlator", tmp_path, api), folder=tmp_path):
        wait_until((tmp_path / "c").exists)
        fails("correlator", arguments("correlator", tmp_path, api), 1, "another process answers")
        assert (tmp_path / "c").exists()


def test_a_udp_port_that_is_taken_is_named(tmp_path, api):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        fails("listener", arguments("listener", tmp_path, api, listen=f"127.0.0.1:{port}"), 1,
              f"127.0.0.1:{port}")


def test_a_pending_file_that_cannot_be_made_or_is_no_such_file_is_named(tmp_path, api):
    fails("listener", arguments("listener", tmp_path, api, pending=f"{tmp_path}/none/pending"), 1,
          f"{tmp_path}/none/pending")
    precious = tmp_path / "precious"
    precious.write_bytes(b"somebody's letters\n" * 1000)
    fails("listener", arguments("listener", tmp_path, api, pending=str(precious)), 1, str(precious))
    assert precious.read_bytes() == b"somebody's letters\n" * 1000
