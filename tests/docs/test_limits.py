"""docs/limits.md has the values that the code has."""

import inspect
from typing import Any

import pytest

from peers import channel, complaints, dialling, emitter, feed, feed_watch, members, sending, tries
from peers.bot import bot, handling, process, service, watchdog
from peers.codec import payloads, values
from peers.link import Link
from peers.negotiation import attempt, retry, signals
from peers.paths import aioice_seam, gathering
from peers.session.credit import Budget
from peers.session.rules import Rules
from signalling import announcer, namespace, throttle
from signalling.config import Config
from signalling.engine import queue
from signalling.protocol import limits
from signalling.webhooks import endpoint, events, outbox, schedule, sender
from tests.docs.markdown import Row, plain, quantity, table

PAGE = "docs/limits.md"
SECTIONS = (
    *("## Messages", "## A link", "## Direct paths", "## Bots", "## Reaching the server", "## The server"),
    "## Webhooks",
)
HOMES: dict[str, Any] = {
    "Budget": Budget(),
    "Config": Config(),
    "Rules": Rules(),
    **{
        module.__name__.rpartition(".")[2]: module
        for module in (
            *(
                aioice_seam,
                announcer,
                attempt,
                channel,
                dialling,
                emitter,
                feed,
                feed_watch,
                gathering,
                limits,
                namespace,
                throttle,
            ),
            *(members, payloads, queue, retry, sending, signals, tries, values),
            *(bot, complaints, handling, process, service, watchdog),
            *(endpoint, events, outbox, schedule, sender),
        )
    },
}


def found(where: str) -> Any:
    """The value of a constant or option."""
    if where == "Link.close.timeout":
        return inspect.signature(Link.close).parameters["timeout"].default
    home, _, name = where.partition(".")
    return getattr(HOMES[home], name)


def wrong_rows(rows: list[Row]) -> list[str]:
    """What a table says otherwise than the code."""
    return [row["limit"] for row in rows if quantity(row["value"]) != found(plain(row["where"]))]


@pytest.mark.parametrize("section", SECTIONS)
def test_limits(section: str) -> None:
    rows = table(PAGE, section)
    assert wrong_rows(rows) == []
    assert wrong_rows([{**row, "value": "7 MiB"} for row in rows]) == [row["limit"] for row in rows]
