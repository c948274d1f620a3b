"""Very many readers of Server-Sent Events that do next to nothing: they count the posts that come, in few processes."""

import asyncio
import json
import time
from typing import Any, Final, cast
from urllib.parse import urlsplit

from tests.benchmarks.programs.child import Benchmark, run

ON_THEIR_WAY: Final = 16
"""Posts that not every reader here has got, at most."""
AT_ONCE: Final = 50
"""Connections that are being made at a time."""
_MARK: Final = b'"topic"'
"""What every post has once, and nothing else."""


class Connection(asyncio.Protocol):
    """One HTTP connection: sends a request, and counts the posts in what comes."""

    def __init__(self, request: bytes, news: asyncio.Event) -> None:
        self._request, self._news = request, news
        self._rest = b""
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.count = 0
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's are no subclasses
        if self._request:
            self._transport.write(self._request)
        else:
            self.ready.set_result(None)

    def data_received(self, data: bytes) -> None:
        if not self.ready.done() and data.startswith(b"HTTP/1.1 200"):
            self.ready.set_result(None)
        data = self._rest + data
        self.count += data.count(_MARK)
        self._rest = data[-len(_MARK) + 1 :]
        self._news.set()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(error or ConnectionError("the server has hung up"))

    def send(self, data: bytes) -> None:
        """Bytes to the server."""
        self._transport.write(data)

    def close(self) -> None:
        """Hangs up."""
        self._transport.abort()


def _request(method: str, path: str, host: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return (head + "Accept: text/event-stream\r\n\r\n").encode() + body


async def crowd(
    benchmark: Benchmark, url: str, path: str, count: int, posts: int, posting: bool, post: dict[str, Any]
) -> None:
    """Connects; when told to, posts. Tells when everyone here has got all posts."""
    parts = urlsplit(url)
    host, port = str(parts.hostname), parts.port or 80
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    reading = _request("GET", path, parts.netloc)
    readers: list[Connection] = []
    while len(readers) < count:
        some = [Connection(reading, news) for _ in range(min(AT_ONCE, count - len(readers)))]
        await asyncio.gather(*(loop.create_connection(lambda c=c: c, host, port) for c in some))  # type: ignore[misc]
        await asyncio.gather(*(reader.ready for reader in some))
        readers += some
    poster = Connection(b"", news)
    await loop.create_connection(lambda: poster, host, port)
    benchmark.tell(ready=True)
    await benchmark.hear()
    begun, cpu = time.monotonic(), time.process_time()
    making = _request("POST", path, parts.netloc, json.dumps(post).encode())
    due = posts * count
    posted = 0
    while (got := sum(reader.count for reader in readers)) < due:
        while posting and posted < posts and posted * count - got < ON_THEIR_WAY * count:
            poster.send(making)
            posted += 1
        news.clear()
        await news.wait()
        await asyncio.sleep(0.001)  # so that counting stays cheap
    benchmark.tell(begun=begun, ended=time.monotonic(), cpu=time.process_time() - cpu)
    await benchmark.hear()
    for connection in (poster, *readers):
        connection.close()


if __name__ == "__main__":
    run({"crowd": crowd})
