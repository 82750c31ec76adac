"""How the demo speaks: headings, tables and steps; coloured on a terminal, plain in a pipe."""
import os
import shutil
import sys
import textwrap

COLOURED = sys.stdout.isatty() and "NO_COLOR" not in os.environ
BOLD, DIM, RED, GREEN, YELLOW = "1", "2", "31", "32", "33"


def paint(text: str, *codes: str) -> str:
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if COLOURED else text


def heading(text: str) -> None:
    print(f"\n{paint(text, BOLD)}", flush=True)


def line(text: str = "", *codes: str) -> None:
    print(f"  {paint(text, *codes) if codes else text}", flush=True)


def table(names: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(row[i]) for row in [names, *rows]) for i in range(len(names))]

    def cells(row: list[str]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
    line(cells(names), DIM)
    for row in rows:
        line(cells(row))


def wrapped(head: str, text: str) -> None:
    """A line whose text goes on under itself, not under its head."""
    width = max(100, shutil.get_terminal_size().columns) - 2
    rows = textwrap.wrap(text, width - len(head), break_on_hyphens=False)
    line(f"\n  {' ' * len(head)}".join([head + rows[0], *rows[1:]]))
