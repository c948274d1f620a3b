"""A client written from docs/protocol.md alone: it imports nothing of ours.

It joins a room, believes what statements say, starts a handshake or answers one, sends texts on the default channel,
and takes whatever the peer sends on the two ordered lanes, over the relay only. As long as nothing is lost there, it
needs no more of the session than this.
"""

import asyncio
import base64
import hashlib
import os
import struct
import time
from collections.abc import Callable
from typing import Any

import msgspec
import socketio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from noise.connection import Keypair, NoiseConnection

BYTES, TEXT, VALUE, OPEN, CLOSE, BYE, ACK, PING, PONG = 1, 2, 3, 4, 5, 6, 16, 17, 18
RELIABLE, BULK, DATAGRAM = 0, 1, 2
MORE = 1
WINDOW = 1_152 * 1_024
READ: dict[int, Callable[[bytes], Any]] = {BYTES: bytes, TEXT: bytes.decode, VALUE: msgspec.msgpack.decode}
SETTINGS = msgspec.msgpack.encode({"direct": False})


class Key:
    """A completed handshake's keys."""

    def __init__(self, send: bytes, receive: bytes) -> None:
        self.send, self.receive, self.sealed = send, receive, 0


class Inlet:
    """The peer's direction of a channel."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.handled = 0
        self.parts: list[bytes] = []


def prefixed(field: bytes) -> bytes:
    """u16 length of x || x."""
    return struct.pack(">H", len(field)) + field


def split_prefixed(data: bytes) -> tuple[bytes, bytes]:
    """The field at the beginning, and the rest."""
    end = 2 + int.from_bytes(data[:2], "big")
    return data[2:end], data[end:]


def text_of(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    """And back."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def u48(number: int) -> bytes:
    """Six bytes, big-endian."""
    return number.to_bytes(6, "big")


def frame(kind: int, lane: int, channel: int, seq: int, payload: bytes) -> bytes:
    """Header and payload."""
    return struct.pack(">BBH", kind, lane << 4, channel) + u48(seq) + prefixed(payload)


def frames_in(packet: bytes) -> list[tuple[int, int, int, int, bytes]]:
    """Type, lane and flags, channel, seq and payload of each frame."""
    found = []
    while packet:
        kind, lane, channel = struct.unpack_from(">BBH", packet)
        seq, length = int.from_bytes(packet[4:10], "big"), int.from_bytes(packet[10:12], "big")
        found.append((kind, lane, channel, seq, packet[12 : 12 + length]))
        packet = packet[12 + length :]
    return found


