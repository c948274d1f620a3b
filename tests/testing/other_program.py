"""A peer in a process of its own, which echoes what comes: ``other_program.py URL``."""

import asyncio
import sys

from peers import Client, Message


async def main() -> None:
    async with Client(sys.argv[1]) as client, client.join("r") as room:

        @room.on("message")
        async def echo(message: Message[object]) -> None:
            await message.peer.send(message.data)

        await asyncio.get_running_loop().create_future()


asyncio.run(main())
