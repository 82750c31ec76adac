"""How a person runs a stage by hand, as README shows; with socat: tests/manual."""
import pytest

from tests.harness import captures
from tests.harness.pipeline import PANIC
from tests.harness.programs import Program, run, wait_until


@pytest.mark.parametrize("form", ["capture", "text"])
def test_a_panic_is_played_again_from_a_file(make_pipeline, fleet, form):
    node = fleet.add()
    pipeline = make_pipeline().start("correlator", "actuator")
    path = captures.FOLDER / f"{PANIC}.jsonl"
    if form == "text":
        path = pipeline.folder / "kernel.log"
        path.write_bytes(b"".join(data for _, data in captures.datagrams(PANIC)))
    with Program("lastgasp-listener", f"--replay={path}", f"--replay-source={node.address}",
                 f"--to={pipeline.sockets['correlator']}",
                 f"--pending={pipeline.folder / 'replay-pending'}",
                 folder=pipeline.folder) as replay:
        assert replay.process.wait(20) == 0, replay.log()
    assert pipeline.ended(node)["outcome"] == "deleted"


def test_every_stage_checks_itself_before_it_is_started(make_pipeline, fleet):
    pipeline = make_pipeline()
    for stage in ("correlator", "actuator"):
        done = run(f"lastgasp-{stage}", *pipeline.arguments[stage], "--check")
        assert done.returncode == 0, done.stderr
        assert not pipeline.sockets[stage].exists()
    away = run("lastgasp-listener", *pipeline.arguments["listener"], "--check")
    assert away.returncode == 1 and str(pipeline.sockets["correlator"]) in away.stderr
    pipeline.start("correlator")
    wait_until(pipeline.sockets["correlator"].exists)
    assert run("lastgasp-listener", *pipeline.arguments["listener"], "--check").returncode == 0
