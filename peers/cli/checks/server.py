"""Whether the server can be reached, by what, and what it tells who joins."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from peers.cli.checks.findings import Finding
from peers.connection import TRANSPORTS, Connection
from peers.errors import ConnectionFailed, EitherwayError, Refused
from peers.identity import Identity
from peers.membership import Membership
from signalling.protocol.events import IceServer, Joined
from signalling.protocol.limits import PROTOCOL


def random_room() -> str:
    """The name of a room that nobody else is in."""
    return f"doctor-{secrets.token_urlsafe(12)}"


async def check_server(url: str, token: str | None, timeout: float) -> tuple[Finding, list[IceServer] | None]:
    """Connect and join, as any peer does. Gives also the ICE servers that the server names; None: it can't be used."""
    failures: list[ConnectionFailed] = []
    for transport in TRANSPORTS:
        begun = asyncio.get_running_loop().time()
        try:
            async with connected(url, token, transport, timeout) as connection:
                took = asyncio.get_running_loop().time() - begun
                joined = await _join(connection)
        except Refused as error:
            return _refused(url, error), None
        except ConnectionFailed as error:
            failures.append(error)
            continue
        return _reached(url, transport, took, failures), joined.ice_servers
    text = f"{url} cannot be reached: {_reason(failures[0])}"
    advice = (
        "Is `eitherway serve` running there? Does the URL name its host and port, and does a firewall let them "
        "through? A server on 127.0.0.1 is reached from its own machine only: start it with --host 0.0.0.0 for others, "
        "and with keys for tokens or --open."
    )
    return Finding("server", "failed", text, advice, {"url": url, "transport": None}), None


@asynccontextmanager
async def connected(url: str, token: str | None, transport: str, timeout: float) -> AsyncIterator[Connection]:
    """A connection to the server, by this transport. Raises ConnectionFailed, Refused."""
    connection = Connection(
        url,
        token=token,
        transports=[transport],
        timeout=timeout,
        reconnect=False,
        on_event=lambda name, data: None,
        on_connected=lambda: None,
        on_disconnected=lambda reason: None,
        on_closed=lambda error: None,
        on_error=lambda error: None,
    )
    try:
        await connection.open()
        yield connection
    finally:
        await connection.close()


async def _join(connection: Connection) -> Joined:
    """What the server tells who joins. Raises ConnectionFailed, Refused."""
    membership = Membership(Identity.generate(), os.urandom(32), random_room(), {})
    event = membership.join(origin=connection.origin, sid=connection.sid, connection=connection.number)
    reply = await connection.request("join", msgspec.to_builtins(event))
    try:
        joined = msgspec.convert(reply, Joined)
    except msgspec.ValidationError as error:
        raise ConnectionFailed(f"its reply to `join` makes no sense: {error}") from None
    await connection.request("leave", {"room": membership.room})
    return joined


def _reached(url: str, transport: str, seconds: float, failures: list[ConnectionFailed]) -> Finding:
    data = {"url": url, "transport": transport, "seconds": seconds, "protocol": PROTOCOL}
    text = f"{url} is reached in {seconds * 1e3:.0f} ms by {_spelled(transport)}, protocol {PROTOCOL}"
    if transport == TRANSPORTS[0]:
        return Finding("server", "ok", text, data=data)
    return Finding(
        "server",
        "warning",
        f"{text}; WebSocket fails: {_reason(failures[0])}",
        "Something on the way lets no WebSocket through: a reverse proxy has to pass on the headers Upgrade and "
        "Connection. Until then clients relay more slowly; Client(url, transports=['polling']) saves the first try.",
        {**data, "websocket": str(failures[0])},
    )


def _refused(url: str, error: Refused) -> Finding:
    advice = {
        "unsupported-protocol": f"This program speaks protocol {PROTOCOL}: install the version that the server has.",
        "unauthorized": "Give a token that is good (--token), or its --origins differ from what was dialled.",
        "forbidden": "The token has to allow `join` in rooms named doctor-*.",
        "rate-limited": "Try again later.",
        "room-full": "Try again later.",
        "shutting-down": "Try again when it is back.",
    }.get(error.code, "Its log tells why.")
    return Finding("server", "failed", f"{url} refuses: {error}", advice, {"url": url, "refused": error.code})


def _reason(error: EitherwayError) -> str:
    """What went wrong, without what is said anyway."""
    text = str(error)
    return (text.partition(": ")[2] or text).partition(" Is `eitherway serve`")[0].rstrip(".")


def _spelled(transport: str) -> str:
    return "WebSocket" if transport == "websocket" else "long-polling only"
