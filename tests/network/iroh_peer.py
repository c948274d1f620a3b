"""One iroh endpoint that does what `peer_program.py` does, and writes down the same.

    iroh_peer.py URL ROOM NAME FOLDER --every SECONDS

Peer `a` accepts, `b` dials it by its id and the relay alone; FOLDER/a.id says what that id is. Messages are numbered,
with nothing else in them. Imports nothing of ours.
"""

import argparse
import asyncio
import importlib
import json
import os
import struct
import sys
import time
from pathlib import Path
from typing import Any

# Only the laboratory needs it: type checks must do without.
iroh: Any = importlib.import_module("iroh")
KINDS = ("sent", "arrived", "paths", "members", "undelivered", "state")
LOOK = 0.02
"""Seconds between looks at the path in use."""
NUMBER = struct.Struct("!I")


class Records:
    """Files of JSON lines, written through at once."""

    def __init__(self, folder: Path, name: str) -> None:
        self._files = {kind: (folder / f"{name}.{kind}").open("w", buffering=1) for kind in KINDS}

    def write(self, kind: str, **record: Any) -> None:
        self._files[kind].write(json.dumps({"at": time.monotonic(), **record}) + "\n")


async def bind(url: str) -> Any:
    """An endpoint. Its connections last no longer than somebody holds it."""
    options = iroh.EndpointOptions(
        preset=iroh.preset_minimal(), relay_mode=iroh.RelayMode.custom_from_urls([url]), alpns=[b"lab"]
    )
    endpoint = await iroh.Endpoint.bind(options)
    await asyncio.wait_for(endpoint.online(), 20)
    return endpoint


async def connect(endpoint: Any, url: str, name: str, folder: Path) -> tuple[Any, Any]:
    """A connection and a stream both ways with the other one."""
    place = folder / "a.id"
    if name == "a":
        place.with_suffix(".new").write_text(str(endpoint.id()))
        place.with_suffix(".new").rename(place)
        accepting = await (await endpoint.accept_next()).accept()
        connection = await accepting.connect()
        return connection, await connection.accept_bi()
    async with asyncio.timeout(20):
        while not place.exists():
            await asyncio.sleep(LOOK)
    there = iroh.EndpointAddr(iroh.EndpointId.from_string(place.read_text()), url, [])
    connection = await endpoint.connect(there, b"lab")
    return connection, await connection.open_bi()


async def watch(connection: Any, other: str, records: Records) -> None:
    """Write down which path is in use whenever it is another one."""
    path = "relay"
    while True:
        selected = [one for one in connection.paths() if one.is_selected]
        now = "relay" if not selected or selected[0].is_relay else "direct"
        if now != path:
            records.write("paths", peer=other, path=now)
            path = now
        await asyncio.sleep(LOOK)


async def receive(stream: Any, other: str, records: Records) -> None:
    """Write down what arrives, until the other has sent all."""
    while True:
        try:
            (n,) = NUMBER.unpack(await stream.read_exact(NUMBER.size))
        except iroh.IrohError:
            return
        records.write("arrived", **{"from": other}, lane="reliable", n=n, digest="", path="")


async def send(stream: Any, other: str, records: Records, every: float, stopped: asyncio.Event) -> None:
    n = 0
    while not stopped.is_set():
        n += 1
        records.write("sent", to=other, lane="reliable", n=n, digest="")
        await stream.write_all(NUMBER.pack(n))
        try:
            await asyncio.wait_for(stopped.wait(), every)
        except TimeoutError:
            continue
    await stream.finish()


async def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("url", "room", "name"):
        parser.add_argument(name)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=float, default=0.05)
    options = parser.parse_args()
    iroh.iroh_ffi.uniffi_set_event_loop(asyncio.get_running_loop())
    other = "b" if options.name == "a" else "a"
    records, commands = Records(options.folder, options.name), asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    records.write("state", state="joining")
    endpoint = await bind(options.url)
    connection, stream = await connect(endpoint, options.url, options.name, options.folder)
    for state in ("joined", "talking"):
        records.write("state", state=state)
    stopped = asyncio.Event()
    watching = asyncio.create_task(watch(connection, other, records))
    receiving = asyncio.create_task(receive(stream.recv(), other, records))
    sending = asyncio.create_task(send(stream.send(), other, records, options.every, stopped))
    await commands.readline()
    stopped.set()
    await sending
    await receiving
    records.write("state", state="flushed")
    await commands.readline()
    watching.cancel()
    os._exit(0)  # its threads end with the program


if __name__ == "__main__":
    asyncio.run(main())
