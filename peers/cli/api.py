"""The server's HTTP API, for commands."""

from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp

from peers.errors import ConnectionFailed, Refused

_TIMEOUT: Final = 20.0
"""Seconds for one answer."""
_MOST_LINE: Final = 4_194_304
"""Bytes of one line of a stream."""


class Api:
    """Asks one server. Raises ValueError for a URL that is none."""

    def __init__(self, url: str, token: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"a server's URL looks like http://127.0.0.1:8080, not {url!r}")
        self.url = url.rstrip("/")
        self._token = token

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
        self.http = aiohttp.ClientSession(headers=headers, timeout=timeout, read_bufsize=_MOST_LINE)
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.http.close()

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        """What the server answers to one request. Raises ConnectionFailed, Refused."""
        try:
            async with self.http.request(method, f"{self.url}/api/v1{path}", **options) as response:
                await check(response)
                return await response.json()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ConnectionFailed(unreachable(self.url, error)) from None


async def check(response: aiohttp.ClientResponse) -> None:
    """Raises Refused if this is an answer that says so."""
    if response.status < 400:
        return
    code, detail = "internal", f"the server answered {response.status}"
    if response.content_type == "application/problem+json":
        problem = await response.json(content_type=None)
        code, detail = str(problem.get("code", code)), str(problem.get("detail", detail))
    elif response.status == 404:
        code, detail = "not-found", f"{response.url.origin()} has no HTTP API there: is it a signalling server?"
    raise Refused(code, detail)


def unreachable(url: str, error: BaseException) -> str:
    """Why a server cannot be asked."""
    what = f"no answer in {_TIMEOUT:g} s" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    return f"cannot reach a signalling server at {url}: {what}. Is `eitherway serve` running there?"
