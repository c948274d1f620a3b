"""docs/reference.md names what there is: members with their parameters, events, errors, options, exit codes."""

from typing import Any, get_args

import pytest

import peers
from peers import client, errors, identity, peer, room
from peers.bot import bot
from signalling import Signalling
from tests.docs import generated
from tests.docs.api import members
from tests.docs.markdown import Row, plain, table

PAGE = "docs/reference.md"
CLASSES: dict[str, type[Any]] = {
    **{
        name: getattr(peers, name)
        for name in ("Client", "Room", "Peer", "Guest", "Channel", "Message", "Identity", "Bot")
    },
    **{name: getattr(peers, name) for name in ("Feed", "Watch", "Post")},
    "Signalling": Signalling,
}


def compare_members(kind: type[Any], rows: list[Row]) -> None:
    """Every public member, as it is spelled and used; and each has a meaning."""
    said = [(plain(row["member"]), row["use"]) for row in rows]
    assert len(said) == len(set(said))
    assert set(said) == members(kind)
    assert all(row["meaning"] for row in rows)


@pytest.mark.parametrize("name", CLASSES)
def test_every_member_is_there(name: str) -> None:
    rows = table(PAGE, f"## `{name}`")
    compare_members(CLASSES[name], rows)
    for index, row in enumerate(rows):
        for wrong in (
            [*rows[:index], *rows[index + 1 :]],
            [*rows[:index], {**row, "member": row["member"] + "x"}, *rows[index + 1 :]],
            [*rows[:index], {**row, "use": "await" if row["use"] != "await" else ""}, *rows[index + 1 :]],
        ):
            with pytest.raises(AssertionError):
                compare_members(CLASSES[name], wrong)


def test_everything_public_is_in_the_reference() -> None:
    described = {*CLASSES, *(plain(row["error"]) for row in table(PAGE, "## Errors"))}
    assert set(peers.__all__) <= described


def test_events() -> None:
    said: dict[str, set[str]] = {}
    for row in table(PAGE, "## Events"):
        said.setdefault(row["of"], set()).add(plain(row["event"]))
    assert said == {
        "Client": set(get_args(client.ClientEvent)),
        "Room": set(get_args(room.RoomEvent)),
        "Peer": set(get_args(peer.PeerEvent)),
        "Bot": set(get_args(bot.BotEvent)),
    }


def test_errors() -> None:
    found = {
        name: value for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)
    }
    found["BadIdentity"] = identity.BadIdentity
    rows = {plain(row["error"]): plain(row["also a"]) for row in table(PAGE, "## Errors")}
    assert rows.keys() == found.keys()
    for name, also in rows.items():
        bases = [base.__name__ for base in found[name].__bases__ if base is not errors.EitherwayError]
        assert bases == ([also] if also else []), name


@pytest.mark.parametrize("heading", generated.TABLES)
def test_generated_tables(heading: str) -> None:
    page = generated.REFERENCE.read_text()
    assert generated.with_table(page, heading, generated.TABLES[heading]()) == page, (
        "an option has changed: run `python -m tests.docs.generated`"
    )
