"""Chromium, by its DevTools protocol."""

import asyncio
from pathlib import Path
from typing import Final

from tests.browser.driving import DEADLINE
from tests.browser.running import Running, start
from tests.browser.wire import CommandFailed, Connect, Json, Wire

PROGRAM: Final = "/usr/bin/chromium"
FLAGS: Final = (
    "--headless",
    "--no-sandbox",  # it refuses to run as root with one
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # Tabs are beside each other here, and none of them is in the background.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)


def start_chromium(folder: Path, *prefix: str) -> Running:
    """Start one; `prefix` is a command that runs it, in a namespace for instance."""
    arguments = (*FLAGS, "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank")
    return start(folder, (*prefix, PROGRAM, *arguments), "DevToolsActivePort", _address)


def _address(text: str) -> str:
    port, path = text.split()
    return f"ws://127.0.0.1:{port}{path}"


class ChromiumTab:
    """One tab, with its session on the wire."""

    def __init__(self, browser: "Chromium", target: str, session: str) -> None:
        self.target, self.session = target, session
        self.errors: list[str] = []
        self._browser = browser
        self._loaded = asyncio.Event()

    async def evaluate(self, function: str, argument: str) -> str:
        """See `Tab`."""
        window = (await self._call("Runtime.evaluate", {"expression": "globalThis"}))["result"]["objectId"]
        result = await self._call(
            "Runtime.callFunctionOn",
            {
                "functionDeclaration": function,
                "objectId": window,
                "arguments": [{"value": argument}],
                "awaitPromise": True,
                "returnByValue": True,
                "userGesture": True,
            },
        )
        if (thrown := result.get("exceptionDetails")) is not None:
            raise CommandFailed(_text_of(thrown))
        return str(result["result"]["value"])

    async def navigate(self, url: str) -> None:
        """See `Tab`."""
        self._loaded.clear()
        told = await self._call("Page.navigate", {"url": url})
        if "errorText" in told:
            raise CommandFailed(f"{url}: {told['errorText']}")
        await self._load()

    async def reload(self) -> None:
        """See `Tab`."""
        self._loaded.clear()
        await self._call("Page.reload")
        await self._load()

    async def opened(self) -> "ChromiumTab":
        """See `Tab`."""
        async with asyncio.timeout(DEADLINE):
            return await self._browser.attach(await self._browser.opened_by(self.target))

    async def call(self, method: str, params: Json | None = None) -> Json:
        """Any command of the DevTools protocol."""
        return await self._call(method, params)

    async def close(self) -> None:
        """See `Tab`."""
        await self._browser.wire.call("Target.closeTarget", {"targetId": self.target})

    def told(self, method: str, params: Json) -> None:
        """An event of this tab."""
        match method:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Runtime.exceptionThrown":
                self.errors.append(_text_of(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "assert"):
                said = (str(one.get("value", one.get("description", ""))) for one in params["args"])
                self.errors.append(" ".join(said))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    async def _load(self) -> None:
        async with asyncio.timeout(DEADLINE):
            await self._loaded.wait()

    async def _call(self, method: str, params: Json | None = None) -> Json:
        return await self._browser.wire.call(method, params, sessionId=self.session)


class Chromium:
    """A connection to a running Chromium."""

    name: Final = "chromium"

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._tabs: dict[str, ChromiumTab] = {}
        self._opened: dict[str, str] = {}
        """The tabs that others have opened, by who opened them."""
        self._news = asyncio.Event()
        wire.handlers.append(self._told)

    @classmethod
    async def connected(cls, running: Running, connect: Connect | None = None) -> "Chromium":
        """Connect to it; `connect` makes the socket."""
        browser = cls(await Wire.connected(running.address, connect))
        await browser.wire.call("Target.setDiscoverTargets", {"discover": True})
        return browser

    async def open(self, url: str) -> ChromiumTab:
        """Open a page in a tab of its own, whose storage and cache nobody shares."""
        context = await self.wire.call("Target.createBrowserContext", {"disposeOnDetach": True})
        where = {"url": "about:blank", "browserContextId": context["browserContextId"]}
        tab = await self.attach((await self.wire.call("Target.createTarget", where))["targetId"])
        await tab.navigate(url)
        return tab

    async def attach(self, target: str) -> ChromiumTab:
        """Drive a tab that is there already."""
        attached = await self.wire.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        session = attached["sessionId"]
        tab = self._tabs[session] = ChromiumTab(self, target, session)
        for domain in ("Page", "Runtime", "Log"):
            await tab.call(f"{domain}.enable")
        await tab.call("Emulation.setFocusEmulationEnabled", {"enabled": True})
        return tab

    async def opened_by(self, target: str) -> str:
        """The tab that another one has opened."""
        while target not in self._opened:
            self._news.clear()
            await self._news.wait()
        return self._opened.pop(target)

    async def renderers(self) -> list[int]:
        """The ids of the processes that run pages."""
        found = (await self.wire.call("SystemInfo.getProcessInfo"))["processInfo"]
        return [process["id"] for process in found if process["type"] == "renderer"]

    async def close(self) -> None:
        """Hang up: the tabs that were opened go away."""
        await self.wire.close()

    def _told(self, event: Json) -> None:
        params = event["params"]
        if (tab := self._tabs.get(event.get("sessionId", ""))) is not None:
            tab.told(event["method"], params)
        elif event["method"] == "Target.targetCreated" and "openerId" in params["targetInfo"]:
            self._opened[params["targetInfo"]["openerId"]] = params["targetInfo"]["targetId"]
            self._news.set()


def _text_of(thrown: Json) -> str:
    exception = thrown.get("exception", {})
    return str(exception.get("description", exception.get("value", thrown["text"])))
