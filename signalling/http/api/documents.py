"""`/openapi.json`, `/asyncapi.json` and `/docs`."""

import functools
from collections.abc import Callable, Sequence
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import msgspec
from aiohttp import web

from signalling.http.api.asyncapi import asyncapi
from signalling.http.api.openapi import openapi
from signalling.http.api.page import POLICY, page
from signalling.http.api.route import JSON, Answer, Route

_REMEMBERED: Final = 8


class DocumentRoutes:
    """Serves what the routes say of themselves."""

    def __init__(self, routes: Callable[[], Sequence[Route]]) -> None:
        self._routes = routes
        self._openapi = functools.lru_cache(_REMEMBERED)(self._make_openapi)
        self._asyncapi = functools.lru_cache(_REMEMBERED)(self._make_asyncapi)

    def _make_openapi(self, base: str) -> bytes:
        return msgspec.json.format(msgspec.json.encode(openapi(self._routes(), _version(), base)))

    def _make_asyncapi(self, base: str) -> bytes:
        return msgspec.json.format(msgspec.json.encode(asyncapi(_version(), base)))

    async def openapi(self, request: web.Request) -> web.Response:
        """The document of requests and answers."""
        return web.Response(body=self._openapi(_base(request)), content_type=JSON)

    async def asyncapi(self, request: web.Request) -> web.Response:
        """The document of events, streams and webhooks."""
        return web.Response(body=self._asyncapi(_base(request)), content_type=JSON)

    async def docs(self, request: web.Request) -> web.Response:
        """Both, for people."""
        base = _base(request)
        text = page(
            self._routes(),
            msgspec.json.decode(self._openapi(base)),
            msgspec.json.decode(self._asyncapi(base)),
            f"{request.scheme}://{request.host}{base.removesuffix('/api/v1')}",
        )
        headers = {
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        return web.Response(text=text, content_type="text/html", headers=headers)

    def routes(self) -> list[Route]:
        """What there is."""
        return [
            Route(
                method="GET",
                path=f"/{name}",
                name=operation,
                tag="documents",
                summary=summary,
                answer=Answer(
                    status=HTTPStatus.OK,
                    description="The document.",
                    body={kind: {"type": "object"} if kind == JSON else {"type": "string"}},
                ),
                curl=f'"$URL/api/v1/{name}"',
                handler=handler,
            )
            for name, operation, summary, kind, handler in (
                ("openapi.json", "readOpenApi", "Read this document.", JSON, self.openapi),
                ("asyncapi.json", "readAsyncApi", "Read about events, streams and webhooks.", JSON, self.asyncapi),
                ("docs", "readPage", "Read all of it as a page.", "text/html", self.docs),
            )
        ]


def _base(request: web.Request) -> str:
    """The path that the API is served under, wherever the application is mounted."""
    return request.rel_url.raw_path.rpartition("/")[0]


def _version() -> str:
    try:
        return version("eitherway")
    except PackageNotFoundError:
        return "0"
