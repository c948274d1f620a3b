"""Very many Socket.IO clients over WebSocket that do next to nothing: they count the posts that come, in few processes.

Each speaks just as much Engine.IO and Socket.IO as it needs, so that the server is what is measured.
"""

import asyncio
import base64
import json
import os
import time
from functools import partial
from typing import Any, Final, cast
from urllib.parse import urlsplit

from tests.benchmarks.programs.child import Benchmark, run

ON_THEIR_WAY: Final = 16
"""Posts that not every client here has got, at most."""
AT_ONCE: Final = 50
"""Connections that are being made at a time."""


class Counter(asyncio.Protocol):
    """One client: connects, says one event, and counts what is longer than a reply from then on."""

    def __init__(self, host: str, hello: str, longer: int, news: asyncio.Event) -> None:
        self._host, self._hello, self._longer, self._news = host, hello, longer, news
        self._rest = b""
        self._upgraded = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.count = 0
        self.acknowledged = 0
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's are no subclasses
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        position, size = 0, len(data)
        if not self._upgraded:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._rest = data
                return
            self._upgraded, position = True, end + 4
        while position + 2 <= size:
            begin, length = position + 2, data[position + 1]
            if length == 126:
                if position + 4 > size:
                    break
                begin, length = position + 4, int.from_bytes(data[position + 2 : position + 4])
            if begin + length > size:
                break
            if length > self._longer:
                self.count += 1
            else:
                self._control(data[begin : begin + length])
            position = begin + length
        self._rest = data[position:]
        self._news.set()

    def _control(self, packet: bytes) -> None:
        if packet[:1] == b"0":
            self.send('40{"protocol":1}')
        elif packet[:2] == b"40":
            self.send(self._hello)
        elif packet[:2] == b"43":
            self.acknowledged += 1
            if not self.ready.done():
                self.ready.set_result(None)
        elif packet == b"2":
            self.send("3")

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(error or ConnectionError("the server has hung up"))

    def send(self, packet: str) -> None:
        """One text frame, masked with zeros."""
        data = packet.encode()
        head = bytes((0x81, 0x80 | len(data))) if len(data) < 126 else b"\x81\xfe" + len(data).to_bytes(2)
        self._transport.write(head + b"\0\0\0\0" + data)

    def itself(self) -> "Counter":
        """For who asks for a protocol."""
        return self

    def close(self) -> None:
        """Hangs up."""
        self._transport.abort()


async def crowd(
    benchmark: Benchmark, url: str, hello: list[Any], count: int, posts: int, posting: bool, post: list[Any], size: int
) -> None:
    """Connects and says `hello`; when told to, one of them may post. Tells when everyone here has got all posts."""
    parts = urlsplit(url)
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    said = "421" + json.dumps(hello)
    clients: list[Counter] = []
    while len(clients) < count + posting:
        some = [Counter(parts.netloc, said, size, news) for _ in range(min(AT_ONCE, count + posting - len(clients)))]
        for client in some:
            await loop.create_connection(partial(Counter.itself, client), str(parts.hostname), parts.port or 80)
        await asyncio.gather(*(client.ready for client in some))
        clients += some
    benchmark.tell(ready=True)
    await benchmark.hear()
    begun, cpu = time.monotonic(), time.process_time()
    due = posts * len(clients)
    posted = 0
    text = "422" + json.dumps(post)
    while (got := sum(client.count for client in clients)) < due:
        while posting and posted < posts and posted * len(clients) - got < ON_THEIR_WAY * len(clients):
            clients[-1].send(text)
            posted += 1
        news.clear()
        await news.wait()
        await asyncio.sleep(0.001)  # so that counting stays cheap
    benchmark.tell(begun=begun, ended=time.monotonic(), cpu=time.process_time() - cpu)
    await benchmark.hear()
    for client in clients:
        client.close()


if __name__ == "__main__":
    run({"crowd": crowd})
