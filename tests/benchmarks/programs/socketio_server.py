"""A server as python-socketio's documentation has it: it answers calls, and passes events on to whoever they name."""

from typing import Any

import socketio
from aiohttp import web

from tests.benchmarks.programs.child import Benchmark, run


async def serve(benchmark: Benchmark) -> None:
    """Serve until told to end."""
    sio = socketio.AsyncServer(async_mode="aiohttp")
    app = web.Application()
    sio.attach(app)

    @sio.on("call")  # type: ignore[untyped-decorator]
    async def call(sid: str, data: Any) -> Any:
        return data

    @sio.on("pass_on")  # type: ignore[untyped-decorator]
    async def pass_on(sid: str, to: str, data: Any) -> None:
        await sio.emit("message", data, to=to)

    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    benchmark.tell(url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    await benchmark.hear()


if __name__ == "__main__":
    run({"serve": serve})
