"""Someone at a shell, who types commands and records and reads what is printed."""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess

from tests.harness.edges import encode
from tests.harness.programs import ROOT, die_with_parent, wait_until
from tests.manual.pages import PAGES, render

# Paths that README and the manual show, and where the tests have such things.
FOLDERS = ("/tmp/", "/run/lastgasp-actuator/")
PASSES = {b">": "down", b"<": "up"}  # what `socat -v` puts before a packet


def commands_in(lines: list[str]) -> set[str]:
    """Those with socat in them, each on one line: a pipe may be broken behind its `|`."""
    text = "\n".join(line.strip() for line in lines).replace("|\n", "| ")
    return {line for line in text.splitlines() if re.search(r"\bsocat +[-A-Z]", line)}


def commands_shown() -> dict[str, str]:
    """Every command with socat that README or the manual shows, with where it stands."""
    texts = {"README.md": (ROOT / "README.md").read_text().splitlines(),
             **{path.name: render(path) for path in PAGES}}
    return {command: name for name, lines in texts.items() for command in commands_in(lines)}


class Person:
    """Types COMMAND into a shell, in FOLDER and about what is there."""

    def __init__(self, command: str, folder: pathlib.Path):
        for shown in FOLDERS:
            command = command.replace(shown, f"{folder}/")
        self.printed = folder / "printed"
        with open(self.printed, "wb") as output:
            self.process = subprocess.Popen(["sh", "-c", command], cwd=folder,
                                            stdin=subprocess.PIPE, stdout=output, stderr=output,
                                            start_new_session=True, preexec_fn=die_with_parent)

    def types(self, record: dict) -> None:
        self.process.stdin.write(encode(record))
        self.process.stdin.flush()

    def seen(self) -> list[dict]:
        """The records printed so far; `way` says which way they pass, where socat does."""
        way, found = None, []
        for line in self.printed.read_bytes().rpartition(b"\n")[0].splitlines():
            way = PASSES.get(line[:1], way)
            if line.startswith(b"{"):
                found.append({**json.loads(line), "way": way})
        return found

    def sees(self, kind: str, seconds: float = 10.0, **fields) -> dict:
        def find():
            return [record for record in self.seen() if record["type"] == kind
                    and all(record.get(name) == value for name, value in fields.items())]
        return wait_until(find, seconds, f"a {kind} {fields} printed; this is: "
                          + self.printed.read_text(errors="replace")[:2000])[0]

    def ends(self, seconds: float = 20.0) -> int:
        return self.process.wait(seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):  # it has ended, and all that it started
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
