"""Pages of other origins: which may read answers, and their preflight requests (CORS of the Fetch standard)."""

from collections.abc import Collection
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from signalling.origins import allows
from signalling.protocol.errors import ProtocolError

HEADERS: Final = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
"""Of requests, that pages may set."""
EXPOSED: Final = "Location, Retry-After, Allow, WWW-Authenticate"
"""Of answers, that pages may read."""
_MAX_AGE: Final = "7200"
"""Seconds for which a browser may remember the answer to a preflight request."""


class Cors:
    """Lets pages of the configured origins in; of all, if none are configured."""

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = origins

    def add_to(self, app: web.Application) -> None:
        """Answers OPTIONS, refuses pages of other origins, and adds the headers to every answer."""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            origin = request.headers.get("Origin")
            if origin is not None and not self._allows(origin):
                raise ProtocolError("forbidden", f"pages of {origin[:200]!r} may not use this server: see --origins")
            if request.method == "OPTIONS" and (methods := _methods(request)):
                return _options(request, methods)
            return await handler(request)

        app.middlewares.append(middleware)
        app.on_response_prepare.append(self._add_headers)

    def _allows(self, origin: str) -> bool:
        return allows(self._origins, origin)

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        if not self._origins:
            response.headers["Access-Control-Allow-Origin"] = "*"
        else:
            response.headers.add("Vary", "Origin")
            origin = request.headers.get("Origin")
            if origin is None or not self._allows(origin):
                return
            response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = EXPOSED


def _methods(request: web.Request) -> str:
    """What there is at this path; nothing, if there is no such path."""
    error = request.match_info.http_exception
    allowed = error.allowed_methods if isinstance(error, web.HTTPMethodNotAllowed) else set()
    return ", ".join(sorted({*allowed, "OPTIONS"})) if allowed else ""


def _options(request: web.Request, methods: str) -> web.Response:
    answer = web.Response(status=204, headers={"Allow": methods})
    if "Access-Control-Request-Method" in request.headers:
        answer.headers["Access-Control-Allow-Methods"] = methods
        answer.headers["Access-Control-Allow-Headers"] = HEADERS
        answer.headers["Access-Control-Max-Age"] = _MAX_AGE
        answer.headers["Vary"] = "Access-Control-Request-Method, Access-Control-Request-Headers"
    return answer
