"""The page is not to be moved by what peers say, and its policy lets nothing run that got in all the same."""

import asyncio

from playwright.async_api import Browser

from peers import Client
from tests.page.visiting import give, image, opened, text

EVIL = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>"


async def test_what_a_hostile_peer_says_is_text(url: str, browser: Browser) -> None:
    async with opened(browser, url, viewport={"width": 360, "height": 740}) as (page, watched):
        async with (
            Client(url) as client,
            client.join("r", profile={"name": EVIL * 3, "counts": True, "files": True}) as room,
        ):
            me = await room.wait_for_peer(timeout=10)
            await room.send(EVIL)
            await room.send({"text": EVIL, "bytes": b"\x00" * 10})
            await room.send(b"\xff" * 1000)
            await room.send("\u202egpj.exe " + "x" * 5000)
            numbered: list[object] = [None, 1, [], {"from": EVIL, "run": "1", "n": -1}]
            for data in [*numbered, {"from": "x", "run": 1, "n": 2**52, "got": EVIL}]:
                await me.channel("count").send(data)
            places: list[object] = [None, EVIL, {"x": 2, "y": 0}, {"x": "0", "y": EVIL}]
            for place in places:
                await me.channel("cursor", lane="datagram").send(place)
            bulk = me.channel("file", lane="bulk")
            for note in (
                None,
                5,
                EVIL,
                {"file": EVIL},
                {"got": {"id": 1, "bytes": EVIL}},
                {"stop": {"id": 1, "why": EVIL}},
            ):
                await bulk.send(note)
            await bulk.send(b"of no file")
            await bulk.send({"file": {"id": 1, "name": "../../" + EVIL + ".html", "size": 4}})
            await bulk.send(b"hi!\n")
            await bulk.send({"file": {"id": 2, "name": "long", "size": 3}})
            await bulk.send(b"four")
            await bulk.send({"file": {"id": 3, "name": "huge", "size": 2**50}})
            await me.channel(EVIL[:100]).send(EVIL)  # nobody listens there
            await page.wait_for_selector("[data-testid=file-save]")
            while await page.query_selector("[data-testid=cursor]") is None:  # a datagram may be lost
                await me.channel("cursor", lane="datagram").send({"x": 0.5, "y": 0.5})
                await asyncio.sleep(0.1)
            await page.wait_for_selector("[data-name=huge][data-state=failed]")
            assert "more came than was announced" in await page.inner_text("[data-name=long]")
            name = await page.get_attribute("[data-testid=file-save]", "download")
            assert name is not None
            assert not set(name) & set('/\\<>:"|?*')
            assert (await text(page, "chat")).count("<script>") >= 2
            assert "\u202e" not in await text(page, "chat")
            assert await page.title() == "eitherway"
            assert await page.evaluate("document.querySelectorAll('img, iframe, main script').length") == 0
            assert await page.evaluate("document.documentElement.scrollWidth") <= 360
            async with page.expect_download() as download:
                await page.click("[data-testid=file-save]")
            path = await (await download.value).path()
            assert path.read_bytes() == b"hi!\n"
        assert watched.faults == []


async def test_a_script_or_style_that_got_in_would_not_run(url: str, browser: Browser) -> None:
    async with opened(browser, url) as (page, _):
        broken = """() => {
            const broken = [];
            document.addEventListener("securitypolicyviolation", (event) => broken.push(event.effectiveDirective));
            const script = document.createElement("script");
            try { script.text = "document.title = 'pwned'"; } catch { broken.push("trusted types"); }
            try { document.body.insertAdjacentHTML("beforeend", "<b style='color:red' onclick='x()'>b</b>"); }
            catch { broken.push("trusted types"); }
            const image = document.createElement("img");
            image.src = "http://example.invalid/x.png";
            document.body.append(image, script);
            return new Promise((resolve) => setTimeout(() => resolve(broken), 200));
        }"""
        violations = await page.evaluate(broken)
        assert await page.title() == "eitherway"
        assert violations.count("trusted types") == 2
        assert "img-src" in violations


async def test_a_small_picture_is_drawn_and_what_only_looks_like_one_is_not(url: str, browser: Browser) -> None:
    small, edge = image(160, 100, "PNG"), image(320, 320, "JPEG")
    huge = small[:16] + (60_000).to_bytes(4) * 2 + small[24:]
    files = {
        "small.png": small,
        "edge.jpeg": edge,
        "wide.jpeg": image(321, 10, "JPEG"),
        "huge.png": huge,
        "broken.png": small[:40] + b"?" * 60,
        "long.png": small + bytes(131_072),
        "text.png": b"no picture at all",
    }
    async with Client(url) as client, client.join("r") as room, opened(browser, url) as (page, watched):
        await give(await room.wait_for_peer(timeout=10), files)
        await page.wait_for_selector("[data-name='text.png'][data-state=done]")
        for name in ("small.png", "edge.jpeg"):
            await page.wait_for_selector(f"[data-name='{name}'] canvas[aria-label='Picture: {name}']")
        drawn = await page.eval_on_selector_all("canvas[data-testid=file-picture]", "all => all.map(one => one.width)")
        assert sorted(drawn) == [160, 320]
        assert await page.locator("[data-testid=file-save]").count() == len(files)
        assert watched.faults == []
