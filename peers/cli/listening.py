"""Follows a topic of a room's feed by the server's HTTP stream, whatever breaks, without a gap that is not told."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from peers.backoff import Backoff
from peers.cli.api import Api, check, unreachable
from peers.errors import ConnectionFailed, Refused

_SILENT: Final = 40.0
"""Seconds after which a stream is dead: the server says something every 15."""
_FATAL: Final = frozenset({"bad-request", "unauthorized", "forbidden", "not-found"})
"""Refusals that no waiting mends."""


class _Position:
    """How far a stream has come."""

    def __init__(self) -> None:
        self.since: int | None = None


async def follow(api: Api, room: str, topic: str) -> AsyncIterator[dict[str, Any] | None]:
    """Posts on a topic as they are made from now on; None: some were missed. It comes back when the connection is lost.

    Raises Refused, and ConnectionFailed if the server cannot be reached at the beginning.
    """
    position, backoff = _Position(), Backoff()
    while True:
        wait: float | None = None
        try:
            async for line in _stream(api, room, topic, position):
                backoff.reset()
                yield line
        except Refused as refused:
            if refused.code in _FATAL:
                raise
            wait = refused.retry_after
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if position.since is None:
                raise ConnectionFailed(unreachable(api.url, error)) from None
        await asyncio.sleep(wait if wait is not None else backoff.next(nobody=True))


async def _stream(api: Api, room: str, topic: str, position: _Position) -> AsyncIterator[dict[str, Any] | None]:
    """One connection's part."""
    query = {"topics": topic}
    if position.since is not None:
        query["since"] = str(position.since)
    address = f"{api.url}/api/v1/rooms/{quote(room, safe='')}/feed"
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=_SILENT)
    headers = {"Accept": "application/x-ndjson"}
    async with api.http.get(address, params=query, headers=headers, timeout=timeout) as response:
        await check(response)
        async for text in response.content:
            if not text.strip():
                continue
            line = json.loads(text)
            if "topic" in line:
                position.since = line["id"]
                yield line
            elif "watching" in line:
                position.since = line["watching"]
            elif "missed" in line:
                position.since = line["missed"]
                yield None
