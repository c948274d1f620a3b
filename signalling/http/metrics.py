"""`/metrics`: what Prometheus, or whoever reads its formats, asks for now and then."""

from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from signalling.http.api.gate import Gate
from signalling.http.api.problems import Problems

PATH: Final = "/metrics"


def add_metrics(app: web.Application, gate: Gate, problems: Problems, registry: CollectorRegistry) -> None:
    """Adds the route, for operators: see `Gate.admit_operator`. In the text format, or as OpenMetrics if asked."""

    async def metrics(request: web.Request) -> web.Response:
        gate.admit_operator(request)
        encode, content_type = choose_encoder(", ".join(request.headers.getall("Accept", [])))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    routes = web.Application(middlewares=[problems.say])
    routes.router.add_get("", metrics)
    app.add_subapp(PATH, routes)
