"""The first list of all Nodes, against curl of the same stream to /dev/null.

By turns the correlator starts and curl reads what it asks for: the same URL, over TLS and HTTP/1.1
as it does, until the mark of the list's end.  curl is told to leave a second after that, which is
taken off.  The simulated API server sends as fast as it can; its CPU shows how much of the time
that is.
"""
import dataclasses
import statistics
import subprocess
import time

from tests.apiserver.apiserver import ApiServer
from tests.bench.alone import (NODE_BYTES, Alone, anonymous_mb, children_cpu_seconds, cpu_seconds)
from tests.bench.report import Row, say, spread, table_of, tell

ROUNDS, TINY_ROUNDS = 10, 1
TARGET_RATIO = 1.2
NODE_MOST, REST_MOST_MB = 300, 4.0  # bytes a Node, and the rest of the program
STAYS_S = 1  # the simulated server counts from the end of the list
PATH = ("/api/v1/nodes?watch=1&sendInitialEvents=true&allowWatchBookmarks=true"
        f"&resourceVersionMatch=NotOlderThan&resourceVersion=&timeoutSeconds={STAYS_S}")


@dataclasses.dataclass
class Turn:
    wall_ms: float
    cpu_ms: float  # the reader's, its start and what it holds included
    server_ms: float
    held_mb: float = 0.0


def by_lastgasp(api: ApiServer, count: int) -> Turn:
    server_s = cpu_seconds(api.process.pid)
    with Alone(api, "--verify=none", "--metrics=none") as alone:
        time.sleep(STAYS_S)  # as with curl: to look for the line meanwhile takes of the two cores
        wall_ms = alone.synced_ms(count)
        return Turn(wall_ms, cpu_seconds(alone.pid) * 1000,
                    (cpu_seconds(api.process.pid) - server_s) * 1000, anonymous_mb(alone.pid))


def by_curl(api: ApiServer, least_bytes: int) -> Turn:
    server_s, before_s = cpu_seconds(api.process.pid), children_cpu_seconds()
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--http1.1", "--cacert", api.ca,
         "--header", f"Authorization: Bearer {api.token('correlator')}", "--output", "/dev/null",
         "--write-out", "%{size_download} %{time_total}", api.url + PATH],
        check=True, capture_output=True, text=True)
    size, seconds = done.stdout.split()
    if int(size) < least_bytes:
        raise RuntimeError(f"curl got {size} bytes")
    return Turn((float(seconds) - STAYS_S) * 1000, (children_cpu_seconds() - before_s) * 1000,
                (cpu_seconds(api.process.pid) - server_s) * 1000)


def compare(count: int, rounds: int) -> list[Row]:
    sides: dict[str, list[Turn]] = {"lastgasp": [], "curl": []}
    with ApiServer() as api:
        api.generate(nodes=count, size=NODE_BYTES, podsPerNode=0)
        by_curl(api, count * NODE_BYTES)  # not measured: the server's heap grows to its size
        for _ in range(rounds):
            sides["lastgasp"].append(by_lastgasp(api, count))
            sides["curl"].append(by_curl(api, count * NODE_BYTES))
    say(f"  {count} Nodes, p50 of {rounds} in ms:")
    table_of(["reader", "wall", "its CPU", "the server's CPU"],
             [[side, *(f"{statistics.median(getattr(turn, what) for turn in turns):.0f}"
                       for what in ("wall_ms", "cpu_ms", "server_ms"))]
              for side, turns in sides.items()])
    pairs = [ours.wall_ms / its.wall_ms
             for ours, its in zip(sides["lastgasp"], sides["curl"], strict=True)]
    say(f"  ratio of each pair of turns: {spread(pairs, 'times')}")
    ours, its = (statistics.median(turn.wall_ms for turn in turns) for turns in sides.values())
    return [Row(f"sync of {count} Nodes, p50 of {rounds}", ours, "ms", "curl", its,
                most_ratio=TARGET_RATIO),
            Row(f"anonymous memory after it, {count} Nodes",
                max(turn.held_mb for turn in sides["lastgasp"]), "MB", "none",
                most=REST_MOST_MB + count * NODE_MOST / 1e6)]


def run(rounds: int, tiny: bool) -> list[Row]:
    rows = [row for count in ([200] if tiny else [5_000, 20_000]) for row in compare(count, rounds)]
    for row in rows:
        tell(row)
    return rows
