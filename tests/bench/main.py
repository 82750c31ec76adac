"""Runs one benchmark or all of them. They print; nothing is asserted about time."""
import argparse
import shlex
import sys
import traceback

from tests.bench import (api_restart, churn, idle_memory, ingest, one_node, panic_to_intent,
                         probes, report, scale, storm, sync)

BENCHES = {"panic-to-intent": panic_to_intent, "one-node": one_node, "idle-memory": idle_memory,
           "probes": probes, "scale": scale, "sync": sync, "churn": churn,
           "api-restart": api_restart, "ingest": ingest, "storm": storm}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"tests/bench/{sys.argv[1]}")
    parser.add_argument("bench", choices=[*BENCHES, "all"], help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each is measured")
    parser.add_argument("--tiny", action="store_true",
                        help="as small as can be: shows that it runs, measures nothing")
    return parser.parse_args()


def main() -> int:
    options = parse()
    chosen = list(BENCHES) if options.bench == "all" else [options.bench]
    rows: dict[str, list[report.Row] | None] = {}  # None: it did not work
    for name in chosen:
        bench = BENCHES[name]
        rounds = options.rounds or (bench.TINY_ROUNDS if options.tiny else bench.ROUNDS)
        report.say(f"== {name}: {bench.__doc__.splitlines()[0]}")
        report.say(f"  $ tests/bench/{shlex.join(sys.argv[1:])}   (rounds: {rounds})")
        report.say(f"  on {report.machine()}")
        try:
            rows[name] = bench.run(rounds, options.tiny)
        except Exception:
            traceback.print_exc()
            rows[name] = None
    if options.bench == "all":
        report.say()
        report.table(rows)
    broken = [name for name, some in rows.items() if some is None]
    for name in broken:
        report.say(f"{name} did not work")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
