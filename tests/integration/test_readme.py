"""The README's index of promises names what is there."""
import re

import pytest

from tests.harness.programs import ROOT

HEADER = "| promise | kept by | attacked by |\n|---|---|---|\n"


def promises() -> list[tuple[str, str]]:
    """What keeps each, and what attacks it."""
    _, _, rest = (ROOT / "README.md").read_text().partition(HEADER)
    rows = [line.strip("|").split("|") for line in rest.splitlines() if line.startswith("|")]
    return [(kept_by, attacked_by) for _, kept_by, attacked_by in rows]


def named_in(attacked_by: str) -> list[str]:
    found = []
    for part in attacked_by.split(";"):
        suite = part.split()[0]
        found += [f"tests/{suite}/{name}" + (".c" if suite == "unit" else "")
                  for name in re.findall(r"`(.+?)`", part)]
    return found


def test_the_index_has_the_five_promises():
    assert len(promises()) == 5


@pytest.mark.parametrize("kept_by, attacked_by", promises())
def test_each_function_file_and_test_of_the_index_exists(kept_by, attacked_by):
    functions = re.findall(r"`(\w+)` \(([\w/]+\.c)\)", kept_by)
    assert len(functions) == kept_by.count("`") / 2 > 0
    for name, path in functions:
        assert re.search(rf"^\w[^;{{]*\b{name}\(", (ROOT / path).read_text(), re.MULTILINE), name
    paths = re.findall(r"\w+/[\w/]+\.[ch]", kept_by) + named_in(attacked_by)
    assert [path for path in paths if not (ROOT / path).is_file()] == []
