"""A correlator that only prints: what it would have asked for, and nothing that it takes away."""
import json

from tests.harness.pipeline import Pipeline, panics_of
from tests.harness.programs import Program, run, wait_until


def dry(pipeline: Pipeline) -> list[str]:
    """The correlator's own arguments, for a dry run."""
    return [argument for argument in pipeline.arguments["correlator"]
            if not argument.startswith("--to=")] + ["--dry-run"]


def printed(correlator: Program, kind: str = "intent") -> list[dict]:
    lines = [line for line in correlator.log().splitlines() if line.startswith("{")]
    return [record for record in map(json.loads, lines) if record["type"] == kind]


def test_it_prints_each_intent_once_and_the_real_one_gets_every_panic(make_pipeline, fleet):
    nodes = [fleet.add(pods=0) for _ in range(3)]
    pipeline = make_pipeline().start("listener", "actuator")
    with Program("lastgasp-correlator", *dry(pipeline), folder=pipeline.folder) as correlator:
        for node in nodes:
            pipeline.panic(node)
        wait_until(lambda: len(printed(correlator)) == 3, what="three intents printed")
        pipeline.restart("listener")  # sends again what was not acknowledged: all of them
        correlator.wait_for(r"(?s)(a peer joined.*){2}")
        pipeline.panic(fleet.add(pods=0))
        wait_until(lambda: len(printed(correlator)) >= 4, what="the next one's intent")
        intents = printed(correlator)
        assert len(intents) == 4 and not pipeline.incidents()
    pipeline.start("correlator")
    for node, intent in zip(nodes, intents):
        incident = pipeline.ended(node)
        assert intent["node"] == node.name and incident["id"] == intent["id"]
        assert set(intent["panics"]) <= set(panics_of(pipeline.state, incident))


def test_what_it_finds_alive_is_not_acknowledged_either(make_pipeline, fleet):
    node = fleet.add(pods=0)
    pipeline = make_pipeline(verify="probe", correlator=("--alive=1s",)).start("listener")
    fleet.api.renew(0.2)
    with Program("lastgasp-correlator", *dry(pipeline), folder=pipeline.folder) as correlator:
        pipeline.running["listener"].wait_for("addresses are Nodes'")
        pipeline.panic(node)
        correlator.wait_for("is alive, not acted on", 20)
        assert not printed(correlator)
    pipeline.start("correlator", "actuator")
    # For this one it comes from before its time, and so it is no forgery for certain.
    assert pipeline.ended(node)["outcome"] == "expired"
    fleet.api.renew(0)


def test_what_is_nobodys_is_not_acknowledged_either(make_pipeline, fleet):
    node = fleet.add(pods=0)
    node.address = "127.99.0.1"
    pipeline = make_pipeline().start("listener")
    with Program("lastgasp-correlator", *dry(pipeline), folder=pipeline.folder) as correlator:
        pipeline.panic(node)
        correlator.wait_for("is no Node's address", 20)
    pipeline.start("correlator")
    pipeline.running["correlator"].wait_for("is no Node's address", 20)


def test_who_is_told_where_to_send_may_not_be_told_to_print(make_pipeline):
    arguments = make_pipeline().arguments["correlator"]
    for wrong in ([*arguments, "--dry-run"], [a for a in arguments if "--to=" not in a]):
        done = run("lastgasp-correlator", *wrong)
        assert done.returncode == 2 and "one of --to=SOCKET and --dry-run" in done.stderr
