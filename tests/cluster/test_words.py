"""Drills and late words on a real API server: Events that it takes, and nothing else written."""

from processes import wait_until
from tests.harness import ours

OLD = "5d1c6f0e-7a92-4b35-9f0d-c2e8a4b71d63"


def test_a_drill_is_an_event_and_nothing_else(scene, make_pipeline):
    node = scene.add_node()
    pipeline = make_pipeline().start()
    pipeline.say(node, ours.extended(ours.drill(node)))
    assert pipeline.ended(node)["outcome"] == "told"
    wait_until("a write", scene.writes, 5)  # the audit log's lines come after their answers
    assert [(line["verb"], line["objectRef"]["resource"]) for line in scene.writes()] == \
        [("create", "events")]
    ((kind, _),) = scene.events(node)
    assert kind == "Node"


def test_late_words_are_events_and_nothing_else(scene, make_pipeline):
    node = scene.add_node()
    pipeline = make_pipeline().start()
    for line in ours.late(OLD, *ours.OOPS, ours.PANIC):
        pipeline.say(node, ours.extended(line))
    assert pipeline.ended(node)["outcome"] == "told"
    wait_until("a write", scene.writes, 5)
    assert {(line["verb"], line["objectRef"]["resource"]) for line in scene.writes()} == \
        {("create", "events")}
