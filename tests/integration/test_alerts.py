"""The alert rules that are installed: each fires on what it is about, and not without."""
import os
import re

import pytest
import yaml

from tests.harness.metrics import check
from tests.harness.programs import ROOT

RULES = ROOT / "systemd" / "prometheus" / "lastgasp.yaml"
PROMTOOL = os.environ["LASTGASP_PROMTOOL"]
HOST = {"instance": "host"}
LISTENER = {**HOST, "listener": "0"}
ALERTS = {rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"]
          for rule in group["rules"]}


def series(name: str, values: str, **labels: str) -> dict:
    written = ",".join(f'{key}="{value}"' for key, value in {**HOST, **labels}.items())
    return {"series": f"{name}{{{written}}}", "values": values}


def always(name: str, value: float, **labels: str) -> dict:
    return series(name, f"{value}x400", **labels)


def rises(name: str, **labels: str) -> dict:
    """By one, after 10 minutes."""
    return series(name, "0x10 1x390", **labels)


def flat(name: str, **labels: str) -> dict:
    return always(name, 7, **labels)


def stage(name: str, up: int) -> list[dict]:
    return [always("lastgasp_stage_up", up, stage=name)]


def leader(leads: int, paused: int = 0, dry: int = 0, mode: str = "node") -> list[dict]:
    return [always("lastgasp_actuator_leads", leads), always("lastgasp_actuator_paused", paused),
            always("lastgasp_actuator_dry_run", dry),
            *(always("lastgasp_actuator_mode", int(each == mode), mode=each)
              for each in ("observe", "annotate", "pods", "node"))]


def slots(used: int) -> list[dict]:
    return [always("lastgasp_listener_node_slots_used", used, listener="0"),
            always("lastgasp_listener_node_slots", 16384, listener="0")]


def closed(outcome: str) -> list[dict]:
    return [rises("lastgasp_actuator_incidents_closed_total", outcome=outcome)]


def disk(seconds: float) -> list[dict]:
    """A commit a minute that takes as long."""
    return [series("lastgasp_actuator_commits_total", "0+1x400"),
            series("lastgasp_actuator_commit_seconds_total", f"0+{seconds}x400")]


def nodes(known: int, probable: int = 100, heard: int = 100, untried: int = 0,
          since: int = -90000) -> list[dict]:
    return [always("lastgasp_correlator_nodes", known),
            always("lastgasp_correlator_nodes_probable", probable),
            always("lastgasp_correlator_nodes_heard", heard),
            always("lastgasp_correlator_kubelet_ports_untried", untried),
            always("lastgasp_correlator_start_time_seconds", since)]


