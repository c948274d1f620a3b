"""How soon the page can be used."""

import time

from tests.benchmarks.chromium import browser
from tests.benchmarks.contest import Contest, Goal, Measure, Options, Samples
from tests.benchmarks.processes import our_server
from tests.browser.driving import Page

LOOK = """
// From the first script of the document on, as often as the event loop lets it: does a button do what it is for?
const found = (globalThis.found = {});
const { port1, port2 } = new MessageChannel();
port1.onmessage = () => {
  const button = document.querySelector("[data-testid=theme]");
  if (button !== null && found.controls === undefined) {
    const before = button.getAttribute("aria-pressed");
    button.click();
    if (button.getAttribute("aria-pressed") !== before) found.controls = performance.now();
  }
  if (document.body?.classList.contains("joined")) found.joined = performance.now();
  if (found.controls === undefined || found.joined === undefined) setTimeout(() => port2.postMessage(null), 1);
};
port2.postMessage(null);
"""
"""What a browser does before the page's own scripts; times are those since the navigation began."""


async def _ours() -> Samples:
    async with browser() as chromium, our_server() as (url, _):
        tab = await chromium.chromium.open("about:blank")
        page = Page(tab, "chromium")
        await tab.call("Page.addScriptToEvaluateOnNewDocument", {"source": LOOK})
        await page.navigate(f"{url}/?room=page-{time.monotonic_ns()}")
        found = await page.until("found.controls && found.joined && found")
        page.check()
        return {"controls": [found["controls"]], "joined": [found["joined"]]}


def contest(options: Options) -> Contest:
    """See the module."""
    soon = Goal("under 1,000", lambda ours, rival: ours < 1000)
    return Contest(
        name="page",
        title="The page",
        how=(
            "From navigation in a browser that has just been started, with nothing in its cache, until a control does "
            "what it is for when it is clicked, and until the page is in its room. On loopback."
        ),
        ours=_ours,
        rivals={},
        measures=(
            Measure("controls", "controls answer", "ms", goal=soon),
            Measure("joined", "in the room", "ms", goal=soon),
        ),
    )
