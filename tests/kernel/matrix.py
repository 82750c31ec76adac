"""tests/kernel/run --matrix: what a listener finds of every kernel's every end.

Each scenario is run once a kernel, by a guest that sends to one port a format; what was on the wire
then goes to a real listener through a network that loses and reorders, with 20 seeds each.  Ends
with status 1 if a panic whose line or end marker got through was not found, or one was found where
the machine lived (but in the basic format, which cannot tell /dev/kmsg from the kernel).
"""
import dataclasses
import pathlib
import random
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE), str(HERE.parent / "cluster")]

from conftest import AT_A_TIME, kernel  # noqa: E402
from guest import Guest  # noqa: E402
from losses import has_proof, panics_heard, relay  # noqa: E402
from network import Network, target  # noqa: E402
from scenarios import LIVES, PANICS, Scenario  # noqa: E402
from tests.harness.programs import wait_until  # noqa: E402
from wire import Datagram, Wire  # noqa: E402

KERNELS = ("6.1", "6.12")
PORTS = {"basic": 6671, "extended": 6672, "release": 6673}
LOSSES = (0.0, 0.1, 0.3)
SEEDS = 20
LIVES_SECONDS, ENDS_SECONDS = 5, 60


def formats_of(series: str) -> list[str]:
    return ["basic", "extended"] + (["release"] if series != "6.1" else [])


def scenarios() -> list[Scenario]:
    """Each once, whichever kernel the suite runs it with; a program's UDP is no kernel's."""
    by_name = {scenario.name: scenario for scenario in PANICS + LIVES
               if not (scenario.v6 or scenario.above) and scenario.name != "udp-of-a-program"}
    return list(by_name.values())


def capture(folder: pathlib.Path, series: str, chosen: list[Scenario],
            ) -> dict[Scenario, list[Datagram]]:
    """What these left on the wire, run side by side."""
    with Network(folder) as network:
        wire = Wire(network.router, "nodes", *PORTS.values())
        start = "".join(target(PORTS[format], extended=format != "basic",
                               release=format == "release") for format in formats_of(series))
        guests = [network.boot(f"{series}-{scenario.name}", kernel(series), start)
                  for scenario in chosen]
        for guest in guests:
            guest.wait_booted()
        for guest, scenario in zip(guests, chosen):
            guest.type(scenario.command)
        for guest, scenario in zip(guests, chosen):
            wait_for_end(guest, scenario)
        wire.close()
        return {scenario: [d for d in wire.datagrams if d.source == guest.address]
                for guest, scenario in zip(guests, chosen)}


def wait_for_end(guest: Guest, scenario: Scenario) -> None:
    if scenario.code:
        wait_until(guest.has_panicked, ENDS_SECONDS, f"the panic of {scenario}")
        guest.stop_after_panic()
    else:
        time.sleep(LIVES_SECONDS)


@dataclasses.dataclass
class Row:
    """One cell of the matrix: what gets through with each seed."""
    series: str
    scenario: Scenario
    format: str
    loss: float
    sent: int
    runs: list[list[bytes]]

    def check(self, heard: list[int]) -> bool:
        """Prints it; whether all is as it should be. HEARD: panics of each run."""
        proofs = [has_proof(run, self.format != "basic") for run in self.runs]
        missed = sum(proof and not count for proof, count in zip(proofs, heard))
        lives = not self.scenario.code and self.format != "basic"
        false = sum(map(bool, heard)) if lives else 0
        print(f"{self.series:6} {self.format:9} {self.scenario.name:18} {self.loss:5.0%} "
              f"{self.sent:6} {sum(proofs):6} {sum(map(bool, heard)):6} {missed:6} {false:6}",
              flush=True)
        return not missed and not false


def rows(series: str, captured: dict[Scenario, list[Datagram]]) -> list[Row]:
    made = []
    for scenario, sent in captured.items():
        for format in formats_of(series):
            datagrams = [(d.at, d.data) for d in sent if d.port == PORTS[format]]
            for loss in LOSSES:
                chances = [random.Random(f"{series} {scenario} {format} {seed}")
                           for seed in range(SEEDS)]
                made.append(Row(series, scenario, format, loss, len(datagrams),
                                [relay(datagrams, loss, chance) for chance in chances]))
    return made


def check(folder: pathlib.Path, made: list[Row]) -> bool:
    heard = panics_heard(folder, [run for row in made for run in row.runs])
    return all([row.check(heard[at * SEEDS:(at + 1) * SEEDS]) for at, row in enumerate(made)])


def main() -> int:
    good = True
    print(f"{SEEDS} replays a row\n{'kernel':6} {'format':9} {'scenario':18} {'loss':>5} "
          f"{'sent':>6} {'proof':>6} {'found':>6} {'missed':>6} {'false':>6}")
    for series in KERNELS:
        chosen = scenarios()
        for first in range(0, len(chosen), AT_A_TIME):
            with tempfile.TemporaryDirectory() as folder:
                captured = capture(pathlib.Path(folder), series, chosen[first:first + AT_A_TIME])
                good = check(pathlib.Path(folder), rows(series, captured)) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
