"""What is written for the kernel follows the network."""
from tests.harness.programs import wait_until
from tests.node.node import BOOT, GATEWAY_MAC, ip

FOLLOWS_S = 2


def test_each_host_gets_a_target_in_either_family(node):
    node.start()
    for number, (source, remote) in enumerate((("10.1.0.2", "10.9.0.1"), ("fd01::2", "fd09::1"))):
        shown = {name: node.shows(number, name) for name in
                 ("dev_name", "local_ip", "remote_ip", "remote_port", "remote_mac", "extended",
                  "release", "enabled")}
        assert shown == {"dev_name": "eth0", "local_ip": source, "remote_ip": remote,
                         "remote_port": "6666", "remote_mac": GATEWAY_MAC, "extended": "1",
                         "release": "1", "enabled": "1"}


def test_a_new_mac_of_the_gateway_is_followed(node):
    node.start()
    ip("-n", node.gateway, "link", "set", "gw0", "address", "02:00:00:00:00:99")
    # The node hears of it as it would of a gateway that takes over: by a packet from there.
    ip("-n", node.name, "neigh", "replace", "10.1.0.1", "lladdr", "02:00:00:00:00:99", "dev",
       "eth0", "nud", "stale")
    wait_until(lambda: node.shows(0, "remote_mac") == "02:00:00:00:00:99"
               and node.shows(0, "enabled") == "1", FOLLOWS_S)


def test_a_new_address_is_followed(node):
    node.start()
    ip("-n", node.name, "address", "add", "10.1.0.7/24", "dev", "eth0")
    ip("-n", node.name, "route", "replace", "default", "via", "10.1.0.1", "src", "10.1.0.7")
    wait_until(lambda: node.shows(0, "local_ip") == "10.1.0.7", FOLLOWS_S)


def test_a_lost_route_disables_and_is_told_and_its_return_enables(node):
    node.start()
    ip("-n", node.name, "route", "delete", "default")
    wait_until(lambda: node.shows(0, "enabled") == "0", FOLLOWS_S)
    assert "cannot send to 10.9.0.1: no route" in node.log()
    assert node.shows(1, "enabled") == "1"
    ip("-n", node.name, "route", "add", "default", "via", "10.1.0.1")
    wait_until(lambda: node.shows(0, "enabled") == "1", FOLLOWS_S)


def test_a_bridge_sends_for_its_port(node):
    ip("-n", node.name, "link", "add", "br0", "type", "bridge")
    ip("-n", node.name, "link", "set", "br0", "up")
    ip("-n", node.name, "link", "set", "eth0", "master", "br0")
    # A port hears no answer of its own: the bridge takes it.
    ip("-n", node.name, "neigh", "replace", "10.1.0.1", "lladdr", GATEWAY_MAC, "dev", "eth0",
       "nud", "permanent")
    node.start()
    assert node.shows(0, "dev_name") == "br0", node.log()


def test_a_reload_points_elsewhere(node):
    node.start()
    node.options("PORT=7777", hosts="10.1.0.1")
    node.process.send_signal(1)
    wait_until(lambda: node.shows(0, "remote_ip") == "10.1.0.1", 3)
    wait_until(lambda: node.shows(1, "enabled") == "0", 3)
    assert node.shows(0, "remote_port") == "7777"


def test_a_reload_of_wrong_options_changes_nothing(node):
    node.start()
    for wrong in ("HOSTS=", "PORT=x", "HOSTS='never closed", "if"):
        node.write("etc/lastgasp-netconsole/options", wrong + "\n")
        node.process.send_signal(1)
        wait_until(lambda: node.log().count("goes on with the options as they were") == 1, 3)
        node.forget_log()
        assert [node.shows(number, "enabled") for number in (0, 1)] == ["1", "1"]
    assert node.process.poll() is None


def test_userdata_says_who_and_the_token(node):
    node.options("TOKEN=s3cret")
    node.start()
    assert [node.userdata(key) for key in ("node", "boot", "token", "kdump")] == [
        "worker-1", BOOT, "s3cret", "1"]


def test_a_stop_leaves_no_target_on(node):
    node.start()
    node.stop()
    assert [node.shows(number, "enabled") for number in (0, 1)] == ["0", "0"]
