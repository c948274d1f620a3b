"""What there is in the API: each route with what its documents say of it. Handlers and documents cannot part."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web

from signalling.access import Grant
from signalling.http.api.types import NO_CONTROL
from signalling.protocol.errors import ProtocolError
from signalling.protocol.ids import check_room_name
from signalling.protocol.limits import MAX_ROOM_NAME

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Expect = Callable[[web.Request], Awaitable[None]]
Schema = dict[str, Any]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of the path, the query or the header; `schema` is JSON Schema."""

    name: str
    place: str = "query"
    description: str
    schema: Schema
    required: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A good answer: its body by media type, a type of `types` or the schema of a text; none: no body."""

    status: HTTPStatus
    description: str
    body: dict[str, type[msgspec.Struct] | Schema] = {}
    headers: dict[str, str] = {}
    links: dict[str, dict[str, str]] = {}
    """Operations that go on from here, with where their parameters come from."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path. `refusals` are the statuses of its problems, beside those that all have."""

    method: str
    path: str
    name: str
    summary: str
    description: str = ""
    tag: str
    grant: Grant | None = None
    parameters: tuple[Parameter, ...] = ()
    body: type[msgspec.Struct] | None = None
    answer: Answer
    refusals: tuple[int, ...] = ()
    curl: str = ""
    """What follows `curl` on the page; `$URL` stands for the server's."""
    handler: Handler
    expect: Expect | None = None
    """What answers `Expect: 100-continue`, if not aiohttp does."""


JSON: Final = "application/json"

ROOM: Final = Parameter(
    name="room",
    place="path",
    description="The room's name, percent-encoded.",
    schema={"type": "string", "minLength": 1, "maxLength": MAX_ROOM_NAME, "pattern": NO_CONTROL},
    required=True,
)
LIMIT: Final = Parameter(
    name="limit",
    description="So many at most.",
    schema={"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100},
)


def room_of(request: web.Request) -> str:
    """The room that a path names. Raises ProtocolError `bad-request`."""
    room = request.match_info["room"]
    try:
        return check_room_name(room)
    except ValueError as error:
        raise ProtocolError("bad-request", str(error)) from None


def integer(request: web.Request, name: str, usual: int, least: int, most: int) -> int:
    """A number in the query. Raises ProtocolError `bad-request`."""
    text = request.query.get(name)
    if text is None:
        return usual
    return read_integer(text, name, least, most)


def read_integer(text: str, name: str, least: int, most: int) -> int:
    """A number. Raises ProtocolError `bad-request`."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and least <= int(text) <= most):
        raise ProtocolError("bad-request", f"{name}: an integer from {least} to {most}")
    return int(text)


def limit_of(request: web.Request) -> int:
    """`limit` in the query. Raises ProtocolError `bad-request`."""
    return integer(request, "limit", 100, 1, 1_000)


def answer_json(value: msgspec.Struct, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """The answer that says so."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type=JSON, headers=headers)
