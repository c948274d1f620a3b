"""The demo's bots: the echo, the clock, and thumbnails of whatever is sent to be one."""

import io
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from peers import Bot, Client, TooLarge
from peers.bot.loading import load
from tests.bots.running import running
from tests.bots.test_handling import visit
from tests.waiting import Log

Connect = Callable[..., Client]


def bot_of(name: str) -> Bot:
    """One of the demo's bots, found as `eitherway bot` finds it."""
    return load(f"peers.bots.{name}:bot")


async def test_the_echo_answers_everybody_but_bots(url: str, connect: Connect) -> None:
    async with running(bot_of("echo"), url):
        ada, robot = await visit(connect, "Ada"), Bot("robot")
        for data in ("grüß dich", b"\0\1", {"x": [1, None]}):
            await ada.bot.send(data)
        assert await ada.answers.count(3) == ["grüß dich", b"\0\1", {"x": [1, None]}]
        heard = Log[Any]()
        robot.on("message", lambda message: heard(message.data))
        async with running(robot, url):
            (echo,) = [peer for peer in robot.rooms["r"].peers.values() if peer.name == "echo"]
            await echo.send("hello")
            await echo.flush()  # until it has been handled
            assert heard.items == []


async def test_the_clock_answers_with_the_time(url: str, connect: Connect) -> None:
    async with running(bot_of("clock"), url):
        ada = await visit(connect, "Ada")
        await ada.bot.send("what time is it?")
        (answer,) = await ada.answers.count(1)
        assert re.fullmatch(r"It is \d\d:\d\d:\d\d UTC\.", answer)


async def test_the_clock_tells_everyone(url: str, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    bot = bot_of("clock")
    monkeypatch.setattr(bot, "_every", [(0.1, handler) for _, handler in bot._every])
    async with running(bot, url):
        ada = await visit(connect, "Ada")
        assert all(answer.startswith("It is ") for answer in await ada.answers.count(2))


# ---- thumbnails


def picture(format: str, size: tuple[int, int] = (640, 400), mode: str = "RGB", **options: Any) -> bytes:
    """An image file."""
    out = io.BytesIO()
    Image.new(mode, size, (200, 40, 40, 128)[: len(mode)]).save(out, format, **options)
    return out.getvalue()


def png_head(width: int, height: int) -> bytes:
    """A PNG file that says it is so large, and holds nothing: a decompression bomb without its powder."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


async def test_an_image_is_answered_with_its_thumbnail_on_its_channel(url: str, connect: Connect) -> None:
    async with running(bot_of("thumbnail"), url):
        ada, heard = await visit(connect, "Ada"), Log[Any]()
        channel = ada.bot.channel("thumbnail", lane="bulk")
        channel.on("message", lambda message: heard(message.data))
        await channel.send(picture("JPEG", (4_000, 3_000)))
        await channel.send(picture("PNG", (300, 600), "RGBA"))
        await ada.bot.send(picture("GIF", (100, 50), "P"))
        jpeg, png = await heard.count(2)
        (gif,) = await ada.answers.count(1)
    assert (jpeg["format"], jpeg["width"], jpeg["height"], jpeg["size"]) == ("JPEG", 160, 120, [4_000, 3_000])
    assert (png["format"], png["width"], png["height"]) == ("PNG", 80, 160)
    assert (gif["width"], gif["height"]) == (100, 50)  # a small one is not made larger
    for answer in (jpeg, png, gif):
        with Image.open(io.BytesIO(answer["thumbnail"])) as image:
            assert image.format == answer["format"]
            assert image.size == (answer["width"], answer["height"])
            image.load()


async def test_a_photo_that_lies_on_its_side_is_put_upright(url: str, connect: Connect) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    async with running(bot_of("thumbnail"), url):
        ada = await visit(connect, "Ada")
        await ada.bot.send(picture("JPEG", (400, 200), exif=exif))
        (answer,) = await ada.answers.count(1)
    assert (answer["width"], answer["height"], answer["size"]) == (80, 160, [400, 200])


HOSTILE: dict[str, tuple[Any, str]] = {
    "no bytes": ("hello", "send an image as bytes"),
    "nothing": (b"", "cannot be read as an image"),
    "garbage": (bytes(range(256)) * 1_000, "cannot be read as an image"),
    "cut off": (picture("JPEG", (2_000, 2_000))[:-2_000], "cannot be read as an image"),
    "broken head": (picture("PNG")[:40] + b"\xff" * 100, "cannot be read as an image"),
    "another format": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n", "cannot be read as an image"),
    "bomb": (png_head(8_000, 8_000), "at most 40,000,000 pixels; this one has 8,000 x 8,000"),
    "larger bomb": (png_head(10_000, 10_000), "at most 40,000,000 pixels"),
    "largest bomb": (png_head(2**31 - 1, 2**31 - 1), "at most 40,000,000 pixels"),
    "true bomb": (picture("PNG", (7_000, 7_000), "L", optimize=False), "this one has 7,000 x 7,000"),
    "too many bytes": (bytes(16 * 1024 * 1024 - 100), "at most 12,000,000 bytes; this one has 16,777,116"),
}


@pytest.mark.filterwarnings("ignore:Image size.*could be decompression bomb")
async def test_whatever_is_no_image_is_answered_with_what_is_wrong(url: str, connect: Connect) -> None:
    bot = bot_of("thumbnail")
    async with running(bot, url):
        ada, heard = await visit(connect, "Ada"), Log[Any]()
        channel = ada.bot.channel("thumbnail", lane="bulk")
        channel.on("message", lambda message: heard(message.data))
        for number, (name, (data, text)) in enumerate(HOSTILE.items()):
            await channel.send(data)
            answer = (await heard.count(number + 1))[-1]
            assert list(answer) == ["error"], name
            assert text in answer["error"], (name, answer)
        with pytest.raises(TooLarge):  # our own library sends no more than 16 MiB in one message
            await channel.send(bytes(50_000_000))
        await channel.send(picture("WEBP"))
        assert (await heard.count(len(HOSTILE) + 1))[-1]["width"] == 160
        assert bot.status().handlers.raised == 0


def test_without_pillow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from peers.bot.loading import CannotLoad

    monkeypatch.delitem(sys.modules, "peers.bots.thumbnail", raising=False)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(CannotLoad, match=r"pip install 'eitherway\[bots\]'"):
        bot_of("thumbnail")
