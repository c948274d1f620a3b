"""The demo's bots: the echo, the clock, and thumbnails of whatever is sent to be one."""

import io
import re
import struct
import sys
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from peers import Bot, Client, Peer, TooLarge
from peers.bot.loading import CannotLoad, load
from tests.bots.running import running
from tests.bots.test_handling import visit
from tests.waiting import Log, eventually

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
        numbers = Log[Any]()
        assert ada.bot.profile["counts"] is True  # the page sends numbered messages to who says so
        ada.bot.channel("count").on("message", lambda message: numbers(message.data))
        await ada.bot.channel("count").send({"from": "x", "n": 1})
        assert await numbers.count(1) == [{"from": "x", "n": 1}]
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


class Desk:
    """Sends files as the page does, and collects what comes back."""

    def __init__(self, bot: Peer) -> None:
        self.bot, self.notes, self.pieces = bot, Log[Any](), Log[bytes]()
        self.channel = bot.channel("file", lane="bulk")
        self.channel.on("message", lambda m: (self.pieces if isinstance(m.data, bytes) else self.notes)(m.data))

    async def send(self, id: int, data: bytes, size: int | None = None, name: str = "me.jpg") -> None:
        """Send a file in pieces."""
        await self.channel.send({"file": {"id": id, "name": name, "size": len(data) if size is None else size}})
        for begin in range(0, len(data), 262_144):
            await self.channel.send(data[begin : begin + 262_144])


async def test_a_small_image_is_answered_on_the_default_channel(url: str, connect: Connect) -> None:
    async with running(bot_of("thumbnail"), url):
        ada = await visit(connect, "Ada")
        await ada.bot.send(picture("JPEG", (4_000, 3_000)))
        await ada.bot.send(picture("PNG", (300, 600), "RGBA"))
        await ada.bot.send(picture("GIF", (100, 50), "P"))
        jpeg, png, gif = await ada.answers.count(3)
    assert (jpeg["format"], jpeg["width"], jpeg["height"], jpeg["size"]) == ("JPEG", 160, 120, [4_000, 3_000])
    assert (png["format"], png["width"], png["height"]) == ("PNG", 80, 160)
    assert (gif["width"], gif["height"]) == (100, 50)  # a small one is not made larger
    for answer in (jpeg, png, gif):
        with Image.open(io.BytesIO(answer["thumbnail"])) as image:
            assert image.format == answer["format"]
            assert image.size == (answer["width"], answer["height"])
            image.load()


async def test_a_large_image_comes_as_a_file_and_so_does_its_thumbnail(url: str, connect: Connect) -> None:
    data = picture("BMP", (700, 700))
    assert len(data) > 1_048_576  # more than a message on the default channel may have
    async with running(bot_of("thumbnail"), url):
        ada = await visit(connect, "Ada")
        assert ada.bot.profile["files"] is True  # the page sends files to who says so
        desk = Desk(ada.bot)
        await desk.send(7, data, name="beach.of.glass.bmp")
        got, file = await desk.notes.count(2)
        (thumbnail,) = await desk.pieces.count(1)
    assert got == {"got": {"id": 7, "bytes": len(data)}}
    assert file["file"]["name"] == "thumbnail of beach.of.glass.jpeg"
    assert file["file"]["size"] == len(thumbnail)
    with Image.open(io.BytesIO(thumbnail)) as image:
        assert image.size == (160, 160)


async def test_files_that_are_none_are_stopped_with_what_is_wrong(url: str, connect: Connect) -> None:
    bot = bot_of("thumbnail")
    coming = sys.modules["peers.bots.thumbnail"].coming
    async with running(bot, url):
        ada, grace = await visit(connect, "Ada"), await visit(connect, "Grace")
        desk = Desk(ada.bot)
        cases = [
            (bytes(600_000), 50_000_000, "at most 12,000,000 bytes; this one has 50,000,000"),
            (b"", -1, "at most 12,000,000 bytes"),
            (b"garbage", 7, "cannot be read as an image"),
            (b"more than that", 3, "longer than announced"),
        ]
        for id, (data, size, text) in enumerate(cases):
            await desk.send(id, data, size)
            (note,) = (await desk.notes.count(id + 1))[id:]
            assert note["stop"]["id"] == id
            assert text in note["stop"]["why"]
        for nonsense in NONSENSE:
            await desk.channel.send(nonsense)
        await desk.send(9, picture("JPEG"))
        assert (await desk.notes.count(len(cases) + 2))[-2]["got"]["id"] == 9
        half = Desk(grace.bot)
        await half.send(1, b"half", 8)
        await eventually(lambda: len(coming) == 1)
        await half.channel.send({"stop": {"id": 1, "why": "no more"}})
        await eventually(lambda: not coming)
        await half.send(2, b"half", 8)
        await eventually(lambda: len(coming) == 1)
        await grace.room.leave()
        await eventually(lambda: not coming)
        await desk.send(3, b"half", 8)
        await eventually(lambda: len(coming) == 1)
        assert bot.status().handlers.raised == 0
    assert not coming


async def test_no_more_is_held_than_fits(url: str, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    bot = bot_of("thumbnail")
    monkeypatch.setattr(sys.modules["peers.bots.thumbnail"], "MAX_HELD", 12_000_000)
    async with running(bot, url):
        ada, grace = Desk((await visit(connect, "Ada")).bot), Desk((await visit(connect, "Grace")).bot)
        await ada.send(1, b"x", 7_000_000)
        await ada.bot.flush()
        await grace.send(1, b"x", 7_000_000)
        assert "send it again in a while" in (await grace.notes.count(1))[0]["stop"]["why"]


async def test_a_photo_that_lies_on_its_side_is_put_upright(url: str, connect: Connect) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    async with running(bot_of("thumbnail"), url):
        ada = await visit(connect, "Ada")
        await ada.bot.send(picture("JPEG", (400, 200), exif=exif))
        (answer,) = await ada.answers.count(1)
    assert (answer["width"], answer["height"], answer["size"]) == (80, 160, [400, 200])


NONSENSE: list[Any] = [None, "x", {"file": 7}, {"file": {"id": "x", "size": 1}}, {"file": {}}, [1], b"of no file"]
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
}


@pytest.mark.filterwarnings("ignore:Image size.*could be decompression bomb")
async def test_whatever_is_no_image_is_answered_with_what_is_wrong(url: str, connect: Connect) -> None:
    bot = bot_of("thumbnail")
    async with running(bot, url):
        ada = await visit(connect, "Ada")
        for number, (name, (data, text)) in enumerate(HOSTILE.items()):
            await ada.bot.send(data)
            answer = (await ada.answers.count(number + 1))[-1]
            assert list(answer) == ["error"], name
            assert text in answer["error"], (name, answer)
        with pytest.raises(TooLarge, match="send it in pieces"):  # our own library sends no more in one message
            await ada.bot.send(bytes(50_000_000))
        await ada.bot.send(picture("WEBP"))
        assert (await ada.answers.count(len(HOSTILE) + 1))[-1]["width"] == 160
        assert bot.status().handlers.raised == 0


def test_without_pillow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "peers.bots.thumbnail", raising=False)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(CannotLoad, match=r"pip install 'eitherway\[bots\]'"):
        bot_of("thumbnail")