# Alert: when it fires, as minutes; what it fires on, with the labels it has then; what it does not
# fire on.
CASES = {
    "LastgaspAbsent": (3, [([always("up", 0, job="lastgasp")], {**HOST, "job": "lastgasp"}),
                           ([], {"job": "lastgasp"})],
                       [[always("up", 1, job="lastgasp")]]),
    "LastgaspListenerAbsent": (2, [(stage("listener", 0), {**HOST, "stage": "listener"})],
                               [stage("listener", 1), stage("actuator", 0)]),
    "LastgaspActuatorAbsent": (2, [(stage("actuator", 0), {**HOST, "stage": "actuator"})],
                               [stage("actuator", 1), stage("listener", 0)]),
    "LastgaspNoLeader": (3, [(leader(0), {})],
                         [leader(1), leader(0, paused=1), leader(0, dry=1),
                          leader(0, mode="observe")]),
    "LastgaspNotReading": (1, [([always("lastgasp_listener_reading", 0, listener="0")], LISTENER)],
                           [[always("lastgasp_listener_reading", 1, listener="0")]]),
    "LastgaspPendingFilling": (2, [(slots(9000), LISTENER)], [slots(8000)]),
    "LastgaspQueueDrops": (12, [([rises("lastgasp_listener_queue_drops_total", listener="0")],
                                 LISTENER)],
                           [[flat("lastgasp_listener_queue_drops_total", listener="0")]]),
    "LastgaspPanicsHeld": (2, [([always("lastgasp_correlator_panics_held", 1)], HOST)],
                           [[always("lastgasp_correlator_panics_held", 0)]]),
    "LastgaspUnacknowledged": (3, [([always("lastgasp_correlator_unacknowledged", 1)], HOST)],
                               [[always("lastgasp_correlator_unacknowledged", 0)],
                                [series("lastgasp_correlator_unacknowledged", "1 0 1 0 1 0 1")]]),
    "LastgaspCutOff": (12, [([rises("lastgasp_correlator_cut_off_total")], HOST)],
                       [[flat("lastgasp_correlator_cut_off_total")]]),
    "LastgaspIncidentsHeld": (6, [([always("lastgasp_actuator_incidents_held", 2)], HOST)],
                              [[always("lastgasp_actuator_incidents_held", 0)]]),
    "LastgaspForged": (12, [([rises("lastgasp_listener_forged_total", listener="0")], LISTENER),
                            ([rises("lastgasp_listener_unauthenticated_total", listener="0")],
                             LISTENER)],
                       [[flat("lastgasp_listener_forged_total", listener="0")]]),
    "LastgaspLatched": (0, [([always("lastgasp_actuator_latched", 1)], HOST)],
                        [[always("lastgasp_actuator_latched", 0)]]),
    "LastgaspPaused": (61, [([always("lastgasp_actuator_paused", 1)], HOST)],
                       [[always("lastgasp_actuator_paused", 0)],
                        [series("lastgasp_actuator_paused", "1x30 0 1x40")]]),
    "LastgaspIncidentExpired": (12, [(closed("expired"), {**HOST, "outcome": "expired"})],
                                [closed("deleted"), closed("refused")]),
    "LastgaspIncidentUnfinished": (12, [(closed(outcome), {**HOST, "outcome": outcome})
                                        for outcome in ("refused", "partial", "stranded")],
                                   [closed("deleted"), closed("retracted")]),
    "LastgaspIntentsRefused": (12, [([rises("lastgasp_correlator_intents_refused_total")], HOST)],
                               [[flat("lastgasp_correlator_intents_refused_total")]]),
    "LastgaspDatabaseFails": (12, [([rises("lastgasp_actuator_database_failures_total")], HOST)],
                              [[flat("lastgasp_actuator_database_failures_total")]]),
    "LastgaspDiskSlow": (12, [(disk(0.6), HOST)],
                         [disk(0.2), [flat("lastgasp_actuator_commits_total"),
                                      flat("lastgasp_actuator_commit_seconds_total")]]),
    "LastgaspLedgerFails": (12, [([series("lastgasp_actuator_ledger_failures_total", "0+5x30")],
                                  HOST)],
                            [[rises("lastgasp_actuator_ledger_failures_total")]]),
    "LastgaspNodesUnknown": (2, [([always("lastgasp_correlator_map_stale", 1),
                                   always("lastgasp_correlator_map_whole", 1)], HOST),
                                 ([always("lastgasp_correlator_map_stale", 0),
                                   always("lastgasp_correlator_map_whole", 0)], HOST)],
                             [[always("lastgasp_correlator_map_stale", 0),
                               always("lastgasp_correlator_map_whole", 1)]]),
    "LastgaspNodesNotProbable": (31, [(nodes(100, probable=80), HOST)],
                                 [nodes(100, probable=95), nodes(0, probable=0),
                                  nodes(100, probable=0, untried=3)]),
    "LastgaspNodesMute": (61, [(nodes(100, heard=40), HOST)],
                          [nodes(100, heard=60), nodes(0, heard=0),
                           nodes(100, heard=0, since=0)]),
}


def rendered(text: str, labels: dict) -> str:
    return re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels.get(found[1], ""), text)


def expected(alert: str, labels: dict | None) -> dict:
    rule = ALERTS[alert]
    return {"exp_labels": {**labels, **rule["labels"]},
            "exp_annotations": {key: rendered(text, labels)
                                for key, text in rule["annotations"].items()}}


def run_case(tmp_path, alert: str, given: list[dict], labels: dict | None) -> None:
    """LABELS None: it must not fire at that time."""
    minutes = CASES[alert][0]
    test = {"interval": "1m", "input_series": given, "alert_rule_test": [
        {"eval_time": f"{minutes}m", "alertname": alert,
         "exp_alerts": [] if labels is None else [expected(alert, labels)]}]}
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m",
                                    "tests": [test]}))
    check(PROMTOOL, "test", "rules", str(path))


def test_the_rules_are_well_formed():
    check(PROMTOOL, "check", "rules", str(RULES))


def test_each_alert_has_cases_says_how_bad_it_is_and_what_to_do():
    assert set(ALERTS) == set(CASES)
    for rule in ALERTS.values():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_the_rules_name_only_metrics_that_there_are():
    table = (ROOT / "common" / "metrics.c").read_text()
    known = set(re.findall(r'"(lastgasp_\w+)"', table))
    for prefix in ("listener", "correlator", "actuator"):
        known |= {f"lastgasp_{prefix}_{name}" for name in
                  re.findall(prefix.upper() + r'\("\w+", "(\w+)"', re.sub(r"\s+", " ", table))}
    named = {name for rule in ALERTS.values() for name in re.findall(r"lastgasp_\w+", rule["expr"])}
    assert named <= known, named - known


@pytest.mark.parametrize("alert, number", [(alert, number) for alert, case in CASES.items()
                                           for number in range(len(case[1]))])
def test_it_fires(alert, number, tmp_path):
    run_case(tmp_path, alert, *CASES[alert][1][number])


@pytest.mark.parametrize("alert, number", [(alert, number) for alert, case in CASES.items()
                                           for number in range(len(case[2]))])
def test_it_does_not_fire(alert, number, tmp_path):
    run_case(tmp_path, alert, CASES[alert][2][number], None)
