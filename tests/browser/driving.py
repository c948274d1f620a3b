"""Driving a browser: one small interface, the same for Chromium and Firefox."""

import asyncio
import contextlib
import json
import re
import time
from typing import Any, Protocol

from tests.browser.wire import CommandFailed

DEADLINE = 20.0
"""Seconds for what a test waits for, unless it says otherwise."""
POLL = 0.04
"""Seconds between two looks at a page."""


class Tab(Protocol):
    """What a browser can do with one of its tabs."""

    errors: list[str]
    """What went wrong in it: console errors, and exceptions that nobody caught."""

    async def evaluate(self, function: str, argument: str) -> str:
        """The text that an async function of one text gives. Raises CommandFailed with what it threw."""

    async def navigate(self, url: str) -> None:
        """Go there, and wait until it has loaded."""

    async def reload(self) -> None:
        """Load it again, and wait until that is done."""

    async def opened(self) -> "Tab":
        """The tab that this one has opened by `window.open`, as soon as there is one."""

    async def close(self) -> None:
        """Close it."""


class Page:
    """A page in a browser."""

    def __init__(self, tab: Tab, browser: str) -> None:
        self.tab = tab
        self.browser = browser
        """`chromium` or `firefox`."""
        # Firefox tells the console of an attempt that found no way; the client makes another.
        self.expected = ["^WebRTC: ICE failed"]
        """Patterns of errors that belong to the test."""

    async def run(self, script: str, **arguments: Any) -> Any:
        """What the body of an async function returns; `arguments` are its parameters, all as JSON.

        Raises CommandFailed with what the script threw.
        """
        body = f"async ({{ {', '.join(arguments)} }}) => {{ {script} }}"
        function = f"async (json) => JSON.stringify((await ({body})(JSON.parse(json))) ?? null)"
        return json.loads(await self.tab.evaluate(function, json.dumps(arguments)))

    async def until(self, condition: str, deadline: float = DEADLINE, **arguments: Any) -> Any:
        """Wait until an expression is truthy; gives its value. Raises AssertionError when the time is over."""
        begun = time.monotonic()
        while not (value := await self.run(f"return {condition}", **arguments)):
            took = time.monotonic() - begun
            assert took < deadline, f"{self.browser}: not within {deadline} s: {condition} {arguments or ''}"
            await asyncio.sleep(POLL)
        return value

    async def navigate(self, url: str) -> None:
        """Go to another page."""
        await self.tab.navigate(url)

    async def reload(self) -> None:
        """Load the page again."""
        await self.tab.reload()

    async def duplicate(self) -> "Page":
        """A duplicate of this tab: the same address, and a copy of its sessionStorage."""
        await self.run("window.open(location.href)")
        page = Page(await self.tab.opened(), self.browser)
        await page.until("document.readyState === 'complete' && location.href !== 'about:blank'")
        return page

    def check(self) -> None:
        """Raises AssertionError if something went wrong in the page that no test expected."""
        unexpected = [error for error in self.tab.errors if not any(re.search(one, error) for one in self.expected)]
        assert unexpected == [], f"errors in a page of {self.browser}: {unexpected}"

    async def close(self) -> None:
        """Close it; a page that is gone already is no error."""
        with contextlib.suppress(CommandFailed):
            await self.tab.close()
