"""Captured panics over a network that loses 30 % and reorders: 300 replays, with a seed."""
import os
import random

from losses import has_proof, panics_heard, relay
from tests.harness import captures

SEED = int(os.environ.get("LASTGASP_SEED", "7"))
REPLAYS = 300
LOSS = 0.3
NEWEST = 100  # datagrams of a capture: a panic, and what was before it
COLLECTORS = 3  # hosts of the control plane, each of which a node sends to


def replays() -> tuple[list[list[bytes]], list[bool]]:
    """What arrives of each replay at each collector, collectors one after the other, and whether
    it contains proof."""
    chance = random.Random(SEED)
    deaths = [truth for truth in captures.index() if truth.panics == 1]
    truths = [chance.choice(deaths) for _ in range(REPLAYS)]
    runs, proofs = [], []
    for truth in truths * COLLECTORS:
        sent = captures.datagrams(truth.capture)[-NEWEST:]
        runs.append(relay(sent, LOSS, chance))
        proofs.append(has_proof(runs[-1], "basic" not in truth.format))
    return runs, proofs


def test_every_panic_whose_line_or_marker_gets_through_is_found(tmp_path, capsys):
    runs, proofs = replays()
    heard = panics_heard(tmp_path, runs)
    found = [any(heard[number::REPLAYS]) for number in range(REPLAYS)]
    with capsys.disabled():
        print(f"\n{LOSS:.0%} lost and reordered, seed {SEED}: one collector found "
              f"{sum(map(bool, heard[:REPLAYS]))} of {REPLAYS} panics, {COLLECTORS} found "
              f"{sum(found)}; proof got through to one in {sum(proofs[:REPLAYS])}; "
              f"{sum(number > 1 for number in heard)} of {len(heard)} were told of twice")
    missed = [number for number, proof in enumerate(proofs) if proof and not heard[number]]
    assert not missed
    # Once more where the end marker overtakes the line that it belongs to: the correlator knows.
    assert max(heard) <= 2
    assert sum(found) >= 0.99 * REPLAYS
