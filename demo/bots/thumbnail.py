"""Answers an image with its thumbnail.

An image of less than 1 MiB may be sent as bytes on the default channel; the answer is ``{"format", "width", "height",
"size", "thumbnail"}``, where `thumbnail` is an image file of at most 160 x 160 pixels and `size` that of the original.
Larger ones come as the page sends files (demo/README.md), and a file comes back. Whatever is no image, or too large, is
answered with what is wrong: ``{"error"}``, or the `stop` of the file.
"""

import asyncio
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from typing import Any

from peers import Bot, Peer, Room
from peers.channel import Message

try:
    from PIL import Image, ImageOps
except ImportError:
    raise ImportError("the thumbnail bot needs Pillow: python -m pip install 'eitherway[bots]'") from None

MAX_BYTES = 12_000_000
"""Bytes in an image."""
MAX_HELD = 120_000_000
"""Bytes that all files may have together which have not come whole."""
MAX_PIXELS = 40_000_000
"""Pixels in an image: what decoding one takes in memory is up to four bytes for each."""
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP")
"""What is decoded; Pillow knows many more, of which some run other programs."""
EDGE = 160
"""Pixels of the longer side of a thumbnail."""

FILE = "file"
"""The bulk channel for files."""

# No more than two images are decoded at a time, whoever sends them.
bot = Bot(
    "thumbnail",
    profile={"about": "makes thumbnails of images", "files": True},
    max_handlers=2,
    handler_timeout=30,
)


class NoImage(Exception):
    """Why there is no thumbnail, for who sent it."""


@bot.on("message")
async def answer(message: Message[Any]) -> None:
    """Answer one image that came in one piece."""
    if message.peer.profile.get("bot"):
        return
    try:
        await message.peer.send(await asyncio.to_thread(make_thumbnail, message.data))
    except NoImage as error:
        await message.peer.send({"error": str(error)})


# ---- files


@dataclass
class File:
    """A file of which some has come."""

    id: int
    name: str
    size: int
    data: bytearray = field(default_factory=bytearray)


coming: dict[Peer, File] = {}
numbers = count(1)


@bot.on("message", channel=FILE, lane="bulk")
async def receive(message: Message[Any]) -> None:
    """Take a piece of a file, or what is said about one."""
    peer = message.peer
    if peer.profile.get("bot"):
        return
    match message.data:
        case bytes() as piece if peer in coming:
            await take(peer, coming[peer], piece)
        case {"file": {"id": int() as id, "size": int() as size, **more}}:
            coming.pop(peer, None)
            if not 0 <= size <= MAX_BYTES:
                await stop(peer, id, f"an image has at most {MAX_BYTES:,} bytes; this one has {size:,}")
            elif sum(file.size for file in coming.values()) + size > MAX_HELD:
                await stop(peer, id, "too many images at once: send it again in a while")
            else:
                coming[peer] = File(id, str(more.get("name", "image"))[:80], size)
        case {"stop": _}:
            coming.pop(peer, None)


async def take(peer: Peer, file: File, piece: bytes) -> None:
    """One more piece; the last one is answered."""
    file.data += piece
    if len(file.data) < file.size:
        return
    del coming[peer]
    try:
        if len(file.data) > file.size:
            raise NoImage("longer than announced")
        small = await asyncio.to_thread(make_thumbnail, bytes(file.data))
    except NoImage as error:
        await stop(peer, file.id, str(error))
        return
    channel = peer.channel(FILE, lane="bulk")
    await channel.send({"got": {"id": file.id, "bytes": file.size}})
    name = f"thumbnail of {file.name.rpartition('.')[0] or file.name}.{small['format'].lower()}"
    await channel.send({"file": {"id": next(numbers), "name": name, "size": len(small["thumbnail"])}})
    await channel.send(small["thumbnail"])


async def stop(peer: Peer, id: int, why: str) -> None:
    """Tell that a file is not taken, and why."""
    await peer.channel(FILE, lane="bulk").send({"stop": {"id": id, "why": why}})


@bot.on("peer_left")
def forget(peer: Peer, reason: str) -> None:
    """What has come of its file is of no use."""
    coming.pop(peer, None)


@bot.on("closed")
def forget_all(room: Room, reason: str) -> None:
    """Nor is anybody's in a room that is over."""
    for peer in [peer for peer in coming if peer.room is room]:
        del coming[peer]


# ---- images


def make_thumbnail(data: Any) -> dict[str, Any]:
    """The answer to an image. Raises NoImage for whatever is none, or too large."""
    if not isinstance(data, bytes):
        raise NoImage("send an image as bytes: the content of a JPEG, PNG, GIF, WebP or BMP file")
    if len(data) > MAX_BYTES:
        raise NoImage(f"an image has at most {MAX_BYTES:,} bytes; this one has {len(data):,}")
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:  # known from its head: nothing has been decoded yet
                raise NoImage(f"an image has at most {MAX_PIXELS:,} pixels; this one has {width:,} x {height:,}")
            image.draft("RGB", (2 * EDGE, 2 * EDGE))  # a JPEG is decoded no larger than it has to be
            small = ImageOps.exif_transpose(image)
            small.thumbnail((EDGE, EDGE))
            has_alpha = small.has_transparency_data
            out = BytesIO()
            small.convert("RGBA" if has_alpha else "RGB").save(out, "PNG" if has_alpha else "JPEG")
            return {
                "format": "PNG" if has_alpha else "JPEG",
                "width": small.width,
                "height": small.height,
                "size": [width, height],
                "thumbnail": out.getvalue(),
            }
    except NoImage:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise NoImage(f"an image has at most {MAX_PIXELS:,} pixels; this one has many more") from None
    except Exception as error:  # Pillow raises nearly anything for a broken file, SyntaxError among them
        raise NoImage(f"this cannot be read as an image ({type(error).__name__})") from None
