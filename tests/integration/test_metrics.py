"""The metrics of all three stages: each counts where it should, and none outlives its stage."""
import os
import socket
import time

import pytest

from tests.harness import records
from tests.harness.edges import connect
from tests.harness.metrics import Pages, check
from tests.harness.programs import Program, run

STEPS = ["known", "judged", "recorded", "told", "pod_gone", "node_deleted", "closed"]
STEP = "lastgasp_panic_to_step_seconds"


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
def served(make_pipeline, pages):
    """A whole pipeline that serves PAGES."""
    return make_pipeline(metrics=pages.endpoint).start()


def up(stage: str) -> str:
    return f'lastgasp_stage_up{{stage="{stage}"}}'


def test_a_death_counts_once_in_the_histogram_of_each_step(served, pages, fleet):
    node = fleet.add()
    began = time.monotonic()
    served.panic(node)
    assert served.ended(node)["outcome"] == "deleted"
    took = time.monotonic() - began
    samples = pages.wait_for(f'{STEP}_count{{step="closed"}}', 1)
    sums = []
    for step in STEPS:
        assert samples[f'{STEP}_count{{step="{step}"}}'] == 1, step
        buckets = [value for name, value in samples.items()
                   if name.startswith(f'{STEP}_bucket{{step="{step}",')]
        assert buckets == sorted(buckets) and buckets[-1] == 1, step
        sums.append(samples[f'{STEP}_sum{{step="{step}"}}'])
    assert sums == sorted(sums) and 0 < sums[0] and sums[-1] <= took


def test_a_death_counts_at_all_three_stages(served, pages, fleet):
    node = fleet.add(pods=4)
    pages.wait_for(up("listener"), 1)
    served.panic(node)
    served.ended(node)
    samples = pages.wait_for('lastgasp_actuator_incidents_closed_total{outcome="deleted"}', 1)
    samples = pages.wait_for('lastgasp_listener_panics_total{listener="0"}', 1)
    assert samples['lastgasp_listener_datagrams_total{kind="basic",listener="0"}'] == 37
    assert samples['lastgasp_correlator_verdicts_total{verdict="unverified"}'] == 1
    assert samples["lastgasp_actuator_pods_deleted_total"] == 3
    assert samples["lastgasp_actuator_nodes_deleted_total"] == 1
    assert samples['lastgasp_actuator_mode{mode="node"}'] == 1
    assert samples["lastgasp_correlator_panics_open"] == 0
    assert samples["lastgasp_actuator_commits_total"] >= 2
    assert 0 < samples["lastgasp_actuator_commit_seconds_total"] < 10


def test_promtool_finds_no_fault_with_a_scrape(served, pages, fleet):
    pages.wait_for(up("listener"), 1)
    samples = pages.wait_for(up("actuator"), 1)
    for stage in ("listener", "correlator", "actuator"):
        assert any(name.startswith(f"lastgasp_{stage}_") for name in samples)
    check(os.environ["LASTGASP_PROMTOOL"], "check", "metrics", given=pages.text())


def test_a_listener_that_is_started_anew_has_its_number_and_its_counters_reset(served, pages,
                                                                               fleet):
    node = fleet.add(pods=0)
    served.panic(node)
    served.ended(node)
    panics = 'lastgasp_listener_panics_total{listener="0"}'
    pages.wait_for(panics, 1)
    served.restart("listener")
    pages.wait_for(panics, 0)
    assert pages.samples()[up("listener")] == 1


def test_two_listeners_are_told_apart_and_one_that_left_says_nothing(served, pages):
    pages.wait_for(up("listener"), 1)
    with connect(served.sockets["correlator"], "listener") as second:
        second.send({"type": "stats", "counters": {"panics": 7, "of a later version": 1}})
        samples = pages.wait_for(up("listener"), 2)
        assert samples['lastgasp_listener_panics_total{listener="0"}'] == 0
        assert samples['lastgasp_listener_panics_total{listener="1"}'] == 7
    samples = pages.wait_for(up("listener"), 1)
    assert samples['lastgasp_stage_connected{stage="listener"}'] == 1
    assert not [name for name in samples if 'listener="1"' in name]


