"""Says to each peer what that peer has said."""

from typing import Any

from peers import Bot
from peers.channel import Message

# The demo's page sends numbered messages to whoever says that it counts them, or sends them back.
bot = Bot("echo", profile={"about": "says what you say", "counts": True})


@bot.on("message")
async def echo(message: Message[Any]) -> None:
    """Answer whoever is no bot: two of them would never stop."""
    if not message.peer.profile.get("bot"):
        await message.peer.send(message.data)


@bot.on("message", channel="count")
async def count(message: Message[Any]) -> None:
    """Send a numbered message back, so that its sender sees what became of it."""
    if not message.peer.profile.get("bot"):
        await message.peer.channel("count").send(message.data)
