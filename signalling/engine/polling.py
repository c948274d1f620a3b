"""Requests as Engine.IO's protocol has them, where python-engineio is laxer (rule V5)."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qs

import engineio.exceptions

_BODY: Final = 30.0
"""Seconds for the body of a polling request to come in, once it has begun."""

Environ = dict[str, Any]
Cut = Callable[[str], Awaitable[None]]


def name_transports(translate: Callable[..., Any]) -> Callable[..., Any]:
    """Requests that name no transport name one that there isn't: engine.io would take them for polling."""

    def named(environ: Environ) -> Environ:
        query = environ.get("QUERY_STRING", "")
        return environ if "transport" in parse_qs(query) else {**environ, "QUERY_STRING": query + "&transport=none"}

    if not inspect.iscoroutinefunction(translate):
        return lambda *request: named(translate(*request))

    async def translate_request(*request: Any) -> Environ:
        return named(await translate(*request))

    return translate_request


def say_ok(ok: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """What a request with packets is answered: `ok`. engine.io says it in capital letters."""

    def answer(packets: Any = None, headers: Any = None, jsonp_index: int | None = None) -> dict[str, Any]:
        told = ok(packets, headers, jsonp_index)
        return told if packets is not None else {**told, "response": b"ok"}

    return answer


def create_route(app: Any, server: Any, endpoint: str) -> None:
    """Every method leads to engine.io, which answers 400 to those that it does not know, as to all that is wrong."""
    server._method_not_found = server._bad_request
    app.router.add_route("*", endpoint, server.handle_request)


def guard(socket: Any, cut: Cut) -> None:
    """Closes a client that polls or sends twice at once, so that order is lost, or sends what cannot be parsed, which
    engine.io would drop and answer with `ok`. `cut` ends the connection for a reason.
    """
    get, post = socket.handle_get_request, socket.handle_post_request
    polling = sending = upgrading = False

    async def handle_get_request(environ: Environ) -> Any:
        nonlocal polling, upgrading
        if "HTTP_UPGRADE" in environ:
            if upgrading:
                return socket.server._bad_request("another WebSocket of this session is there")
            upgrading = True
            try:
                return await get(environ)
            finally:
                upgrading = False
        if polling:
            await socket.close(wait=False)  # the first poll tells the client
            raise engineio.exceptions.EngineIOError
        polling = True
        try:
            return await get(environ)
        finally:
            polling = False

    async def handle_post_request(environ: Environ) -> None:
        nonlocal sending
        if sending:
            await cut("two polling requests with packets at once")
            raise engineio.exceptions.EngineIOError
        sending = True
        try:
            async with asyncio.timeout(socket.server.ping_timeout):
                await socket.queue.until_read()
            async with asyncio.timeout(_BODY):
                await post({**environ, "wsgi.input": _WholeBody(environ["wsgi.input"])})
        except Exception as error:
            if socket.closed:
                return  # another request ended the session; engine.io has no answer where it has forgotten it
            await cut(f"bad polling request: {str(error) or type(error).__name__}")
            raise engineio.exceptions.EngineIOError from None
        finally:
            sending = False

    socket.handle_get_request = handle_get_request
    socket.handle_post_request = handle_post_request


class _WholeBody:
    """The body of a polling request, read to its end.

    engine.io asks aiohttp's stream once, and takes what has arrived so far (up to 64 KiB or so) for all of it; with
    ASGI it takes the beginning of a body that broke off for all of it.
    """

    def __init__(self, content: Any) -> None:
        self._content = content

    async def read(self, length: int) -> bytes:
        """Exactly so many bytes; the caller has bounded them. Raises IncompleteReadError if the client breaks off."""
        body: bytes
        if hasattr(self._content, "readexactly"):
            body = await self._content.readexactly(length)
        else:
            body = await self._content.read(length)
            if len(body) < length:
                raise asyncio.IncompleteReadError(body, length)
        return body
