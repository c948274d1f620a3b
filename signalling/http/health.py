"""`/healthz`: whether the process is alive, for whoever restarts it when it isn't."""

from collections.abc import Callable

from aiohttp import web


def add_health(app: web.Application, closing: Callable[[], bool]) -> None:
    """Adds the route. The answer is 200 while the server runs, `closing` too: it isn't to be killed for leaving."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "closing" if closing() else "ok"})

    app.router.add_get("/healthz", healthz)