@pytest.mark.parametrize("stage", ["listener", "actuator"])
def test_a_stage_that_is_killed_is_down_and_its_metrics_are_gone(served, pages, stage):
    pages.wait_for(up(stage), 1)
    served.kill(stage)
    samples = pages.wait_for(up(stage), 0)
    assert samples[f'lastgasp_stage_connected{{stage="{stage}"}}'] == 0
    assert not [name for name in samples if name.startswith(f"lastgasp_{stage}_")]
    served.start(stage)
    pages.wait_for(up(stage), 1)


def test_a_correlator_that_is_started_anew_has_everyones_metrics_soon(served, pages):
    pages.wait_for(up("listener"), 1)
    served.restart("correlator")
    pages.wait_for(up("listener"), 1)
    pages.wait_for(up("actuator"), 1)


def test_what_nobody_acknowledges_is_seen(make_pipeline, pages, fleet):
    pipeline = make_pipeline(metrics=pages.endpoint).start("correlator", "listener")
    node = fleet.add(pods=0)
    pipeline.panic(node)
    samples = pages.wait_for("lastgasp_correlator_unacknowledged", 1)
    assert samples["lastgasp_correlator_panics_open"] == 1
    pages.wait_for('lastgasp_listener_node_slots_used{listener="0"}', 1)
    pipeline.start("actuator")
    pipeline.ended(node)
    pages.wait_for("lastgasp_correlator_unacknowledged", 0)


def test_a_port_that_is_taken_is_said_and_stops_nothing_and_is_had_later(make_pipeline, pages,
                                                                         fleet):
    node = fleet.add(pods=0)
    with socket.create_server(("127.0.0.1", pages.port)):
        pipeline = make_pipeline(metrics=pages.endpoint).start()
        pipeline.running["correlator"].wait_for(
            f"--metrics={pages.endpoint}: Address already in use: there are no metrics")
        pipeline.panic(node)
        assert pipeline.ended(node)["outcome"] == "deleted"
    pages.wait_for(up("correlator"), 1, 30)


def test_without_metrics_nothing_is_listened_on(make_pipeline, fleet):
    pipeline = make_pipeline(metrics="none").start()
    node = fleet.add(pods=0)
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    inodes = {os.readlink(f"/proc/{pipeline.running['correlator'].pid}/fd/{fd}")
              for fd in os.listdir(f"/proc/{pipeline.running['correlator'].pid}/fd")}
    with open("/proc/net/tcp", encoding="ascii") as table:
        listening = [line.split() for line in table if line.split()[3] == "0A"]
    assert not [line for line in listening if f"socket:[{line[9]}]" in inodes]


@pytest.mark.parametrize("endpoint", ["9478", "localhost:9478", "127.0.0.1", "127.0.0.1:99999",
                                      "::1:9478"])
def test_what_is_no_endpoint_is_bad_usage(endpoint, tmp_path):
    done = run("lastgasp-correlator", f"--socket={tmp_path}/c", f"--to={tmp_path}/a",
               f"--metrics={endpoint}")
    assert done.returncode == 2
    assert f"--metrics={endpoint}: must be ADDR:PORT, [ADDR]:PORT or none" in done.stderr


def test_ipv6_is_served(api, tmp_path):
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        port = probe.getsockname()[1]
    with Program("lastgasp-correlator", f"--socket={tmp_path}/c", f"--to={tmp_path}/a",
                 f"--kubeconfig={api.kubeconfig('correlator')}", f"--metrics=[::1]:{port}",
                 folder=tmp_path) as program:
        program.wait_for("metrics are at")
        with socket.create_connection(("::1", port), timeout=5) as sock:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            assert sock.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_held_panic_and_a_map_that_is_not_whole_are_seen(make_pipeline, pages, fleet):
    fleet.api.away()
    pipeline = make_pipeline(metrics=pages.endpoint).start("correlator")
    with connect(pipeline.sockets["correlator"], "listener") as listener:
        listener.send(records.panic("127.66.0.1"))
        samples = pages.wait_for("lastgasp_correlator_panics_held", 1)
    assert samples["lastgasp_correlator_map_whole"] == 0
    assert samples["lastgasp_correlator_map_age_seconds"] > 0
