"""Which targets and devices a real kernel takes: its own word, not what is known of it."""
import pytest

from scenarios import DEVICES, PARAMETER
from tests.harness.programs import wait_until

OPTIONS = "/etc/lastgasp-netconsole/options"
# Another host on each, whose MAC is known, for nobody there answers.  Netpoll takes a VLAN where it
# takes the card below; it takes no slave, and a VRF, which has one, sends nothing itself.
MAKE = """modprobe 8021q
ip link add link eth0 name eth0.7 type vlan id 7
ip link set eth0.7 up
ip address add 198.51.100.1/24 dev eth0.7
ip neigh replace 198.51.100.2 lladdr 02:66:00:00:00:03 dev eth0.7 nud permanent
modprobe dummy
modprobe vrf
ip link add vrf0 type vrf table 10
ip link add slave0 type dummy
ip link set slave0 master vrf0
ip link set vrf0 up
ip link set slave0 up
ip address add 192.0.2.1/24 dev slave0
ip route add 192.0.2.2 dev slave0
ip neigh replace 192.0.2.2 lladdr 02:66:00:00:00:04 dev slave0 nud permanent
"""
HOSTS = "198.51.100.2 192.0.2.2"


@pytest.mark.parametrize("machine", [DEVICES], indirect=True, ids=str)
def test_a_vlan_sends_and_why_a_slave_of_a_vrf_does_not_is_said(machine):
    guest, wire = machine.guest, machine.rack.wire
    for command in MAKE.splitlines():
        guest.run(command)
    guest.run(f"echo 'HOSTS=\"$HOSTS {HOSTS}\"' >>{OPTIONS}; kill -HUP $sender")
    wait_until(lambda: "cannot send to 192.0.2.2: the kernel refuses slave0: netpoll: " in
               guest.console(), 10, f"the kernel's reason in {guest.folder / 'console'}")
    guest.run("echo 'from everywhere' >/dev/kmsg")
    wire.wait_for("from everywhere", *machine.addresses)
    wire.wait_for("from everywhere", "198.51.100.1")


@pytest.mark.parametrize("machine", [PARAMETER], indirect=True, ids=str)
def test_without_configfs_targets_the_modules_parameter_is_set(machine):
    """Which replays the whole log: no panic, until there is one."""
    guest = machine.guest
    guest.run("kill $sender; wait $sender; umount /sys/kernel/config && rm /bin/mount")
    guest.run("lastgasp-netconsole run >/dev/console 2>&1 & sender=$!")
    wait_until(lambda: "lastgasp-netconsole: netconsole=+6665@" in guest.console(), 20,
               f"the parameter in {guest.folder / 'console'}")
    machine.pull(PARAMETER.command, is_last=True)
    assert machine.ended()["outcome"] == "deleted"
    assert not machine.exists()
