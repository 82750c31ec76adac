"""The anonymous memory of the three programs together, idle after a sync of Nodes of 15 KB.

Anonymous memory is what they took for themselves; the rest of what is resident is their code and
the libraries', shared with every other program.
"""
import pathlib
import tempfile
import time

from tests.apiserver.apiserver import ApiServer
from tests.bench.alone import NODE_BYTES, memory_kb
from tests.bench.report import Row, say, table_of, tell
from tests.harness.pipeline import Pipeline

ROUNDS, TINY_ROUNDS = 1, 1
TARGET_MB = 10.0
# The resident memory of a good client-go controller with a trimmed cache and with its usual one,
# measured once on such a machine; this run does not repeat it.
GO_CONTROLLER = {100: "none", 5_000: "Go controller 62-83, 300 MiB (quoted)",
                 20_000: "Go controller 121-128, 740 MiB (quoted)"}
STAGES = ("listener", "correlator", "actuator")


def measure(count: int, idle_s: float) -> float:
    """Prints what each program holds; returns the anonymous megabytes of all three."""
    with tempfile.TemporaryDirectory(prefix="lastgasp-bench-") as name, ApiServer() as api:
        api.generate(nodes=count, size=NODE_BYTES, podsPerNode=0)
        pipeline = Pipeline(pathlib.Path(name), api).start()
        pipeline.running["correlator"].wait_for(rf"synced {count} nodes", 120)
        pipeline.running["listener"].wait_for(rf"{2 * count} addresses are Nodes'", 20)
        time.sleep(idle_s)
        held = {stage: memory_kb(pipeline.running[stage].pid) for stage in STAGES}
        pipeline.stop()
    say(f"  {count} Nodes, {idle_s:g} s later, in KB:")
    table_of(["stage", "anonymous", "resident"],
             [[stage, str(kb["Anonymous"]), str(kb["Rss"])] for stage, kb in held.items()])
    return sum(kb["Anonymous"] for kb in held.values()) * 1024 / 1e6


def run(rounds: int, tiny: bool) -> list[Row]:
    targets = {100: TARGET_MB} if tiny else {5_000: TARGET_MB, 20_000: None}
    rows = []
    for count, target in targets.items():
        measured = max(measure(count, 1.0 if tiny else 30.0) for _ in range(rounds))
        rows.append(Row(f"idle with {count} Nodes, anonymous memory", measured, "MB",
                        GO_CONTROLLER[count], most=target))
    for row in rows:
        tell(row)
    return rows
