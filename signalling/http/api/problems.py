"""Errors as problem details (RFC 9457), whatever goes wrong: an application of aiohttp with this middleware says
nothing else.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from signalling.http.api.types import Problem
from signalling.logs import Line
from signalling.metrics import Metrics
from signalling.protocol.errors import Code, ProtocolError

log = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/problem+json"

STATUSES: Final[Mapping[Code, int]] = {
    "bad-request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not-found": 404,
    "unknown-peer": 404,
    "too-large": 413,
    "rate-limited": 429,
    "internal": 500,
    "busy": 503,
    "shutting-down": 503,
}
"""The HTTP status of each code that the API has."""

_CODES: Final[Mapping[int, Code]] = {404: "not-found", 413: "too-large"}


class Refused(ProtocolError):
    """A refusal whose HTTP status is not the one of its code."""

    def __init__(self, status: int, code: Code, message: str) -> None:
        super().__init__(code, message)
        self.status = status


def problem(error: ProtocolError) -> web.Response:
    """The answer that says so."""
    status = error.status if isinstance(error, Refused) else STATUSES.get(error.code, 400)
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"  # RFC 6750
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=error.message,
        code=error.code,
        retry_after=error.retry_after,
    )
    return web.Response(body=msgspec.json.encode(body), status=status, content_type=CONTENT_TYPE, headers=headers)


class Problems:
    """Makes a problem of whatever a handler raises, and of what the router has no handler for; counts them."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    @web.middleware
    async def say(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The middleware."""
        try:
            return await handler(request)
        except ProtocolError as error:
            return self._problem(error)
        except web.HTTPMethodNotAllowed as error:
            allowed = ", ".join(sorted(error.allowed_methods))
            answer = self._problem(Refused(405, "bad-request", f"here is no {request.method}: there is {allowed}"))
            answer.headers["Allow"] = allowed
            return answer
        except web.HTTPException as error:
            if error.status < 400:
                raise
            what = f"there is nothing at {request.path[:200]}" if error.status == 404 else error.reason
            return self._problem(Refused(error.status, _CODES.get(error.status, "bad-request"), what))
        except ConnectionError:  # nobody reads it
            return self._problem(ProtocolError("bad-request", "the request ended before it was complete"))
        except Exception:
            log.exception(Line("handler failed", method=request.method, path=request.path))
            return self._problem(ProtocolError("internal", "the server failed; its log says why"))

    def _problem(self, error: ProtocolError) -> web.Response:
        self._metrics.refused("http", error.code)
        return problem(error)
