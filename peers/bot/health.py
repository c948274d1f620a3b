"""`/healthz` of a process with bots: whether all of them do what they are for, for whoever restarts or balances."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from peers.bot.bot import Bot


class CannotListen(Exception):
    """The health address cannot be listened on; the text says why."""


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:9000`, `[::1]:9000` or `:9000` (every address). Raises ValueError."""
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
    except ValueError:
        port = None
    if port is None or parts.path or parts.query or parts.username is not None:
        raise ValueError(f"an address looks like 127.0.0.1:9000, not {text!r}")
    return parts.hostname or "", port


def report(bots: Sequence[Bot]) -> tuple[bool, dict[str, Any]]:
    """Whether all is well, and what `/healthz` says."""
    states = [bot.status() for bot in bots]
    well = all(state.ok for state in states)
    stopping = any(state.stopping for state in states)
    word = "ok" if well else "stopping" if stopping else "unavailable"
    return well, {"status": word, "bots": [msgspec.to_builtins(state) for state in states]}


@asynccontextmanager
async def serving_health(bots: Sequence[Bot], host: str, port: int) -> AsyncIterator[str]:
    """Answer `GET /healthz`: 200 while every bot is connected and in its rooms, 503 otherwise; gives the URL.

    Raises CannotListen.
    """

    async def healthz(_: web.Request) -> web.Response:
        well, said = report(bots)
        return web.json_response(said, status=200 if well else 503)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host or None, port).start()
        except OSError as error:
            raise CannotListen(
                f"cannot tell health at {host}:{port}: {error.strerror or error}. "
                "Choose another address, or stop what is using it"
            ) from None
        bound_host, bound_port = runner.addresses[0][:2]
        shown = f"[{bound_host}]" if ":" in bound_host else bound_host
        yield f"http://{shown}:{bound_port}/healthz"
    finally:
        await runner.cleanup()
