"""`/healthz`: whether the process is alive, for whoever restarts it when it isn't. `/readyz`: whether clients are to be
sent here, for whoever shares them out.
"""

from collections.abc import Callable

from aiohttp import web


def add_health(app: web.Application, closing: Callable[[], bool], unready: Callable[[], str | None]) -> None:
    """Adds the routes. `unready` says why no clients should come now; None: they may.

    `/healthz` is 200 while the server runs, `closing` too: it isn't to be killed for leaving.
    """

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "closing" if closing() else "ok"})

    async def readyz(_: web.Request) -> web.Response:
        reason = unready()
        if reason is None:
            return web.json_response({"status": "ready"})
        return web.json_response({"status": "unready", "reason": reason}, status=503)

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
