"""The anonymous memory of the three programs together, idle after a sync of Nodes of 15 KB.

Anonymous memory is what they took for themselves; the rest of what is resident is their code and
the libraries', shared with every other program.  After them, by itself: an informer of client-go
(informer/), trimmed to name, uid, boot and addresses.
"""
import pathlib
import tempfile
import time

from tests.apiserver.apiserver import ApiServer
from tests.bench.alone import NODE_BYTES, memory_kb
from tests.bench.partner import informer
from tests.bench.report import Row, say, table_of, tell
from tests.harness.pipeline import Pipeline

ROUNDS, TINY_ROUNDS = 1, 1
TARGET_MB = 10.0
STAGES = ("listener", "correlator", "actuator")


def measure(count: int, idle_s: float) -> tuple[float, float]:
    """Prints what each program holds; returns the anonymous megabytes of our three, and of the
    informer."""
    with tempfile.TemporaryDirectory(prefix="lastgasp-bench-") as name, ApiServer() as api:
        api.generate(nodes=count, size=NODE_BYTES, podsPerNode=0)
        pipeline = Pipeline(pathlib.Path(name), api).start()
        pipeline.running["correlator"].wait_for(rf"synced {count} nodes", 120)
        pipeline.running["listener"].wait_for(rf"{2 * count} addresses are Nodes'", 20)
        time.sleep(idle_s)
        held = {stage: memory_kb(pipeline.running[stage].pid) for stage in STAGES}
        pipeline.stop()
        with informer(api, count) as pid:
            time.sleep(idle_s)
            held["informer"] = memory_kb(pid)
    say(f"  {count} Nodes, {idle_s:g} s later, in KB:")
    table_of(["program", "anonymous", "resident"],
             [[who, str(kb["Anonymous"]), str(kb["Rss"])] for who, kb in held.items()])
    megabytes = {who: kb["Anonymous"] * 1024 / 1e6 for who, kb in held.items()}
    return sum(megabytes[stage] for stage in STAGES), megabytes["informer"]


def run(rounds: int, tiny: bool) -> list[Row]:
    targets = {100: TARGET_MB} if tiny else {5_000: TARGET_MB, 20_000: None}
    rows = []
    for count, target in targets.items():
        measured = [measure(count, 1.0 if tiny else 30.0) for _ in range(rounds)]
        rows.append(Row(f"idle with {count} Nodes, anonymous memory",
                        max(ours for ours, _ in measured), "MB", "an informer of client-go",
                        min(its for _, its in measured), most=target))
    for row in rows:
        tell(row)
    return rows
