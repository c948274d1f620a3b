"""A client for the tests: a real Socket.IO connection and keys of its own, and a record of what the server sends."""

import asyncio
import hashlib
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, Self

import aiohttp
import engineio
import msgspec
import socketio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from signalling.protocol.events import Change, Roster
from signalling.protocol.ids import peer_id, to_text
from signalling.protocol.statements import Proof, Statement, sign_proof, sign_statement

DEADLINE = 10.0
"""Seconds until a test gives up on something that should have happened."""


class StockEngine(engineio.AsyncClient):  # type: ignore[misc]
    """A session's request that was refused is let go of: stock clients leave that to the garbage collector."""

    async def _send_request(self, *arguments: Any, **options: Any) -> Any:
        response = await super()._send_request(*arguments, **options)
        if self.state == "connected" and isinstance(response, aiohttp.ClientResponse) and not response.ok:
            response.release()
        return response


class StockClient(socketio.AsyncClient):  # type: ignore[misc]
    """python-socketio's client, and nothing of ours."""

    def _engineio_client_class(self) -> type[engineio.AsyncClient]:
        return StockEngine


class Actor:
    """One identity and, after `connect`, one connection. It keeps events by name until a test asks for them."""

    def __init__(self, url: str, like: "Actor | None" = None) -> None:
        """`like`: with the same key and incarnation as another, so the same peer again."""
        self.url = url
        self.private: Ed25519PrivateKey = like.private if like else Ed25519PrivateKey.generate()
        self.key = self.private.public_key().public_bytes_raw()
        self.id = peer_id(self.key)
        self.static: bytes = like.static if like else hashlib.sha256(self.key).digest()
        self.incarnation: int = like.incarnation if like else 1_000
        self.connection: int = like.connection if like else 1
        self.profile_version = 0
        self.n = 0
        self.sio = StockClient(reconnection=False, handle_sigint=False)
        self.sio.on("*", self._record)
        self.sio.on("disconnect", self._ended)
        self.refusal: Any = None
        self.sio.on("connect_error", self._refused)
        self.ended = asyncio.Event()
        self._events: dict[str, deque[Any]] = defaultdict(deque)
        self._arrived = asyncio.Event()
        self.log: list[tuple[str, Any]] = []

    async def connect(self, *transports: str, auth: Any = None, headers: dict[str, str] | None = None) -> Self:
        """Connects by WebSocket, or by the transports given, in their order."""
        await self.sio.connect(
            self.url,
            auth={"protocol": 1} if auth is None else auth,
            transports=list(transports) or ["websocket"],
            headers=headers or {},
            wait_timeout=5,
        )
        return self

    async def close(self) -> None:
        """Ends the connection without leaving."""
        await self.sio.disconnect()
        if self.sio.eio.http is not None:
            await self.sio.eio.http.close()

    @property
    def sid(self) -> str:
        return str(self.sio.get_sid())

    def statement(self, room: str, profile: str = "{}", /, **changed: Any) -> str:
        """A signed statement in base64url, some of its fields changed."""
        fields: dict[str, Any] = {
            "room": room,
            "key": self.key,
            "incarnation": self.incarnation,
            "static": self.static,
            "profile_version": self.profile_version,
            "profile_hash": hashlib.sha256(profile.encode()).digest(),
        }
        return to_text(sign_statement(Statement(**{**fields, **changed}), self.private.sign))

    def proof(self, room: str, /, **changed: Any) -> str:
        """A signed proof in base64url, some of its fields changed."""
        fields: dict[str, Any] = {
            "origin": self.url,
            "sid": self.sid,
            "room": room,
            "incarnation": self.incarnation,
            "connection": self.connection,
        }
        return to_text(sign_proof(Proof(**{**fields, **changed}), self.private.sign))

    def join_fields(self, room: str, profile: str = "{}", /, **changed: Any) -> dict[str, Any]:
        """What `join` carries, some of it changed."""
        fields = {
            "room": room,
            "peer": self.id,
            "key": to_text(self.key),
            "incarnation": self.incarnation,
            "connection": self.connection,
            "statement": self.statement(room, profile),
            "proof": self.proof(room),
            "profile": profile,
        }
        return {**fields, **changed}

    async def call(self, event: str, data: Any) -> Any:
        """Sends an event and returns its acknowledgement."""
        return await self.sio.call(event, data, timeout=DEADLINE)

    async def join(self, room: str, profile: str = "{}") -> dict[str, Any]:
        """Joins, and returns the reply."""
        reply = await self.call("join", self.join_fields(room, profile))
        assert "error" not in reply, reply
        return dict(reply)

    async def relay(self, room: str, to: list[str], packets: list[bytes]) -> int:
        """Sends one relay and returns its number."""
        self.n += 1
        await self.sio.emit("relay", {"room": room, "n": self.n, "to": to, "packets": packets})
        return self.n

    async def next(self, event: str, deadline: float = DEADLINE) -> Any:
        """The next event of this name."""
        async with asyncio.timeout(deadline):
            while not self._events[event]:
                self._arrived.clear()
                await self._arrived.wait()
        return self._events[event].popleft()

    async def roster(self) -> Roster:
        """The next `roster` event."""
        return msgspec.convert(await self.next("roster"), Roster)

    async def change(self, kind: type[Change]) -> Any:
        """The next change of this kind, in whatever `roster` event it comes."""
        while True:
            for change in (await self.roster()).changes:
                if isinstance(change, kind):
                    return change

    def waiting(self, event: str) -> int:
        """How many events of this name nobody has asked for."""
        return len(self._events[event])

    def _record(self, event: str, *data: Any) -> None:
        self.log.append((event, data[0] if data else None))
        self._events[event].append(data[0] if data else None)
        self._arrived.set()

    def _refused(self, data: Any) -> None:
        self.refusal = data

    def _ended(self, *_: Any) -> None:
        self.ended.set()


async def until(condition: Callable[[], bool], deadline: float = DEADLINE) -> None:
    """Waits until a condition of this process holds."""
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        await asyncio.sleep(0.005)
