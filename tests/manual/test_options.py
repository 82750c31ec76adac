"""Every option and verb that --help knows is in the program's page as it is, and no other."""
import re

import pytest

from tests.harness.programs import run
from tests.manual.pages import PAGES, items, page, render, section

PROGRAMS = ("lastgasp-listener", "lastgasp-correlator", "lastgasp-actuator", "lastgasp-incidents")
OPTION = re.compile(r"--([a-z][a-z-]*)(?:=(\S+))?")


def help_of(program: str, *verb: str) -> str:
    done = run(program, *verb, "--help")
    assert done.returncode == 0, done.stderr
    return done.stdout


def options_of_help(program: str) -> dict[str, str]:
    """Each option, "--NAME=VALUE", with what is said of it; those of its verbs too."""
    texts = [help_of(program), *(help_of(program, verb) for verb in verbs_of_help(program))]
    entries = [entry for text in texts
               for entry in re.split(r"^  (?=--)", text, flags=re.MULTILINE)[1:]]
    parts = [entry.split(maxsplit=1) for entry in entries]
    return {option: " ".join(said.split()) for option, said in parts}


def verbs_of_help(program: str) -> set[str]:
    return set(re.findall(r"^  ([a-z]+) ", help_of(program), re.MULTILINE))


def options_of_page(program: str) -> dict[str, str]:
    return {item.tag: item.body for item in items(section(page(program), "OPTIONS"))
            if item.tag.startswith("--")}


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_page_has_every_option_of_help_and_no_other(program):
    said, written = options_of_help(program), options_of_page(program)
    assert set(said) - set(written) == set(), f"missing from {page(program).name}"
    assert set(written) - set(said) == set(), f"{page(program).name} has what --help does not know"


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_page_tells_the_same_default_and_what_is_required(program):
    written = options_of_page(program)
    for option, said in options_of_help(program).items():
        body = written.get(option, "")
        default = re.search(r"\(default (\S+)\)$", said)
        assert not default or f"The default is {default[1]}." in body \
            or f"the default is {default[1]}." in body, f"{option}: {said}"
        assert ("(required)" in said) == ("Required." in body), option


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_verb_is_in_the_page(program):
    described = {item.tag.split()[0] for item in items(section(page(program), "DESCRIPTION"))}
    assert verbs_of_help(program) - described == set(), f"missing from {page(program).name}"


def test_no_page_names_an_option_that_no_program_of_ours_has():
    known = {OPTION.match(option)[1] for program in PROGRAMS for option in options_of_help(program)}
    for path in PAGES:
        named = {name for name, _ in OPTION.findall("\n".join(render(path)))}
        assert named - known == set(), f"in {path.name}"
