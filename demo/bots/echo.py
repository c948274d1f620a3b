"""Says to each peer what that peer has said, numbered messages of the page's counters among them."""

from typing import Any

from peers import Bot
from peers.channel import Message

bot = Bot("echo", profile={"about": "says what you say", "counts": True})


@bot.on("message")
async def echo(message: Message[Any]) -> None:
    """Answer whoever is no bot: two of them would never stop."""
    if not message.peer.profile.get("bot"):
        await message.peer.send(message.data)


@bot.on("message", channel="count")
async def echo_number(message: Message[Any]) -> None:
    """The same for what the page counts."""
    if not message.peer.profile.get("bot"):
        await message.peer.channel("count").send(message.data)
