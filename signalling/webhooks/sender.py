"""One webhook, sent once: an HTTP request, and what its answer means."""

import asyncio
import email.utils
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver

from signalling.webhooks import guard, signing

_MOST_READ: Final = 4_096
"""Bytes of an answer that are read."""
_READING: Final = 1.0
"""Seconds for the rest of an answer whose status is known."""
_CONNECTING: Final = 10.0
"""Seconds for one connection."""
_SHOWN: Final = 200
"""Characters of an answer that are kept to be shown."""


class Outcome(NamedTuple):
    """What became of one try: an error for people, if it failed; seconds that the receiver asks to be left alone for;
    whether it wants no more at all.
    """

    error: str = ""
    retry_after: float = 0.0
    gone: bool = False


class Sender:
    """Sends webhooks. Its connections are kept, but no name is: each new connection resolves it anew."""

    def __init__(
        self,
        keys: Sequence[bytes],
        *,
        timeout: float,
        allow_private: bool,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._keys = keys
        self._timeout = timeout
        connector = aiohttp.TCPConnector(
            limit=0,  # whoever calls bounds what is on its way
            use_dns_cache=False,
            resolver=resolver,
            socket_factory=None if allow_private else guard.make_socket,
        )
        self._http = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, _CONNECTING)),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def send(self, url: str, id: str, body: bytes) -> Outcome:
        """Sends one, signed as of now."""
        timestamp = int(time.time())
        signature = signing.sign(self._keys, id, timestamp, body)
        return await self.send_signed(url, signing.headers(id, timestamp, signature), body)

    async def send_signed(self, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """Sends one with headers that are there already."""
        try:
            async with self._http.post(url, data=body, headers=headers, allow_redirects=False) as response:
                return await self._judge(response)
        except TimeoutError:
            return Outcome(f"no answer within {self._timeout:g} s")
        except guard.Forbidden as error:
            return Outcome(f"refused to connect: {error}")
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, guard.Forbidden):
                return Outcome(f"refused to connect: {error.os_error}")
            return Outcome(f"cannot connect: {error.os_error.strerror or error.os_error}")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome(f"the request failed: {_text(str(error) or type(error).__name__)}")

    async def close(self) -> None:
        """Ends all connections."""
        await self._http.close()

    async def _judge(self, response: aiohttp.ClientResponse) -> Outcome:
        read = await _read(response)
        status = response.status
        if 200 <= status < 300:
            return Outcome()
        if 300 <= status < 400:
            where = _text(response.headers.get("Location", "elsewhere"))
            return Outcome(f"it answered {status}, to {where}: redirects are not followed; name that URL instead")
        said = _text(read.decode(errors="replace"))
        return Outcome(
            f"it answered {status}{f': {said}' if said else ''}",
            retry_after=_retry_after(response.headers.get("Retry-After", "")),
            gone=status == 410,
        )


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The beginning of an answer. If that is not all of it, aiohttp closes the connection."""
    read = b""
    try:
        async with asyncio.timeout(_READING):
            while len(read) < _MOST_READ and not response.content.at_eof():
                read += await response.content.read(_MOST_READ - len(read))
    except (TimeoutError, aiohttp.ClientError):
        pass
    return read


def _retry_after(text: str) -> float:
    """Seconds, however they are said (RFC 9110, section 10.2.3); 0.0 if it makes no sense."""
    if text.strip().isdecimal():
        return float(text.strip()[:12])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def _text(said: str) -> str:
    """What somebody else said, short, in one line, and nothing that a terminal might obey."""
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "?" for c in said).split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 3] + "..."