class Stranger:
    """One program in one room, with a link to the first peer that it sees."""

    def __init__(self, url: str, room: str, profile: str) -> None:
        self.url, self.room, self.profile = url, room, profile
        self.key = Ed25519PrivateKey.generate()
        self.public = self.key.public_key().public_bytes_raw()
        self.static = X25519PrivateKey.generate()
        digest = hashlib.sha256(b"eitherway id 1" + self.public).digest()[:20]
        self.id = base64.b32encode(digest).decode().lower()
        self.incarnation = time.time_ns() // 1_000_000
        self.half = struct.pack(">QI", self.incarnation, 1)
        self.messages: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        """The channel's label, and what came on it; None: it is closed."""
        self.bye = False
        self.said_bye = asyncio.Event()
        self.sio = socketio.AsyncClient(reconnection=False)
        self.sio.on("relay", self.in_order)
        self.joined = asyncio.Event()
        self.one_by_one = asyncio.Lock()
        self.n = self.sent = 0
        self.keys: dict[bytes, Key] = {}
        self.pending: dict[bytes, NoiseConnection] = {}
        self.latest = b""
        """The id of the key of the latest completed handshake."""
        self.received = {RELIABLE: 0, BULK: 0}
        self.inlets = {0: Inlet("")}
        self.statement = b""

    # ---- client and server

    def sign(self, purpose: bytes, fields: list[bytes]) -> bytes:
        """fields || signature."""
        body = b"".join(map(prefixed, fields))
        return body + self.key.sign(b"eitherway/1 " + purpose + b"\0" + body)

    async def join(self) -> None:
        """Connect, join, and check what the roster shows of the first peer."""
        await self.sio.connect(self.url, auth={"protocol": 1}, transports=["websocket"])
        incarnation, connection = struct.pack(">Q", self.incarnation), struct.pack(">Q", 1)
        profile_hash = hashlib.sha256(self.profile.encode()).digest()
        static = self.static.public_key().public_bytes_raw()
        room = self.room.encode()
        self.statement = self.sign(
            b"statement", [room, self.public, incarnation, static, struct.pack(">Q", 1), profile_hash]
        )
        proof = self.sign(b"proof", [self.url.encode(), self.sio.get_sid().encode(), room, incarnation, connection])
        reply = await self.sio.call(
            "join",
            {
                "room": self.room,
                "peer": self.id,
                "key": text_of(self.public),
                "incarnation": self.incarnation,
                "connection": 1,
                "statement": text_of(self.statement),
                "proof": text_of(proof),
                "profile": self.profile,
            },
        )
        assert "error" not in reply, reply
        self.peer = next(member for member in reply["peers"] if member["id"] != self.id)
        self.peer_incarnation, self.peer_static = self.check(self.peer)
        self.joined.set()

    def check(self, member: dict[str, Any]) -> tuple[bytes, bytes]:
        """A member is what its statement says: its incarnation and its S."""
        room, key, incarnation, static, _, profile_hash = self.read_statement(bytes_of(member["statement"]))
        assert room.decode() == self.room
        assert bytes_of(member["key"]) == key
        assert profile_hash == hashlib.sha256(member["profile"].encode()).digest()
        return incarnation, static

    def read_statement(self, statement: bytes) -> list[bytes]:
        """The fields of a statement that its key has signed."""
        body, signature = statement[:-64], statement[-64:]
        fields = []
        while body:
            field, body = split_prefixed(body)
            fields.append(field)
        signed = b"eitherway/1 statement\0" + statement[:-64]
        Ed25519PublicKey.from_public_bytes(fields[1]).verify(signature, signed)
        return fields

    async def relay(self, packet: bytes) -> None:
        """One packet for the peer."""
        self.n += 1
        await self.sio.emit("relay", {"room": self.room, "n": self.n, "to": [self.peer["id"]], "packets": [packet]})

    async def leave(self) -> None:
        """Say bye, wait for the peer's, leave."""
        last = u48(self.sent) + u48(0)
        self.sent += 1
        await self.seal(frame(BYE, RELIABLE, 0, self.sent, last))
        await self.said_bye.wait()
        assert await self.sio.call("leave", {"room": self.room}) == {}
        await self.sio.disconnect()

    # ---- the link

    async def send(self, text: str) -> None:
        """A text on the default channel: in message 1 if it is the first."""
        self.sent += 1
        text_frame = frame(TEXT, RELIABLE, 0, self.sent, text.encode())
        await (self.seal(text_frame) if self.latest else self.start(text_frame))

    async def start(self, frames: bytes) -> None:
        """Message 1."""
        noise = self.handshake(bytes_of(self.peer["key"]), self.peer_incarnation)
        noise.set_as_initiator()
        noise.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, self.peer_static)
        noise.start_handshake()
        key_id = os.urandom(4)
        self.pending[key_id] = noise
        payload = prefixed(self.statement) + self.half + bytes(24) + prefixed(SETTINGS) + frames
        await self.relay(b"\1" + key_id + bytes(noise.write_message(payload)))

    def handshake(self, key: bytes, incarnation: bytes) -> NoiseConnection:
        """Noise with the prologue of this responder."""
        noise = NoiseConnection.from_name(b"Noise_IK_25519_ChaChaPoly_SHA256")
        noise.set_keypair_from_private_bytes(Keypair.STATIC, self.static.private_bytes_raw())
        noise.set_prologue(b"eitherway/1" + prefixed(self.room.encode()) + prefixed(key) + prefixed(incarnation))
        return noise

    async def answer(self, packet: bytes) -> bytes:
        """Message 1 of the peer: its frames; message 2 is on its way."""
        noise = self.handshake(self.public, struct.pack(">Q", self.incarnation))
        noise.set_as_responder()
        noise.start_handshake()
        statement, payload = split_prefixed(bytes(noise.read_message(packet[5:])))
        fields = self.read_statement(statement)
        assert fields[:3] == [self.room.encode(), bytes_of(self.peer["key"]), self.peer_incarnation]
        assert fields[3] == self.peer_static == noise.noise_protocol.handshake_state.rs.public_bytes
        own, bound, ended = payload[:12], payload[12:24], payload[24:36]
        assert own[:8] == self.peer_incarnation
        assert bound in (bytes(12), self.half)
        assert ended < self.half
        _, frames = split_prefixed(payload[36:])
        answer = bytes(noise.write_message(self.half + own + bytes(12) + prefixed(SETTINGS)))
        self.complete(packet[1:5], noise)
        await self.relay(b"\2" + packet[1:5] + answer)
        return frames

    def finish(self, packet: bytes) -> bytes:
        """Message 2: its frames."""
        noise = self.pending.pop(packet[1:5])
        payload = bytes(noise.read_message(packet[5:]))
        self.complete(packet[1:5], noise)
        assert payload[12:24] == self.half, "it is bound to another half"
        settings, frames = split_prefixed(payload[36:])
        assert isinstance(msgspec.msgpack.decode(settings), dict)
        return frames

    def complete(self, key_id: bytes, noise: NoiseConnection) -> None:
        """What Split() gave: seal with it from now on, and go on opening with the others."""
        state = noise.noise_protocol
        self.keys[key_id] = Key(state.cipher_state_encrypt.k, state.cipher_state_decrypt.k)
        self.latest = key_id

    async def seal(self, frames: bytes) -> None:
        """A sealed packet."""
        key = self.keys[self.latest]
        header = b"\3" + self.latest + struct.pack(">I", key.sealed)
        nonce = bytes(4) + struct.pack("<Q", key.sealed)
        key.sealed += 1
        await self.relay(header + ChaCha20Poly1305(key.send).encrypt(nonce, frames, header))

    def open(self, packet: bytes) -> bytes:
        """The frames in a sealed packet."""
        assert packet[0] == 3
        nonce = bytes(4) + struct.pack("<Q", int.from_bytes(packet[5:9], "big"))
        return ChaCha20Poly1305(self.keys[packet[1:5]].receive).decrypt(nonce, packet[9:], packet[:9])

    async def in_order(self, event: dict[str, Any]) -> None:
        """python-socketio starts a task for each event."""
        await self.joined.wait()  # a peer may be quicker than the reply to our join
        async with self.one_by_one:
            await self.receive(event)

    async def receive(self, event: dict[str, Any]) -> None:
        """A packet of the peer."""
        packet = event["packet"]
        assert event["from"] == self.peer["id"]
        if packet[0] == 1:
            frames = await self.answer(packet)
        elif packet[0] == 2:
            frames = self.finish(packet)
        else:
            frames = self.open(packet)
        sequenced = 0
        for kind, lane, channel, seq, body in frames_in(frames):
            sequenced += seq
            if kind == PING:
                await self.seal(frame(PONG, DATAGRAM, 0, 0, body[:4] + self.acknowledgement()))
            elif seq and seq == self.received[lane >> 4] + 1:
                self.received[lane >> 4] = seq
                self.take(kind, lane & 15, channel, body)
        if sequenced:
            await self.seal(frame(ACK, DATAGRAM, 0, 0, self.acknowledgement()))
        if self.bye:
            self.said_bye.set()

    def take(self, kind: int, flags: int, channel: int, body: bytes) -> None:
        """One numbered frame, in its turn."""
        if kind == OPEN:
            label, application, _, _ = msgspec.msgpack.decode(body)
            assert application == ""
            self.inlets[channel] = Inlet(label)
        elif kind == CLOSE:
            self.messages.put_nowait((self.inlets[channel].label, None))
        elif kind == BYE:
            self.bye = True
        else:
            inlet = self.inlets[channel]
            inlet.handled += len(body) + 64
            inlet.parts.append(body)
            if not flags & MORE:
                whole, inlet.parts = b"".join(inlet.parts), []
                self.messages.put_nowait((inlet.label, READ[kind](whole)))

    def acknowledgement(self) -> bytes:
        """What is wanted next of each lane; limit and handled of each channel."""
        told = b"".join(
            struct.pack(">H", number) + u48(inlet.handled + WINDOW) + u48(inlet.handled)
            for number, inlet in self.inlets.items()
        )
        return u48(self.received[RELIABLE] + 1) + u48(self.received[BULK] + 1) + told
