"""`/rooms`: which there are, what is in them, and their end."""

import heapq
from http import HTTPStatus

from aiohttp import web

from signalling.access import Access
from signalling.feeds.feeds import Feeds
from signalling.http.api.gate import Gate
from signalling.http.api.route import JSON, LIMIT, ROOM, Answer, Parameter, Route, answer_json, limit_of, room_of
from signalling.http.api.types import Room, Rooms
from signalling.membership import Membership
from signalling.protocol.errors import ProtocolError
from signalling.protocol.limits import MAX_ROOM_NAME
from signalling.rooms.store import RoomStore


class RoomRoutes:
    """Reads rosters and feeds, and closes rooms."""

    def __init__(self, gate: Gate, store: RoomStore, membership: Membership, feeds: Feeds) -> None:
        self._gate = gate
        self._store = store
        self._membership = membership
        self._feeds = feeds

    def find(self, name: str) -> Room | None:
        """A room that has members or posts, or that is watched."""
        roster, feed = self._store.find(name), self._feeds.find(name)
        if feed is not None and feed.idle:
            feed = None
        if roster is None and feed is None:
            return None
        return Room(
            name=name,
            peers=len(roster) if roster is not None else 0,
            watchers=len(feed.watchers) if feed is not None else 0,
            posts=len(feed.history) if feed is not None else 0,
            bytes=feed.history.bytes if feed is not None else 0,
            id=feed.history.newest if feed is not None else None,
        )

    async def list_some(self, request: web.Request) -> web.Response:
        """Some of the rooms."""
        access = self._gate.admit(request, "admin")
        limit, after = limit_of(request), request.query.get("after", "")
        if len(after) > MAX_ROOM_NAME:
            raise ProtocolError("bad-request", f"after: a room's name, of at most {MAX_ROOM_NAME} characters")
        names = {*self._store.names(), *(feed.room for feed in self._feeds if not feed.idle)}
        found = heapq.nsmallest(limit + 1, (name for name in names if name > after and _may_see(access, name)))
        page = found[:limit]
        rooms = [room for name in page if (room := self.find(name)) is not None]
        return answer_json(Rooms(rooms=rooms, next=page[-1] if len(found) > limit else None))

    async def get(self, request: web.Request) -> web.Response:
        """One room."""
        name = room_of(request)
        self._gate.admit(request, "join", name)
        room = self.find(name)
        if room is None:
            raise not_found(name)
        return answer_json(room)

    async def delete(self, request: web.Request) -> web.Response:
        """Closes a room."""
        name = room_of(request)
        self._gate.admit(request, "admin", name)
        if self.find(name) is None:
            raise not_found(name)
        await self._membership.close_room(name)
        self._feeds.close(name)
        return web.Response(status=204)

    def routes(self) -> list[Route]:
        """What there is."""
        return [
            Route(
                method="GET",
                path="/rooms",
                name="listRooms",
                tag="rooms",
                summary="List the rooms that have members, posts or watchers.",
                description="In the order of their names; of those alone that the token is for.",
                grant="admin",
                parameters=(
                    LIMIT,
                    Parameter(
                        name="after",
                        description="What the page before gave as `next`.",
                        schema={"type": "string", "maxLength": MAX_ROOM_NAME},
                    ),
                ),
                answer=Answer(status=HTTPStatus.OK, description="A page of rooms.", body={JSON: Rooms}),
                curl='"$URL/api/v1/rooms?limit=10"',
                handler=self.list_some,
            ),
            Route(
                method="GET",
                path="/rooms/{room}",
                name="getRoom",
                tag="rooms",
                summary="Look at a room.",
                grant="join",
                parameters=(ROOM,),
                answer=Answer(status=HTTPStatus.OK, description="The room.", body={JSON: Room}),
                refusals=(404,),
                curl='"$URL/api/v1/rooms/lobby"',
                handler=self.get,
            ),
            Route(
                method="DELETE",
                path="/rooms/{room}",
                name="closeRoom",
                tag="rooms",
                summary="Close a room.",
                description=(
                    "Its members are told `room-closed` and are members no longer; their programs do not come back by "
                    "themselves. What its feed keeps is forgotten. Whoever watches it goes on, and anyone who may join "
                    "it may begin it anew."
                ),
                grant="admin",
                parameters=(ROOM,),
                answer=Answer(status=HTTPStatus.NO_CONTENT, description="It is closed."),
                refusals=(404,),
                curl='-X DELETE "$URL/api/v1/rooms/lobby"',
                handler=self.delete,
            ),
        ]


def not_found(room: str) -> ProtocolError:
    """There is no such room."""
    return ProtocolError("not-found", f"there is nobody and nothing in room {room!r}")


def _may_see(access: Access, room: str) -> bool:
    try:
        access.check("admin", room)
    except ProtocolError:
        return False
    return True
