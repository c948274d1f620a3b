"""A real signalling server for tests: in this process, in a thread of its own, on a port that it keeps."""

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from peers.testing.front import Front
from peers.testing.rules import Rules

if TYPE_CHECKING:
    from signalling.config import Config

THREAD = "eitherway test server"
"""The name of its thread."""
STARTING = 30.0
"""Seconds that a server may take to start; it takes 0.01, and the first time half a second to be imported."""

PATIENCE = 1.0
"""Seconds for what a server that stops has said to reach its clients."""


class Server:
    """A signalling server on 127.0.0.1. ``with Server() as server`` starts it, and kills it in the end.

    Options are those of the server by name (`grace=1.0`); see `signalling.Config`. Its event loop is in a thread of its
    own, so it works beside whatever event loop, or none, the test has. `stop`, `kill` and `start` are coroutines for
    asyncio; the port stays the same. Raises TypeError for an option that does not exist, ValueError.
    """

    def __init__(self, **options: Any) -> None:
        # Not before it is used: the library itself needs nothing of the server but the protocol.
        from signalling.config import Config

        self._config = Config(**{"stun_port": 0, **options, "host": "127.0.0.1", "port": 0}).changed()
        self.rules = Rules()
        """What happens to what passes between clients and this server; see `Network`."""
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._life: _Life | None = None
        self._cleaning: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The server's URL: the same for as long as this object lives, whether it runs or not."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._life is not None

    async def start(self) -> None:
        """Start it again, with nothing remembered. Does nothing if it runs.

        Raises OSError if another program has taken the port meanwhile.
        """
        await self._do(self._start())

    async def stop(self) -> None:
        """Stop it as SIGTERM does: clients are told, and may read what waits for them. Does nothing if it is down."""
        await self._do(self._end(told=True))

    async def kill(self) -> None:
        """End it as SIGKILL does: connections break, and who connects is refused. Does nothing if it is down."""
        await self._do(self._end(told=False))

    def hang_up(self, client: str | None = None) -> None:
        """Reset the connections of one client that a `Network` knows, by id, or all."""
        self._wait(self._hang_up(client))

    def changed(self) -> None:
        """The rules have changed. When this returns they hold for whatever has not arrived."""
        self._wait(self._changed())

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
        self._thread.start()
        try:
            self._wait(self._start())
        except BaseException:
            self._join()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._wait(self._end(told=False))
            self._wait(self._clean())
        finally:
            self._join()

    def __repr__(self) -> str:
        return f"<Server {self.url}{'' if self.running else ' not running'}>"

    # ---- the thread

    async def _do(self, work: Coroutine[Any, Any, None]) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(STARTING)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _join(self) -> None:
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._thread = None
            self._loop.close()

    # ---- inside the thread

    async def _start(self) -> None:
        if self._life is None:
            life = _Life(self._config, self.rules)
            self.port = await life.start(self.port)
            self._life = life

    async def _end(self, *, told: bool) -> None:
        life, self._life = self._life, None
        if life is None:
            return
        if told:
            await life.tell()
        await life.front.close(PATIENCE if told else 0.0)
        task = asyncio.get_running_loop().create_task(life.clean())
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)

    async def _changed(self) -> None:
        if self._life is not None:
            self._life.front.changed()

    async def _hang_up(self, client: str | None) -> None:
        if self._life is not None:
            self._life.front.hang_up(client)

    async def _clean(self) -> None:
        """Until nothing is left of servers that have ended."""
        while self._cleaning:
            await asyncio.wait(self._cleaning)


class _Life:
    """The server from one start to its end: what it remembers ends with it."""

    def __init__(self, config: "Config", rules: Rules) -> None:
        from signalling.app import Signalling

        self._signalling = Signalling(config)
        self._runner = web.AppRunner(self._signalling.aiohttp_app(), shutdown_timeout=1.0)
        self._rules = rules
        self.front: Front

    async def start(self, port: int) -> int:
        """Listen. Returns the port. Raises OSError."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", 0).start()
            self.front = Front(self._runner.addresses[0][1], self._rules.weather)
            return await self.front.start(port)
        except BaseException:
            await self._runner.cleanup()
            raise

    async def tell(self) -> None:
        """Tell clients that it ends, and close their connections."""
        await self._signalling.close()
        await self._runner.cleanup()

    async def clean(self) -> None:
        """Give back what it holds. Nobody is connected any more, so there is nobody to be told."""
        self._signalling.config = self._signalling.config.changed(drain_timeout=0.0)
        await self._runner.cleanup()
