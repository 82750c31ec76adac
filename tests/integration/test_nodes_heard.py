"""Which Nodes are heard and which could be judged: gauges, /nodes, lastgasp-incidents nodes."""
import socket
import threading

import pytest

from tests.harness import ours
from tests.harness.edges import connect
from tests.harness.metrics import Pages
from tests.harness.programs import run, wait_until


@pytest.fixture
def pages() -> Pages:
    return Pages()


def shown(pages: Pages):
    return run("lastgasp-incidents", "nodes", f"--correlator={pages.endpoint}")


def test_heard_and_probable_nodes_are_told_from_those_that_are_not(make_pipeline, pages, fleet):
    loud, quiet = fleet.add(pods=0), fleet.add(pods=0)
    with socket.create_server((loud.address, 10250)):
        pipeline = make_pipeline(metrics=pages.endpoint, verify="probe",
                                 correlator=("--sweep=1s", "--baseline=30s")).start("correlator")
        with connect(pipeline.sockets["correlator"], "listener") as listener:
            pages.wait_for("lastgasp_correlator_map_whole", 1)
            listener.send({"type": "heard", "addresses": [loud.address, "127.99.0.1", "nonsense"]})
            pages.wait_for("lastgasp_correlator_nodes_heard", 1)
        wait_until(lambda: pages.nodes()[0][loud.name]["probable"], 10, "an answer")
        samples = pages.wait_for("lastgasp_correlator_kubelet_ports_untried", 0)
        nodes, sums = pages.nodes()
        table = shown(pages)
    assert samples["lastgasp_correlator_nodes"] == len(nodes) == sums["nodes"] >= 2
    assert nodes[loud.name]["address"] == loud.address
    assert not nodes[loud.name]["mute"] and nodes[loud.name]["heard_s"] < 20
    assert nodes[loud.name]["answered_s"] < 20
    assert nodes[quiet.name]["mute"] and nodes[quiet.name]["heard_s"] is None
    # Its address is the loopback device's: a reset is an answer, too.
    assert nodes[quiet.name]["probable"]
    assert sums["nodes_heard"] == 1 and sums["window_s"] == 86400

    assert (table.returncode, table.stderr) == (0, "")
    lines = table.stdout.splitlines()
    assert lines[0].split() == ["NODE", "ADDRESS", "HEARD", "PROBABLE"]
    (of_loud,) = [line.split() for line in lines if line.startswith(f"{loud.name} ")]
    (of_quiet,) = [line.split() for line in lines if line.startswith(f"{quiet.name} ")]
    assert of_loud[1] == loud.address and of_loud[3:] == ["s", "ago", "yes"]
    assert of_quiet[1:] == [quiet.address, "mute", "yes"]
    assert lines[-1].startswith(f"{len(nodes)} Nodes: 1 heard within 24 h, ")
    assert "the correlator has listened for" in lines[-1]


def test_a_node_whose_heartbeats_fail_to_come_is_mute(make_pipeline, pages, fleet):
    """63 s after the last of one a second, by which time any datagram would have been told of."""
    beating, plain = fleet.add(pods=0), fleet.add(pods=0)
    pipeline = make_pipeline(metrics=pages.endpoint).start("correlator", "listener")
    pages.wait_for("lastgasp_correlator_map_whole", 1)
    wait_until(lambda: "addresses are Nodes'" in pipeline.logs(), 10, "the Nodes told")
    for form in (ours.extended, ours.basic):
        pipeline.say(beating, form(ours.heartbeat(beating, every=1)))
    pages.wait_for("lastgasp_correlator_heartbeats_total", 1)
    with connect(pipeline.sockets["correlator"], "listener") as listener:
        listener.send({"type": "heard", "addresses": [plain.address]})
        samples = pages.wait_for("lastgasp_correlator_nodes_heard", 2)
    assert samples["lastgasp_correlator_nodes_mute"] == samples["lastgasp_correlator_nodes"] - 2
    nodes, _ = pages.nodes()
    assert (nodes[beating.name]["every_s"], nodes[plain.name]["every_s"]) == (1, None)
    pipeline.stop("listener")
    pages.wait_for("lastgasp_correlator_nodes_heard", 1, 75)
    nodes, _ = pages.nodes()
    assert nodes[beating.name]["mute"] and not nodes[plain.name]["mute"]
    (line,) = [line for line in shown(pages).stdout.splitlines()
               if line.startswith(f"{beating.name} ")]
    assert "mute for 6" in line


def test_a_node_that_never_answered_is_not_probable(make_pipeline, pages, fleet):
    node = fleet.add(pods=0)
    make_pipeline(metrics=pages.endpoint).start("correlator")
    pages.wait_for("lastgasp_correlator_map_whole", 1)
    lines = shown(pages).stdout.splitlines()
    (line,) = [line for line in lines if line.startswith(f"{node.name} ")]
    assert line.endswith(" no, it has never answered")


def test_a_new_list_of_nodes_forgets_nobody_who_was_heard(make_pipeline, pages, fleet):
    node = fleet.add(pods=0)
    pipeline = make_pipeline(metrics=pages.endpoint).start("correlator")
    with connect(pipeline.sockets["correlator"], "listener") as listener:
        pages.wait_for("lastgasp_correlator_map_whole", 1)
        listener.send({"type": "heard", "addresses": [node.address]})
        pages.wait_for("lastgasp_correlator_nodes_heard", 1)
    # The watch's place is forgotten while there is none.
    fleet.api.faults({"user": "correlator", "verb": "watch", "action": "status", "status": 503,
                      "count": 1})
    fleet.api.watches("close")
    fleet.add(pods=0)
    fleet.api.compact()
    pages.wait_for("lastgasp_correlator_map_lists_total", 2, 40)
    assert not pages.nodes()[0][node.name]["mute"]


def test_without_a_correlator_it_says_whom_it_asked(pages):
    done = shown(pages)
    assert done.returncode == 1
    assert f"{pages.endpoint}: Connection refused; it is the correlator's --metrics" in done.stderr


@pytest.mark.parametrize("answer, flaw", [
    (b"HTTP/1.1 404 Not Found\r\n\r\n", "no correlator answers there"),
    (b"SSH-2.0-x\r\n", "no correlator answers there"),
    (b"", "no correlator answers there"),
    (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n<html>\n", "the answer cannot be read"),
    (b"HTTP/1.1 200 OK\r\n\r\n", "the answer was cut short"),
    (b'HTTP/1.1 200 OK\r\n\r\n{"node":"a","address":"10.0.0.1","heard_s":1,"mute":false,'
     b'"answered_s":null,"probable":false}\n', "the answer was cut short")])
def test_an_answer_that_is_not_whole_is_a_failure(pages, answer, flaw):
    with socket.create_server(("127.0.0.1", pages.port)) as server:
        def serve():
            connection, _ = server.accept()
            connection.recv(1000)
            connection.sendall(answer)
            connection.close()
        thread = threading.Thread(target=serve)
        thread.start()
        done = shown(pages)
        thread.join(5)
    assert done.returncode == 1 and f"{pages.endpoint}: {flaw}" in done.stderr


def test_what_is_no_endpoint_is_bad_usage():
    done = run("lastgasp-incidents", "nodes", "--correlator=nowhere")
    assert done.returncode == 2 and "--correlator=nowhere: must be ADDR:PORT" in done.stderr
