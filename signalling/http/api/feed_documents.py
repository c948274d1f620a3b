"""What the documents say of a feed's routes."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from signalling.http.api.route import JSON, LIMIT, ROOM, Answer, Parameter, Route
from signalling.http.api.types import History, NewPost, Posted, Watching
from signalling.protocol.events import PostFrom
from signalling.protocol.limits import MAX_EVENT_NAME, MAX_INTEGER, MAX_PATTERNS, MAX_POST_KEY, MAX_TOPIC

_WORD: Final = r"(\*|[^\u0000-\u0020\u007f.*,]+)"
_PATTERN: Final = rf"^(\*\*|{_WORD}(\.{_WORD}){{0,14}}(\.\*\*)?)$"
"""A pattern of topics; here without commas, which separate them."""
_ID: Final = {"type": "integer", "minimum": 0, "maximum": MAX_INTEGER}


async def _nobody(_: web.Request) -> web.StreamResponse:
    raise NotImplementedError


POST: Final = Route(
    method="POST",
    path="/rooms/{room}/feed",
    name="post",
    tag="feed",
    summary="Post to the room's feed.",
    description=(
        "The server keeps posts for a while, can read them, and passes them on to who watches their topic. So many a "
        "second are taken from one address, and of one token's user: beyond that it answers 429."
    ),
    grant="post",
    parameters=(
        ROOM,
        Parameter(
            name="Idempotency-Key",
            place="header",
            description="The same as `key` in the body.",
            schema={"type": "string", "minLength": 1, "maxLength": MAX_POST_KEY, "pattern": "^[!-~]+$"},
        ),
    ),
    body=NewPost,
    answer=Answer(
        status=HTTPStatus.CREATED,
        description="The post is kept. A repeated one has the id of the first.",
        body={JSON: Posted},
        headers={"Location": "Where the post is."},
        links={"readPost": {"room": "$request.path.room", "id": "$response.body#/id"}},
    ),
    refusals=(408, 413, 415, 429),
    curl='--json \'{"topic": "orders.42", "event": "shipped", "data": {"to": "Ada"}}\' "$URL/api/v1/rooms/lobby/feed"',
    handler=_nobody,
)

GET: Final = Route(
    method="GET",
    path="/rooms/{room}/feed",
    name="readFeed",
    tag="feed",
    summary="Read the room's feed: its history, a long-poll, or a stream.",
    description=(
        "`Accept` says how. `application/json` gives a page of what the room keeps, with the `id` that is the next "
        "page's `since`; with `wait` it is held until there is a post. `text/event-stream` and `application/x-ndjson` "
        "are streams that go on: without `since` they begin with the next post. What a stream says beside posts is in "
        "`asyncapi.json`. A room that nobody has posted to has an empty feed."
    ),
    grant="watch",
    parameters=(
        ROOM,
        Parameter(
            name="topics",
            description=(
                "Patterns of topics, again or separated by commas: `*` stands for one word, `**` at the end for the "
                "rest. All, if left out."
            ),
            schema={
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": MAX_TOPIC, "pattern": _PATTERN},
                "maxItems": MAX_PATTERNS,
                "examples": [["orders.*"]],
            },
        ),
        Parameter(
            name="event",
            description="Events within those topics, again for each. All, if left out.",
            schema={
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": MAX_EVENT_NAME},
                "maxItems": MAX_PATTERNS,
            },
        ),
        Parameter(name="since", description="Go on after the post of this id.", schema=_ID),
        LIMIT,
        Parameter(
            name="wait",
            description="Seconds for which an answer without posts is held; not for streams.",
            schema={"type": "integer", "minimum": 0, "maximum": 60, "default": 0},
        ),
        Parameter(
            name="Last-Event-ID",
            place="header",
            description="The same as `since`, and before it: browsers send it when they come back to a stream.",
            schema=_ID,
        ),
    ),
    answer=Answer(
        status=HTTPStatus.OK,
        description="Posts.",
        body={
            JSON: History,
            "text/event-stream": {"type": "string", "description": "Server-Sent Events; see `asyncapi.json`."},
            "application/x-ndjson": {"type": "string", "description": "A line of JSON each; see `asyncapi.json`."},
        },
    ),
    refusals=(429,),
    curl='"$URL/api/v1/rooms/lobby/feed?topics=orders.*&event=shipped"',
    handler=_nobody,
)

GET_ONE: Final = Route(
    method="GET",
    path="/rooms/{room}/feed/{id}",
    name="readPost",
    tag="feed",
    summary="Read one post.",
    grant="watch",
    parameters=(
        ROOM,
        Parameter(name="id", place="path", description="The post's id.", schema=_ID, required=True),
    ),
    answer=Answer(status=HTTPStatus.OK, description="The post.", body={JSON: PostFrom}),
    refusals=(404,),
    curl='"$URL/api/v1/rooms/lobby/feed/$ID"',
    handler=_nobody,
)

WATCHERS: Final = Route(
    method="GET",
    path="/rooms/{room}/watchers",
    name="listWatchers",
    tag="feed",
    summary="List who watches the room's feed.",
    grant="watch",
    parameters=(ROOM,),
    answer=Answer(status=HTTPStatus.OK, description="Who watches.", body={JSON: Watching}),
    curl='"$URL/api/v1/rooms/lobby/watchers"',
    handler=_nobody,
)
