"""`/rooms/{room}/peers`: the members of a room, and how one is removed."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from signalling.http.api.gate import Gate
from signalling.http.api.rooms import RoomRoutes, not_found
from signalling.http.api.route import JSON, LIMIT, ROOM, Answer, Parameter, Route, answer_json, limit_of, room_of
from signalling.http.api.types import Peers
from signalling.membership import Membership
from signalling.protocol.errors import ProtocolError
from signalling.rooms.store import RoomStore

_ID: Final = {"type": "string", "minLength": 1, "maxLength": 64}


class PeerRoutes:
    """Reads rosters and removes members."""

    def __init__(self, gate: Gate, store: RoomStore, membership: Membership, rooms: RoomRoutes) -> None:
        self._gate = gate
        self._store = store
        self._membership = membership
        self._rooms = rooms

    async def list_some(self, request: web.Request) -> web.Response:
        """Some of a room's members."""
        room = room_of(request)
        self._gate.admit(request, "join", room)
        limit, after = limit_of(request), request.query.get("after")
        roster = self._store.find(room)
        if roster is None and self._rooms.find(room) is None:
            raise not_found(room)
        entries = list(roster or ())
        first = 0
        if after is not None:
            first = next((place for place, entry in enumerate(entries, 1) if entry.id == after), -1)
            if first < 0:
                raise ProtocolError("bad-request", "after: that member has left, begin again without it")
        page = entries[first : first + limit]
        return answer_json(
            Peers(
                peers=[entry.member() for entry in page],
                count=len(entries),
                next=page[-1].id if first + limit < len(entries) else None,
            )
        )

    async def delete(self, request: web.Request) -> web.Response:
        """Removes a member."""
        room = room_of(request)
        self._gate.admit(request, "admin", room)
        if not await self._membership.remove(room, request.match_info["peer"]):
            raise ProtocolError("unknown-peer", f"nobody of that id is in room {room!r}")
        return web.Response(status=204)

    def routes(self) -> list[Route]:
        """What there is."""
        return [
            Route(
                method="GET",
                path="/rooms/{room}/peers",
                name="listPeers",
                tag="rooms",
                summary="List the members of a room.",
                description="In the order in which they joined; those that are away too.",
                grant="join",
                parameters=(
                    ROOM,
                    LIMIT,
                    Parameter(name="after", description="What the page before gave as `next`.", schema=_ID),
                ),
                answer=Answer(status=HTTPStatus.OK, description="A page of members.", body={JSON: Peers}),
                refusals=(404,),
                curl='"$URL/api/v1/rooms/lobby/peers"',
                handler=self.list_some,
            ),
            Route(
                method="DELETE",
                path="/rooms/{room}/peers/{peer}",
                name="removePeer",
                tag="rooms",
                summary="Remove a member.",
                description=(
                    "It is told `room-closed`, the others `peer-left` with the reason `removed`. Its program does not "
                    "come back by itself; whoever may join may decide to join again, unless the token says otherwise."
                ),
                grant="admin",
                parameters=(
                    ROOM,
                    Parameter(name="peer", place="path", description="The member's id.", schema=_ID, required=True),
                ),
                answer=Answer(status=HTTPStatus.NO_CONTENT, description="It is removed."),
                refusals=(404,),
                curl='-X DELETE "$URL/api/v1/rooms/lobby/peers/$PEER"',
                handler=self.delete,
            ),
        ]
