"""A large file both ways at once."""

import asyncio
import time

import pytest

from tests.browser.conftest import Pages
from tests.browser.conversation import Conversation

pytestmark = pytest.mark.browser

SIZE = 100 * 1000 * 1000


@pytest.mark.timeout(300)
async def test_100_megabytes_each_way_arrive_whole_across_a_cut(pages: Pages, talk: Conversation) -> None:
    a = await talk.page(await pages.open("chromium"), "a", every=50)
    b = await talk.page(await pages.open("firefox"), "b", every=50)
    await talk.until_on("direct")
    for member in (a, b):
        await member.page.run("files.receive(talk.room)")
    begun = time.monotonic()
    script = "globalThis.sending = files.send([...talk.room.peers.values()][0], size, seed)"
    for seed, member in enumerate((a, b), 1):
        await member.page.run(script, size=SIZE, seed=seed)
    for member in (a, b):
        await member.page.until("files.arrived > size / 4", 120, size=SIZE)
    await a.page.run("directPath.cut()")
    await talk.until_on("relay")
    for member in (a, b):
        await member.page.until("files.arrived > size / 2", 120, size=SIZE)
    await a.page.run("directPath.restore()")
    hashes = await asyncio.gather(*(member.page.run("return await sending") for member in (a, b)))
    print(f"{2 * SIZE / (time.monotonic() - begun) / 1e6:.1f} MB/s")
    received = [await member.page.run("return files.received") for member in (b, a)]
    assert [what["hash"] for what in received] == hashes
    assert [what["size"] for what in received] == [SIZE, SIZE]
    assert [what["name"] for what in received] == ["file-1", "file-2"]
    await talk.finish()  # small messages went on beside it
