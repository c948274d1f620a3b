"""Programs that watch feeds by the hundred, with the least of Socket.IO and HTTP that the server takes, and note how
late each post is. The clock is the machine's, so a post that carries when it was made tells its age on arrival.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable

import aiohttp

from tests.benchmarks.programs.child import Benchmark, run

Note = Callable[[dict[str, object]], None]

SEPARATOR = "\x1e"
"""Between the packets in a body of long-polling."""


class Notes:
    """What has come: how late, and which posts to which watcher."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.got: Counter[str] = Counter()
        self.out_of_order = 0

    def watcher(self, name: str) -> Note:
        """Notes the posts of one watcher."""
        newest = 0

        def note(post: dict[str, object]) -> None:
            nonlocal newest
            data = post["data"]
            assert isinstance(data, dict)
            self.late.append(time.monotonic() - float(data["at"]))
            number = post["id"]
            assert isinstance(number, int)
            self.out_of_order += number <= newest
            newest = number
            self.got[name] += 1

        return note


def _heard(packets: str, note: Note) -> bool:
    """Notes the posts among engine.io packets; whether there was a ping among them."""
    pinged = False
    for packet in packets.split(SEPARATOR):
        if packet == "2":
            pinged = True
        elif packet.startswith('42["post",'):
            note(json.loads(packet[2:])[1])
    return pinged


async def watch_by_websocket(
    session: aiohttp.ClientSession, url: str, room: str, topic: str, note: Note, ready: asyncio.Event
) -> None:
    """Watch one topic until cancelled."""
    async with session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket", compress=0, max_msg_size=0) as socket:
        await socket.receive_str()
        await socket.send_str('40{"protocol":1}')
        await socket.receive_str()
        await socket.send_str(f"421{json.dumps(['watch', {'room': room, 'topics': [topic]}])}")
        async for message in socket:
            if message.data.startswith("431"):
                assert "error" not in message.data, message.data
                ready.set()
            elif _heard(message.data, note):
                await socket.send_str("3")


async def watch_by_polling(
    session: aiohttp.ClientSession, url: str, room: str, topic: str, note: Note, ready: asyncio.Event
) -> None:
    """Watch one topic by long-polling until cancelled."""
    base = f"{url}/socket.io/?EIO=4&transport=polling"
    async with session.get(base) as answer:
        base += "&sid=" + json.loads((await answer.text())[1:])["sid"]

    async def send(packet: str) -> None:
        async with session.post(base, data=packet) as answer:
            assert answer.status == 200, await answer.text()

    await send('40{"protocol":1}')
    async with session.get(base) as answer:
        await answer.text()
    await send(f"421{json.dumps(['watch', {'room': room, 'topics': [topic]}])}")
    while True:
        async with session.get(base) as answer:
            packets = await answer.text()
        assert answer.status == 200, packets
        if "431" in packets[:8]:
            assert "error" not in packets, packets
            ready.set()
        if _heard(packets, note):
            await send("3")


async def socketio(benchmark: Benchmark, url: str, room: str, topics: list[str], polling: int) -> None:
    """One watcher for each of the topics; the first `polling` of them by long-polling. Tells when all are ready, and
    what has come once it is asked to, which is when it hears how many posts each should have got.
    """
    notes = Notes()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        tasks, readies = [], []
        for number, topic in enumerate(topics):
            watch = watch_by_polling if number < polling else watch_by_websocket
            ready = asyncio.Event()
            tasks.append(
                asyncio.create_task(watch(session, url, room, topic, notes.watcher(f"{number} {topic}"), ready))
            )
            readies.append(ready)
            await _ready(ready, tasks[-1])
        benchmark.tell(ready=len(topics))
        expected: dict[str, int] = await benchmark.hear()
        due = {f"{number} {topic}": expected[topic] for number, topic in enumerate(topics)}
        async with asyncio.timeout(60):
            while any(notes.got[name] < count for name, count in due.items()) and not any(t.done() for t in tasks):
                await asyncio.sleep(0.05)
        failed = [repr(task.exception()) for task in tasks if task.done() and not task.cancelled()]
        benchmark.tell(
            late=notes.late,
            out_of_order=notes.out_of_order,
            wrong={name: [notes.got[name], count] for name, count in due.items() if notes.got[name] != count},
            failed=failed,
        )
        await benchmark.hear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def lines(benchmark: Benchmark, url: str, room: str, query: str, readers: int, expected: int) -> None:
    """Read a room's feed as lines of JSON, so many readers at once, until each has what it should get."""
    notes = Notes()
    counted = asyncio.Event()

    async def read(number: int) -> None:
        name = str(number)
        note = notes.watcher(name)
        headers = {"Accept": "application/x-ndjson"}
        async with session.get(f"{url}/api/v1/rooms/{room}/feed?{query}", headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            open_readers.append(name)
            counted.set()
            buffered = b""
            async for chunk in answer.content.iter_any():
                *whole, buffered = (buffered + chunk).split(b"\n")
                for line in whole:
                    if line and "id" in (post := json.loads(line)):
                        note(post)
                if notes.got[name] >= expected:
                    return

    open_readers: list[str] = []
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=1 << 20) as session:
        tasks = [asyncio.create_task(read(number)) for number in range(readers)]
        async with asyncio.timeout(30):
            while len(open_readers) < readers:
                await counted.wait()
                counted.clear()
        benchmark.tell(ready=readers)
        done, waiting = await asyncio.wait(tasks, timeout=120)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        benchmark.tell(
            late=notes.late,
            out_of_order=notes.out_of_order,
            wrong={name: [count, expected] for name, count in notes.got.items() if count != expected},
            failed=[repr(task.exception()) for task in done if task.exception()],
        )
        await benchmark.hear()


async def _ready(ready: asyncio.Event, task: "asyncio.Task[None]") -> None:
    waiting = asyncio.ensure_future(ready.wait())
    done, _ = await asyncio.wait([waiting, task], return_when=asyncio.FIRST_COMPLETED, timeout=30)
    waiting.cancel()
    if task in done:
        await task
    assert ready.is_set(), "no reply to a watch within 30 s"


if __name__ == "__main__":
    run({"socketio": socketio, "lines": lines})
