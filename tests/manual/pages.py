"""The manual's pages as a reader sees them, on a screen so wide that no paragraph is broken."""
import dataclasses
import functools
import os
import pathlib
import re
import subprocess

from tests.harness.programs import ROOT

PAGES = sorted(path for folder in ("common", "listener", "correlator", "actuator",
                                   "systemd/node")
               for path in (ROOT / folder).glob("*.[1-8]"))
TEXT_INDENT, BODY_INDENT = 5, 13  # of mdoc's paragraphs, and of what is said about a list's items


@dataclasses.dataclass
class Item:
    """Of a list: what it is about, and what is said about it."""
    tag: str
    body: str


def page(name: str) -> pathlib.Path:
    (path,) = [path for path in PAGES if path.stem == name]
    return path


@functools.cache
def render(path: pathlib.Path) -> list[str]:
    done = subprocess.run(["man", "--nh", "--nj", "-l", str(path)], capture_output=True, check=True,
                          text=True, env={**os.environ, "MANWIDTH": "1000", "LC_ALL": "C.UTF-8",
                                          "MANPAGER": "cat"})
    return done.stdout.splitlines()


def _part(lines: list[str], heading: str, indent: int) -> list[str]:
    begin = lines.index(" " * indent + heading) + 1
    for end in range(begin, len(lines)):
        if re.match(rf" {{0,{indent}}}\S", lines[end]):
            return lines[begin:end]
    return lines[begin:]


def section(path: pathlib.Path, title: str) -> list[str]:
    return _part(render(path), title, 0)


def subsections(lines: list[str]) -> dict[str, list[str]]:
    titles = [line.strip() for line in lines if re.match(r" {3}\S", line)]
    return {title: _part(lines, title, 3) for title in titles}


def items(lines: list[str]) -> list[Item]:
    """A short tag has the beginning of its body beside it, two spaces apart at least."""
    found: list[Item] = []
    in_item = False
    for line, following in zip(lines, [*lines[1:], ""]):
        text = line.strip()
        if text and len(line) - len(line.lstrip()) < BODY_INDENT:
            beside = line[BODY_INDENT:] if line[BODY_INDENT - 2:BODY_INDENT] == "  " else ""
            in_item = bool(beside) or len(following) - len(following.lstrip()) == BODY_INDENT
            if in_item:
                found.append(Item(line[:BODY_INDENT].strip() if beside else text, beside))
        elif text and in_item:
            found[-1].body = f"{found[-1].body} {text}".strip()
    return found
