"""`/webhooks` of the HTTP API: where webhooks go, and those that were given up, to be looked at and sent again."""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Final

from aiohttp import web
from msgspec import Meta

from signalling.access import Access
from signalling.http.api.bodies import Bodies
from signalling.http.api.gate import Gate
from signalling.http.api.route import JSON, LIMIT, Answer, Parameter, Route, answer_json, integer, limit_of
from signalling.http.api.types import Json
from signalling.protocol.errors import ProtocolError
from signalling.protocol.limits import MAX_INTEGER, MAX_ROOM_NAME
from signalling.webhooks.database import Dead, StoreError
from signalling.webhooks.webhooks import Webhooks

_MOST_IDS: Final = 1_000


class WebhookEndpoint(Json, frozen=True, kw_only=True):
    """A URL that webhooks are sent to."""

    url: str
    enabled: Annotated[bool, Meta(description="Whether it gets any: not after an answer of 410, until a replay.")]
    waiting: Annotated[int, Meta(description="Webhooks that wait for it, those on their way included.")]
    error: Annotated[str | None, Meta(description="Why the latest try failed, if it did.")]


class WebhookEndpoints(Json, frozen=True, kw_only=True):
    """Where webhooks go, and what became of them since the server's start."""

    endpoints: list[WebhookEndpoint]
    accepted: int
    delivered: int
    failed: Annotated[int, Meta(description="Tries that failed.")]
    dead: Annotated[int, Meta(description="Dead letters that are kept now.")]
    dropped: Annotated[int, Meta(description="Webhooks that there was no room for, or for endpoints that want none.")]
    error: Annotated[str | None, Meta(description="Why webhooks cannot be stored now, if they cannot.")]


class DeadLetter(Json, frozen=True, kw_only=True):
    """A webhook that was given up."""

    id: Annotated[str, Meta(description="Its `webhook-id`.")]
    endpoint: str
    room: str
    type: str
    timestamp: Annotated[datetime, Meta(tz=True, description="When it happened.")]
    failures: Annotated[int, Meta(description="How often it was tried.")]
    error: Annotated[str, Meta(description="Why it failed the last time.")]


class DeadLetters(Json, frozen=True, kw_only=True):
    """One page of the webhooks that were given up, oldest first."""

    webhooks: list[DeadLetter]
    next: Annotated[int | None, Meta(description="Where the next page begins: give it as `after`. Null: no more.")]


class Replay(Json, frozen=True, kw_only=True):
    """Which dead letters are to be sent again: those that fit all that is given; all, if nothing is."""

    ids: Annotated[list[str], Meta(max_length=_MOST_IDS)] | None = None
    endpoint: str | None = None
    room: Annotated[str, Meta(max_length=MAX_ROOM_NAME)] | None = None


class Replayed(Json, frozen=True, kw_only=True):
    """How many are sent again."""

    count: int


class WebhookRoutes:
    """Answers those who administer."""

    def __init__(self, gate: Gate, bodies: Bodies, webhooks: Webhooks) -> None:
        self._gate = gate
        self._bodies = bodies
        self._webhooks = webhooks

    async def get(self, request: web.Request) -> web.Response:
        """Endpoints and figures."""
        self._gate.admit(request, "admin")
        webhooks = self._webhooks
        return answer_json(
            WebhookEndpoints(
                endpoints=[
                    WebhookEndpoint(url=each.url, enabled=not each.disabled, waiting=len(each.lanes), error=each.error)
                    for each in webhooks.endpoints
                ],
                accepted=webhooks.counts.accepted,
                delivered=webhooks.counts.delivered,
                failed=webhooks.counts.failed,
                dead=webhooks.dead_letters,
                dropped=webhooks.counts.dropped,
                error=webhooks.store_error,
            )
        )

    async def dead(self, request: web.Request) -> web.Response:
        """A page of dead letters."""
        may_see = _rooms_of(self._gate.admit(request, "admin"))
        limit, after = limit_of(request), integer(request, "after", 0, 0, MAX_INTEGER)
        try:
            found = await self._webhooks.dead(after, limit + 1)
        except StoreError as error:
            raise _unavailable(error) from None
        page = found[:limit]
        return answer_json(
            DeadLetters(
                webhooks=[_letter(each) for each in page if may_see(each.room)],
                next=page[-1].number if len(found) > limit else None,
            )
        )

    async def replay(self, request: web.Request) -> web.Response:
        """Has dead letters sent again."""
        may_see = _rooms_of(self._gate.admit(request, "admin"))
        wanted = await self._bodies.read(request, Replay)
        ids = frozenset(wanted.ids) if wanted.ids is not None else None

        def fits(dead: Dead) -> bool:
            return (
                (ids is None or dead.id in ids)
                and wanted.endpoint in (None, dead.endpoint)
                and wanted.room in (None, dead.room)
                and may_see(dead.room)
            )

        try:
            return answer_json(Replayed(count=await self._webhooks.replay(fits)))
        except StoreError as error:
            raise _unavailable(error) from None

    def routes(self) -> list[Route]:
        """What there is."""
        return [
            Route(
                method="GET",
                path="/webhooks",
                name="getWebhooks",
                tag="webhooks",
                summary="See where webhooks go, and what became of them.",
                grant="admin",
                answer=Answer(
                    status=HTTPStatus.OK, description="Endpoints and figures.", body={JSON: WebhookEndpoints}
                ),
                curl='"$URL/api/v1/webhooks"',
                handler=self.get,
            ),
            Route(
                method="GET",
                path="/webhooks/dead",
                name="listDeadLetters",
                tag="webhooks",
                summary="List the webhooks that were given up.",
                description=(
                    "Oldest first; of those rooms alone that the token is for. They are kept until they are replayed, "
                    "or until newer ones need the room."
                ),
                grant="admin",
                parameters=(
                    LIMIT,
                    Parameter(
                        name="after",
                        description="What the page before gave as `next`.",
                        schema={"type": "integer", "minimum": 0, "maximum": MAX_INTEGER},
                    ),
                ),
                answer=Answer(status=HTTPStatus.OK, description="A page of them.", body={JSON: DeadLetters}),
                refusals=(503,),
                curl='"$URL/api/v1/webhooks/dead?limit=10"',
                handler=self.dead,
            ),
            Route(
                method="POST",
                path="/webhooks/replay",
                name="replayDeadLetters",
                tag="webhooks",
                summary="Send dead letters again.",
                description=(
                    "With the id that they had, after what waits for their rooms already; to endpoints that the server "
                    "still has. An endpoint that was disabled is enabled."
                ),
                grant="admin",
                body=Replay,
                answer=Answer(status=HTTPStatus.OK, description="They are on their way.", body={JSON: Replayed}),
                refusals=(413, 415, 503),
                curl='-H "Content-Type: application/json" -d \'{"room": "lobby"}\' "$URL/api/v1/webhooks/replay"',
                handler=self.replay,
            ),
        ]


def _letter(dead: Dead) -> DeadLetter:
    return DeadLetter(
        id=dead.id,
        endpoint=dead.endpoint,
        room=dead.room,
        type=dead.type,
        timestamp=datetime.fromtimestamp(dead.at / 1_000, UTC),
        failures=dead.failures,
        error=dead.error,
    )


def _rooms_of(access: Access) -> Callable[[str], bool]:
    """Whether somebody may administer a room."""

    def may(room: str) -> bool:
        try:
            access.check("admin", room)
        except ProtocolError:
            return False
        return True

    return may


def _unavailable(error: StoreError) -> ProtocolError:
    return ProtocolError("busy", f"the store of webhooks cannot be used now: {error}", retry_after=5.0)
