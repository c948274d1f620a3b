"""Says to each peer what that peer has said."""

from typing import Any

from peers import Bot
from peers.channel import Message

bot = Bot("echo", profile={"about": "says what you say"})


@bot.on("message")
async def echo(message: Message[Any]) -> None:
    """Answer whoever is no bot: two of them would never stop."""
    if not message.peer.profile.get("bot"):
        await message.peer.send(message.data)
