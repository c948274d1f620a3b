"""Runs a bot beside a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from peers import Bot
from tests.waiting import eventually


@asynccontextmanager
async def running(bot: Bot, url: str, *rooms: str, **options: Any) -> AsyncIterator["asyncio.Task[None]"]:
    """Run a bot, once it is in its rooms; it is stopped at the end, and must end well."""
    task = asyncio.create_task(bot.run(url, rooms or ("r",), **{"p2p": "never", **options}))
    try:
        await eventually(lambda: bot.status().ok or task.done())
        yield task
        bot.stop()
        async with asyncio.timeout(20):
            await task
    finally:
        task.cancel()
        await asyncio.wait([task])
