"""Says what time it is: to everyone every half minute, and to whoever says something."""

from datetime import UTC, datetime
from typing import Any

from peers import Bot, Room
from peers.channel import Message

bot = Bot("clock", profile={"about": "says what time it is"})


@bot.every(30)
async def tick(room: Room) -> None:
    """Tell everyone in the room; who is slow hears the next one."""
    await room.send(now(), when_full="skip")


@bot.on("message")
async def answer(message: Message[Any]) -> None:
    """Answer whoever is no bot."""
    if not message.peer.profile.get("bot"):
        await message.peer.send(now())


def now() -> str:
    """The time, as everyone reads it alike."""
    return f"It is {datetime.now(UTC):%H:%M:%S} UTC."
