"""What a node's own sending side says, through a real kernel and to a real API server."""
import pytest

from scenarios import UNHEARD, WORDS
from tests.harness.programs import wait_until

OPTIONS = "/etc/lastgasp-netconsole/options"
OLD_BOOT = "5d1c6f0e-7a92-4b35-9f0d-c2e8a4b71d63"
OLD_LOG = r"[ 8.0] all is well\n[ 9.0] Kernel panic - not syncing: the last boot\n"


@pytest.fixture
def outcomes(machine):
    """By verdict, once there is one of each of these."""
    def wait(*verdicts: str) -> dict[str, dict]:
        def ended() -> dict[str, dict] | None:
            rows = {row["verdict"]: row for row in machine.incidents() if row["outcome"]}
            return rows if set(rows) == set(verdicts) else None
        return wait_until(ended, 20, f"outcomes {verdicts}; there are {machine.incidents()}")
    return wait


@pytest.mark.parametrize("machine", [WORDS], indirect=True, ids=str)
def test_what_a_node_says_of_itself_arrives_and_touches_nothing(machine, outcomes):
    guest, wire = machine.guest, machine.rack.wire
    assert guest.run("lastgasp-netconsole --check") == []
    # The guest had no token when it booted, has one after a reload, and none after another.
    for number, option in enumerate(("", "TOKEN=secret", "TOKEN=")):
        guest.run(f"echo '{option}' >>{OPTIONS}; kill -HUP $sender; sleep 3")
        text = f"line {number} of {machine.name}"
        guest.run(f"echo '{text}' >/dev/kmsg")
        data = wire.wait_for(text, *machine.addresses).data
        assert f" node={machine.name}\n".encode() in data
        assert f" boot={guest.boots[-1]}\n".encode() in data
        assert data.count(b" token=") == data.count(b" token=secret\n") == (option == "TOKEN=secret")
    guest.run("lastgasp-netconsole drill")
    guest.run(f"printf '{OLD_LOG}' >/tmp/log; lastgasp-netconsole late /tmp/log {OLD_BOOT}")
    rows = outcomes("drill", "late")
    assert {row["outcome"] for row in rows.values()} == {"told"}
    assert (rows["late"]["boot"], rows["late"]["reason"]) == (OLD_BOOT, "the last boot")
    assert {"NodeDrill"} < {event["reason"] for event in machine.rack.api.list(
        "/apis/events.k8s.io/v1/events") if event["regarding"]["name"] == machine.name}
    assert machine.exists() and machine.rack.api.exists(machine.pod) and not machine.writes()


@pytest.mark.parametrize("machine", [UNHEARD], indirect=True, ids=str)
def test_a_node_that_died_unheard_says_why_after_its_next_boot(machine, outcomes):
    """From pstore (ramoops), to the same collectors."""
    guest, old_boot = machine.guest, machine.guest.boots[-1]
    guest.run("kill $sender; wait $sender")  # from then on the kernel sends to nobody
    machine.pull(UNHEARD.command, is_last=False)
    machine.wait_back(2)
    row = outcomes("late")["late"]
    assert (row["boot"], row["outcome"]) == (old_boot, "told")
    assert (row["reason_code"], row["reason"]) == ("sysrq", "sysrq triggered crash")
    said = machine.rack.wire.seen("Kernel panic", *machine.addresses)
    assert said and all(b"lastgasp: late " in datagram.data for datagram in said)
    assert machine.exists() and machine.rack.api.exists(machine.pod) and not machine.writes()
