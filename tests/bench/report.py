"""How the benchmarks speak: where it was measured, what came out, and a line for each target."""
import dataclasses
import math
import os
import statistics


@dataclasses.dataclass
class Row:
    """One figure. The target is the most that it may be, or its ratio to the peer's; without
    either the figure is for information."""
    what: str
    measured: float
    unit: str
    peer: str
    peer_measured: float | None = None
    most: float | None = None
    most_ratio: float | None = None

    def cells(self) -> list[str]:
        """What was measured, the peer, the ratio, the target, and whether it was reached."""
        peer, ratio = self.peer, None
        if self.peer_measured is not None:
            peer += f" {self.peer_measured:.4g} {self.unit}"
            ratio = self.measured / self.peer_measured
        return [f"{self.measured:.4g} {self.unit}", peer,
                "-" if ratio is None else f"{ratio:.3f}", *self._judged(ratio)]

    def _judged(self, ratio: float | None) -> tuple[str, str]:
        value, target, unit = self.measured, self.most, f" {self.unit}"
        if self.most_ratio is not None:
            value, target, unit = ratio, self.most_ratio, " times"
        if target is None:
            return "-", "for information"
        missed_by = value - target
        return (f"at most {target:g}{unit}",
                "reached" if missed_by <= 0 else f"missed by {missed_by:.3g}{unit}")


NAMES = ["measured", "peer", "ratio", "target"]


def say(text: str = "") -> None:
    print(text, flush=True)


def tell(row: Row) -> None:
    *cells, judged = row.cells()
    words = [f"{name} {cell}" for name, cell in zip(NAMES, cells, strict=True)]
    say(f"{row.what}: {', '.join(words)}: {judged}")


def table(rows: dict[str, list[Row] | None]) -> None:
    """The rows of each benchmark; a line says so if there are none, for it did not work."""
    lines = []
    for bench, some in rows.items():
        cells = [["DID NOT WORK"] + ["-"] * (len(NAMES) + 1)] if some is None else \
            [[row.what, *row.cells()] for row in some]
        lines += [[bench if i == 0 else "", *line] for i, line in enumerate(cells)]
    table_of(["benchmark", "what", *NAMES, ""], lines)


def table_of(names: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(line[i]) for line in [names, *rows]) for i in range(len(names))]
    for line in [names, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        say("  " + "  ".join(cells).rstrip())


def machine() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")),
                     "unknown processor")
    return f"{len(os.sched_getaffinity(0))} cores, {model}, load {os.getloadavg()[0]:.2f}"


def percentile(values: list[float], percent: float) -> float:
    """The smallest value that so many percent of them do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def spread(values: list[float], unit: str) -> str:
    return (f"p50 {statistics.median(values):.4g}, p99 {percentile(values, 99):.4g}, "
            f"max {max(values):.4g} {unit}")
