"""The actuator's --check, of what it needs before it may touch a node."""
import pytest

from tests.apiserver.apiserver import ApiServer
from tests.harness import ledger
from tests.harness.programs import run

READS = ["list nodes", "get leases lastgasp"]


@pytest.fixture
def server():
    with ApiServer() as running:
        yield running


def check(server: ApiServer, folder, *options: str):
    (folder / "state").mkdir(exist_ok=True)
    return run("lastgasp-actuator", f"--socket={folder}/a.sock", f"--state={folder}/state", "--check",
               f"--kubeconfig={server.kubeconfig('actuator')}", *options)


def test_a_ledger_that_is_missing_is_said(server, tmp_path):
    done = check(server, tmp_path, "--mode=node")
    assert done.returncode == 1
    assert "there is no Lease lastgasp in the namespace lastgasp" in done.stderr
    assert "ledger.yaml" in done.stderr


def test_a_ledger_that_may_not_be_read_is_said(server, tmp_path):
    ledger.load(server)
    server.rights({"actuator": ["list nodes"]})
    done = check(server, tmp_path, "--mode=node")
    assert done.returncode == 1 and 'cannot get resource "leases"' in done.stderr


def test_a_ledger_that_may_not_be_updated_is_said(server, tmp_path):
    ledger.load(server)
    server.rights({"actuator": READS})
    done = check(server, tmp_path, "--mode=annotate")
    assert done.returncode == 1
    assert 'cannot update resource "leases"' in done.stderr and "may not be updated" in done.stderr


def test_a_ledger_that_is_well_is_left_as_it_was(server, tmp_path):
    ledger.load(server)
    server.rights({"actuator": [*READS, "update leases lastgasp"]})
    before = server.get(ledger.PATH)
    done = check(server, tmp_path, "--mode=node")
    assert done.returncode == 0 and "the ledger can be updated" in done.stderr
    assert server.get(ledger.PATH) == before


@pytest.mark.parametrize("options", [("--mode=observe",), ("--mode=node", "--dry-run=server")])
def test_what_writes_nothing_needs_no_ledger(server, tmp_path, options):
    server.rights({"actuator": ["list nodes"]})
    assert check(server, tmp_path, *options).returncode == 0
