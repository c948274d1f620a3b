"""Rounds in which one posts to very many, who are programs in few processes that only count."""

import contextlib
from typing import Any

from tests.benchmarks.contest import Samples
from tests.benchmarks.processes import Program, playing

PROCESSES = 2
"""That a crowd is divided among."""
POSTS = 400
SIZE = 200
"""Bytes of a post's data."""


async def fan_out(
    server: contextlib.AbstractAsyncContextManager[tuple[str, Program]],
    program: str,
    crowd: int,
    *,
    poster_counts: bool,
    **arguments: Any,
) -> Samples:
    """Have a crowd of this program get every post; `poster_counts`: whether who posts is one of them."""
    async with server as (url, process), contextlib.AsyncExitStack() as stack:
        crowds: list[Program] = []
        for number in range(PROCESSES):
            posting = number == 0
            count = crowd // PROCESSES - (posting and poster_counts)
            one = playing(program, "crowd", url=url, count=count, posts=POSTS, posting=posting, **arguments)
            crowds.append(await stack.enter_async_context(one))
            await crowds[-1].hear()
        before = process.cpu()
        for each in reversed(crowds):  # the first one posts
            each.tell(go=True)
        told = [await each.hear() for each in crowds]
        served = process.cpu() - before
        for each in crowds:
            each.tell(enough=True)
    seconds = max(each["ended"] for each in told) - told[0]["begun"]
    deliveries = crowd * POSTS
    return {
        "deliveries": [deliveries / seconds],
        "server": [served * 1e6 / deliveries],
        "crowd": [sum(each["cpu"] for each in told) * 1e6 / deliveries],
    }
