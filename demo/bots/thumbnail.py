"""Answers an image with its thumbnail.

Send the image as bytes, on the bulk channel `thumbnail`, or on the default channel if it has less than 1 MiB. The
answer comes on the same channel: ``{"format", "width", "height", "size", "thumbnail"}``, where `thumbnail` is an image
file of at most 160 x 160 pixels and `size` that of the original, or ``{"error"}``, which says what is wrong.
"""

import asyncio
from io import BytesIO
from typing import Any

from peers import Bot
from peers.channel import Message

try:
    from PIL import Image, ImageOps
except ImportError:
    raise ImportError("the thumbnail bot needs Pillow: python -m pip install 'eitherway[bots]'") from None

MAX_BYTES = 12_000_000
"""Bytes in an image."""
MAX_PIXELS = 40_000_000
"""Pixels in an image: what decoding one takes in memory is up to four bytes for each."""
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP")
"""What is decoded; Pillow knows many more, of which some run other programs."""
EDGE = 160
"""Pixels of the longer side of a thumbnail."""

# No more than two images are decoded at a time, whoever sends them.
bot = Bot("thumbnail", profile={"about": "makes thumbnails of images"}, max_handlers=2, handler_timeout=30)


class NoImage(Exception):
    """Why there is no thumbnail, for who sent it."""


@bot.on("message")
@bot.on("message", channel="thumbnail", lane="bulk")
async def thumbnail(message: Message[Any]) -> None:
    """Answer one image."""
    if message.peer.profile.get("bot"):
        return
    try:
        answer = await asyncio.to_thread(make_thumbnail, message.data)
    except NoImage as error:
        answer = {"error": str(error)}
    if message.channel:
        await message.peer.channel(message.channel, lane="bulk").send(answer)
    else:
        await message.peer.send(answer)


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
