"""The pages themselves: well formed, installed, and true to the messages that programs log."""
import json
import re
import subprocess

import pytest

from tests.harness.programs import ROOT, build_folder
from tests.manual.pages import PAGES, items, render, section

FOLDERS = {"lastgasp-listener": ["listener"], "lastgasp-correlator": ["correlator"],
           "lastgasp-actuator": ["actuator"], "lastgasp-incidents": ["actuator"]}
each_page = pytest.mark.parametrize("path", PAGES, ids=[path.name for path in PAGES])


def installed() -> list[str]:
    """Where meson install puts things, by what is built here."""
    done = subprocess.run(["meson", "introspect", "--installed", str(build_folder())],
                          capture_output=True, check=True, text=True)
    return list(json.loads(done.stdout).values())


@each_page
@pytest.mark.parametrize("command", [
    ("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"),
    ("mandoc", "-Tlint", "-Wwarning"),
], ids=["man", "mandoc"])
def test_no_page_is_complained_about(path, command):
    done = subprocess.run([*command, str(path)], capture_output=True, check=False, text=True)
    complaints = done.stderr + (done.stdout if command[0] == "mandoc" else "")
    assert (complaints, done.returncode) == ("", 0)


@each_page
def test_every_page_is_installed(path):
    assert any(re.search(rf"/man{path.suffix[1:]}/{re.escape(path.name)}$", place)
               for place in installed())


def test_every_installed_program_has_a_page():
    programs = {place.rsplit("/", 1)[1] for place in installed() if re.search(r"/s?bin/", place)}
    assert programs and programs <= {path.stem for path in PAGES}


@each_page
def test_every_page_that_is_referred_to_is_there(path):
    for name, number in re.findall(r"\b(lastgasp[a-z-]*)\((\d)\)", "\n".join(render(path))):
        assert f"{name}.{number}" in {page.name for page in PAGES}


def texts_of(*folders: str) -> str:
    """The C sources, in which adjacent string literals are one, as the compiler has them."""
    sources = "\n".join(source.read_text() for folder in folders
                        for source in sorted((ROOT / folder).rglob("*.c")))
    return re.sub(r'"\s*"', "", sources).replace('\\"', '"')


@pytest.mark.parametrize("path", [path for path in PAGES if path.stem in FOLDERS],
                         ids=lambda path: path.name)
def test_every_message_in_diagnostics_is_one_that_the_program_has(path):
    """An item is a message's words; what differs from time to time is an ellipsis."""
    sources = texts_of("common", *FOLDERS[path.stem])
    messages = items(section(path, "DIAGNOSTICS"))
    assert messages
    for message in messages:
        missing = [words for words in message.tag.split("...") if words.strip(" ;:") not in sources]
        assert not missing, f"{path.name} explains a message that is not there: {missing}"
