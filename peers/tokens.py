"""Tokens that admit this program to the server: where they come from, and a fresh one before each runs out."""

import asyncio
import base64
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from peers.errors import ConnectionFailed

log = logging.getLogger("eitherway.connection")

Token = str | Callable[[], Awaitable[str]] | None

RENEWED_AFTER: Final = 0.5, 0.75
"""Between these parts of what is left of a token, a fresh one is shown: not by all peers at once."""
RENEWED_WITHIN: Final = 0.5, 86_400.0
"""Seconds: no sooner and no later, whatever the token says and however wrong the clock is."""
AGAIN: Final = 1.0, 30.0
"""Seconds until it is tried again for the first time, doubling, and at most."""


async def fetch(token: Token) -> str | None:
    """The token to show now. Raises whatever the application's function does."""
    return await token() if callable(token) else token


def expiry(token: str) -> float | None:
    """When a token runs out, in Unix time, by its own word: whoever made it knows. None: it does not say."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        found = claims["exp"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return None
    return float(found) if isinstance(found, int | float) and 0 < found < 2**53 else None


async def keep_fresh(
    shown: str | None,
    fresh: Callable[[], Awaitable[str]],
    show: Callable[[str], Awaitable[Any]],
    on_error: Callable[[Exception], None],
) -> None:
    """Shows the server a fresh token before the one that it was `shown` runs out, for as long as it is not cancelled.

    `fresh` gives one; what it raises is passed to `on_error` and tried again, as is what `show` raises.
    """
    expires = expiry(shown) if shown is not None else None
    soonest, latest = RENEWED_WITHIN
    while expires is not None:
        left = expires - time.time()
        await asyncio.sleep(min(latest, max(soonest, left * random.uniform(*RENEWED_AFTER))))
        wait, most = AGAIN
        while True:
            try:
                token = await fresh()
                await show(token)
                break
            except ConnectionFailed as error:
                log.info("no fresh token shown: %s", error)
            except Exception as error:
                log.warning("no fresh token, trying again: %s", error)
                on_error(error)
            await asyncio.sleep(wait)
            wait = min(2 * wait, most)
        expires = expiry(token)
