"""docs/architecture.md: floors as import-linter holds them, a row for every room, pictures that can be drawn."""

import re
import tomllib
from typing import Any

import pytest

from peers.negotiation.attempt import Phase
from peers.negotiation.negotiation import Negotiation
from peers.roster import RosterCore
from peers.session.link_core import LinkCore
from peers.session.session import Session
from tests.docs.examples import of_kind
from tests.docs.generated import ARCHITECTURE, modules
from tests.docs.markdown import ROOT, Block, blocks, plain, table

PAGE = "docs/architecture.md"
WINGS = ("peers", "signalling")


def contracts() -> dict[str, list[str]]:
    """The layers of each wing, from the top."""
    settings: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return {c["containers"][0]: c["layers"] for c in settings["contracts"] if c["type"] == "layers"}


def picture_after(heading: str) -> Block:
    """The first fenced block after a heading."""
    line = ARCHITECTURE.read_text().splitlines().index(heading)
    return next(block for block in blocks(ARCHITECTURE) if block.line > line)


@pytest.mark.parametrize("wing", WINGS)
def test_the_floors_are_those_of_import_linter(wing: str) -> None:
    assert picture_after(f"### Floors of {wing}").text.splitlines() == contracts()[wing]


@pytest.mark.parametrize("wing", WINGS)
def test_every_room_has_a_row(wing: str) -> None:
    rows = table(PAGE, f"### The rooms of {wing}")
    assert [plain(row["room"]) for row in rows] == list(modules(wing)), (
        "a module came or went: run `python -m tests.docs.generated`"
    )
    assert all(row["what it is for"] for row in rows)


def test_files_that_are_named_exist() -> None:
    for name in re.findall(r"`([\w/]+\.py)`", ARCHITECTURE.read_text().split("## Where to look")[1]):
        assert any((ROOT / wing / name).exists() for wing in WINGS), name


def test_the_cores_have_the_shape_that_the_page_shows() -> None:
    for core in (Session, LinkCore, Negotiation, RosterCore):
        assert f"{core.__name__}`" in ARCHITECTURE.read_text()
        for name in ("next_timeout", "handle_timeout", "next_event"):
            assert hasattr(core, name), (core, name)
        assert any(name.startswith("receive") for name in dir(core)), core


def test_the_states_of_an_attempt_are_those_of_the_code() -> None:
    names = {name for line in arrows(picture_after("### An attempt at a direct path")) for name in line}
    assert names == {"[*]", "live", *(phase.name for phase in Phase)}


# ---- pictures

ARROW = re.compile(r"(\[\*\]|\w+) --> (\[\*\]|\w+)(?:: .+)?")
MESSAGE = re.compile(r"(\w+)(->>|-->>|--x|-x)(\w+): .+")
NOTE = re.compile(r"Note over (\w+(?:,\w+)*): .+")
PARTICIPANT = re.compile(r"participant (\w+)(?: as .+)?")


def arrows(block: Block) -> list[tuple[str, str]]:
    """The transitions of a state diagram. Every line must be one."""
    found = []
    for line in block.text.splitlines()[1:]:
        match = ARROW.fullmatch(line.strip())
        assert match, f"{block}: {line}"
        found.append((match[1], match[2]))
    return found


def check_sequence(block: Block) -> None:
    """Every line is a participant, a message or a note, and names participants."""
    known = set()
    for line in block.text.splitlines()[1:]:
        text = line.strip()
        assert ";" not in text, f"{block}: Mermaid ends a statement at a semicolon: {line}"
        if match := PARTICIPANT.fullmatch(text):
            known.add(match[1])
        elif match := NOTE.fullmatch(text):
            assert set(match[1].split(",")) <= known, f"{block}: {line}"
        else:
            match = MESSAGE.fullmatch(text)
            assert match, f"{block}: {line}"
            assert {match[1], match[3]} <= known, f"{block}: {line}"


@pytest.mark.parametrize("block", of_kind("mermaid"), ids=str)
def test_pictures_can_be_drawn(block: Block) -> None:
    match block.text.splitlines()[0]:
        case "sequenceDiagram":
            check_sequence(block)
        case "stateDiagram-v2":
            states = arrows(block)
            assert states[0][0] == "[*]"
            reached = {to for _, to in states}
            assert {source for source, _ in states} - {"[*]"} <= reached, "a state that nothing leads to"
        case other:
            pytest.fail(f"{block}: {other}")
