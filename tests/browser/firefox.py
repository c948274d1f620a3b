"""Firefox, by WebDriver BiDi."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any, Final

from tests.browser.driving import DEADLINE
from tests.browser.running import Running, start
from tests.browser.wire import CommandFailed, Connect, Json, Wire

PROGRAM: Final = "/usr/bin/firefox-esr"
LOOPBACK: Final = {
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.link_local": True,
}
"""With these preferences WebRTC works between programs on one machine."""


def start_firefox(folder: Path, *prefix: str, preferences: dict[str, Any] | None = None) -> Running:
    """Start one; `prefix` is a command that runs it, in a namespace for instance."""
    wanted = {"remote.active-protocols": 1, "dom.disable_open_during_load": False, **(preferences or {})}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in wanted.items()]
    (folder / "user.js").write_text("".join(lines))
    arguments = ("--headless", "--no-remote", "--profile", str(folder), "--remote-debugging-port", "0")
    return start(folder, (*prefix, PROGRAM, *arguments), "WebDriverBiDiServer.json", _address)


def _address(text: str) -> str:
    told = json.loads(text)
    return f"ws://127.0.0.1:{told['ws_port']}/session"


class FirefoxTab:
    """One tab."""

    def __init__(self, browser: "Firefox", context: str) -> None:
        self.context = context
        self.errors: list[str] = []
        self._browser = browser

    async def evaluate(self, function: str, argument: str) -> str:
        """See `Tab`."""
        told = await self._browser.wire.call(
            "script.callFunction",
            {
                "functionDeclaration": function,
                "arguments": [{"type": "string", "value": argument}],
                "target": {"context": self.context},
                "awaitPromise": True,
                "userActivation": True,
            },
        )
        if told["type"] != "success":
            raise CommandFailed(told["exceptionDetails"]["text"])
        return str(told["result"]["value"])

    async def navigate(self, url: str) -> None:
        """See `Tab`."""
        await self._call("browsingContext.navigate", url=url, wait="complete")

    async def reload(self) -> None:
        """See `Tab`."""
        await self._call("browsingContext.reload", wait="complete")

    async def opened(self) -> "FirefoxTab":
        """See `Tab`."""
        async with asyncio.timeout(DEADLINE):
            return self._browser.attach(await self._browser.opened_by(self.context))

    async def close(self) -> None:
        """See `Tab`."""
        await self._call("browsingContext.close")

    async def _call(self, method: str, **params: Any) -> Json:
        return await self._browser.wire.call(method, {"context": self.context, **params})


class Firefox:
    """A connection to a running Firefox."""

    name: Final = "firefox"

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._tabs: dict[str, FirefoxTab] = {}
        self._opened: dict[str, str] = {}
        """The tabs that others have opened, by who opened them."""
        self._news = asyncio.Event()
        wire.handlers.append(self._told)

    @classmethod
    async def connected(cls, running: Running, connect: Connect | None = None) -> "Firefox":
        """Connect to it; `connect` makes the socket."""
        browser = cls(await Wire.connected(running.address, connect))
        await browser.wire.call("session.new", {"capabilities": {}})
        await browser.wire.call("session.subscribe", {"events": ["log.entryAdded", "browsingContext.contextCreated"]})
        return browser

    async def open(self, url: str) -> FirefoxTab:
        """Open a page in a window of its own: a tab in the background would be slowed."""
        tab = self.attach((await self.wire.call("browsingContext.create", {"type": "window"}))["context"])
        await tab.navigate(url)
        return tab

    def attach(self, context: str) -> FirefoxTab:
        """Drive a tab that is there already."""
        tab = self._tabs[context] = FirefoxTab(self, context)
        return tab

    async def opened_by(self, context: str) -> str:
        """The tab that another one has opened."""
        while context not in self._opened:
            self._news.clear()
            await self._news.wait()
        return self._opened.pop(context)

    async def close(self) -> None:
        """Close the tabs that were opened, and hang up."""
        for tab in self._tabs.values():
            with contextlib.suppress(CommandFailed):  # the test has closed it
                await tab.close()
        await self.wire.call("session.end")
        await self.wire.close()

    def _told(self, event: Json) -> None:
        params = event["params"]
        if event["method"] == "log.entryAdded":
            tab = self._tabs.get(params["source"].get("context", ""))
            if tab is not None and params["level"] == "error":
                tab.errors.append(params["text"])
        elif event["method"] == "browsingContext.contextCreated" and params.get("originalOpener"):
            self._opened[params["originalOpener"]] = params["context"]
            self._news.set()
