"""lastgasp-records(7) against the table that drives encoding and decoding, and the golden files."""
import dataclasses
import subprocess

import pytest

from tests.harness.programs import ROOT, build_folder
from tests.manual.pages import items, page, section, subsections

PAGE = page("lastgasp-records")
NUMBER_MAX = 2 ** 53
UNITS = {"text": "text, {} bytes", "lines": "list of texts, {} bytes",
         "pairs": "texts by name, {} bytes", "counts": "numbers by name, {} bytes",
         "count": "number up to {}", "choice": "word", "flag": "true or false"}


@dataclasses.dataclass
class Field:
    name: str
    kind: str
    max: int
    required: bool
    choices: list[str]

    def tag(self) -> str:
        """As the page writes it."""
        form = "number" if self.kind == "count" and self.max == NUMBER_MAX else UNITS[self.kind]
        return f"{self.name} ({form.format(self.max)}{'' if self.required else ', optional'})"


@dataclasses.dataclass
class Type:
    sent_by: list[str]
    read_by: list[str]
    acknowledged: bool
    fields: list[Field]

    def head(self) -> str:
        """What its part of the page begins with."""
        return (f"Sent by {', '.join(self.sent_by)}; read by {', '.join(self.read_by)}; "
                f"{'' if self.acknowledged else 'not '}acknowledged.")


def table() -> dict[str, Type]:
    types: dict[str, Type] = {}
    program = build_folder() / "tests" / "manual" / "print_records"
    for line in subprocess.run([program], capture_output=True, check=True,
                               text=True).stdout.splitlines():
        what, name, *rest = line.split()
        if what == "type":
            sent_by, read_by, how = rest
            types[name] = Type(sent_by.split(","), read_by.split(","), how == "acknowledged", [])
        else:
            kind, most, need, *choices = rest
            list(types.values())[-1].fields.append(
                Field(name, kind, int(most), need == "required",
                      choices[0].split(",") if choices else []))
    return types


TABLE = table()
WRITTEN = subsections(section(PAGE, "RECORD TYPES"))
each_type = pytest.mark.parametrize("name", TABLE)


def test_the_page_has_every_record_type_and_no_other():
    assert set(TABLE) - set(WRITTEN) == set(), f"missing from {PAGE.name}"
    assert set(WRITTEN) - set(TABLE) == set(), f"{PAGE.name} has what the table does not know"


@each_type
def test_who_sends_it_to_whom_is_as_in_the_table(name):
    assert " ".join(" ".join(WRITTEN[name]).split()).startswith(TABLE[name].head())


@each_type
def test_every_field_is_there_in_its_place_and_no_other(name):
    said = [field.tag() for field in TABLE[name].fields]
    written = [item.tag for item in items(WRITTEN[name])]
    assert set(said) - set(written) == set(), f"missing from {PAGE.name}, {name}"
    assert set(written) - set(said) == set(), f"{PAGE.name}, {name} has what the table does not"
    assert written == said


@each_type
def test_every_word_that_a_field_may_have_is_there_and_no_other(name):
    """Said once where two types have the same field."""
    for field, item in zip(TABLE[name].fields, items(WRITTEN[name]), strict=True):
        if not field.choices or any(
                f"As in {other}" in item.body and field.name == same.name
                and field.choices == same.choices
                for other, type in TABLE.items() for same in type.fields if other != name):
            continue
        assert f"One of {', '.join(field.choices)}." in item.body, f"{name}, {field.name}"


@each_type
def test_its_example_is_the_golden_record(name):
    """Folded, since a page is not as wide as a record may be."""
    lines = [line.strip() for line in WRITTEN[name]]
    begin = next(i for i, line in enumerate(lines) if line.startswith("{"))
    end = next(i for i, line in enumerate(lines) if i >= begin and line == "")
    golden = (ROOT / "tests" / "records" / f"{name}.json").read_text()
    assert "".join(lines[begin:end]) + "\n" == golden
