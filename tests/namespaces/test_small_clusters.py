"""Clusters of so few Nodes that witnesses are rare."""
import pytest


@pytest.mark.parametrize("nodes", [2, 3, 4])
def test_the_others_are_witnesses_when_there_are_but_few(empty_world, nodes):
    world = empty_world
    victim, *_ = world.add_many(nodes)
    world.start()
    world.wait_swept()
    victim.panic()
    assert victim.outcome() == "deleted"
    (incident,) = victim.incidents()
    others = nodes - 1
    assert incident["verdict"] == "silent"
    assert f"{others} of {others} witnesses answered" in incident["words"]


def test_the_only_node_has_no_witness_and_is_kept(empty_world):
    """No other Lease shows that the API server is well, so none of its own ever lapses."""
    world = empty_world
    victim = world.add()
    world.start("--expire=10s")
    world.wait_swept()
    victim.panic()
    assert victim.outcome() == "expired"
    (incident,) = victim.incidents()
    assert incident["verdict"] == "unprobable" and "there is no witness" in incident["words"]
    assert victim.exists and world.writes() == []


def test_a_port_that_never_answered_proves_nothing_and_the_lapsed_lease_decides(empty_world):
    world = empty_world
    lives, dies, *others = world.add_many(5)
    for victim in (lives, dies):
        victim.filter_syns()
    world.start("--expire=12s")
    world.wait_swept(*others)
    lives.forge()
    dies.panic()
    assert dies.outcome() == "deleted"
    assert lives.outcome() == "expired"
    assert {row["verdict"] for row in world.pipeline.incidents()} == {"unprobable"}
    assert lives.exists and lives.writes() == []
