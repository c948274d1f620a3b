"""A client written from docs/protocol.md alone: it imports nothing of ours.

It joins a room, believes what statements say, starts a handshake with the first peer, sends a text, and takes what the
peer sends, over the relay only. It knows no more of the session than such a client needs.
"""

import asyncio
import base64
import hashlib
import os
import struct
import time
from typing import Any

import msgspec
import socketio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from noise.connection import Keypair, NoiseConnection

TEXT, BYE, ACK, PING, PONG = 2, 6, 16, 17, 18
RELIABLE, DATAGRAM = 0, 2


def prefixed(field: bytes) -> bytes:
    """u16 length of x || x."""
    return struct.pack(">H", len(field)) + field


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
        self.texts: asyncio.Queue[str] = asyncio.Queue()
        self.said_bye = asyncio.Event()
        self.sio = socketio.AsyncClient(reconnection=False)
        self.sio.on("relay", self.in_order)
        self.one_by_one = asyncio.Lock()
        self.n = self.sealed = self.received = 0
        self.sent = 0
        self.handled = 0
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
        self.check(self.peer)

    def check(self, member: dict[str, Any]) -> None:
        """A member is what its statement says."""
        statement = bytes_of(member["statement"])
        body, signature = statement[:-64], statement[-64:]
        fields = []
        while body:
            size = int.from_bytes(body[:2], "big")
            fields.append(body[2 : 2 + size])
            body = body[2 + size :]
        room, self.peer_key, incarnation, self.peer_static, _, profile_hash = fields
        signed = b"eitherway/1 statement\0" + statement[:-64]
        Ed25519PublicKey.from_public_bytes(self.peer_key).verify(signature, signed)
        assert room.decode() == self.room
        assert bytes_of(member["key"]) == self.peer_key
        assert profile_hash == hashlib.sha256(member["profile"].encode()).digest()
        self.peer_incarnation = int.from_bytes(incarnation, "big")

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
        await (self.seal(text_frame) if self.sent > 1 else self.start(text_frame))

    async def start(self, frames: bytes) -> None:
        """Message 1."""
        noise = self.noise = NoiseConnection.from_name(b"Noise_IK_25519_ChaChaPoly_SHA256")
        noise.set_as_initiator()
        noise.set_keypair_from_private_bytes(Keypair.STATIC, self.static.private_bytes_raw())
        noise.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, self.peer_static)
        incarnation = struct.pack(">Q", self.peer_incarnation)
        fields = prefixed(self.room.encode()) + prefixed(self.peer_key) + prefixed(incarnation)
        noise.set_prologue(b"eitherway/1" + fields)
        noise.start_handshake()
        self.key_id = os.urandom(4)
        settings = msgspec.msgpack.encode({"direct": False})
        payload = prefixed(self.statement) + self.half + bytes(24) + prefixed(settings) + frames
        await self.relay(b"\1" + self.key_id + bytes(noise.write_message(payload)))

    async def seal(self, frames: bytes) -> None:
        """A sealed packet."""
        header = b"\3" + self.key_id + struct.pack(">I", self.sealed)
        nonce = bytes(4) + struct.pack("<Q", self.sealed)
        self.sealed += 1
        await self.relay(header + ChaCha20Poly1305(self.send_key).encrypt(nonce, frames, header))

    async def in_order(self, event: dict[str, Any]) -> None:
        """python-socketio starts a task for each event."""
        async with self.one_by_one:
            await self.receive(event)

    async def receive(self, event: dict[str, Any]) -> None:
        """A packet of the peer: message 2 or sealed frames of this key, in order here."""
        packet = event["packet"]
        assert event["from"] == self.peer["id"]
        assert packet[1:5] == self.key_id
        if packet[0] == 2:
            payload = bytes(self.noise.read_message(packet[5:]))
            state = self.noise.noise_protocol
            self.send_key, self.receive_key = state.cipher_state_encrypt.k, state.cipher_state_decrypt.k
            assert payload[12:24] == self.half, "it is bound to another half"
            size = int.from_bytes(payload[36:38], "big")
            assert isinstance(msgspec.msgpack.decode(payload[38 : 38 + size]), dict)
            frames = payload[38 + size :]
        else:
            assert packet[0] == 3
            nonce = bytes(4) + struct.pack("<Q", int.from_bytes(packet[5:9], "big"))
            frames = ChaCha20Poly1305(self.receive_key).decrypt(nonce, packet[9:], packet[:9])
        for kind, lane, channel, seq, body in frames_in(frames):
            await self.take(kind, lane, channel, seq, body)

    async def take(self, kind: int, lane: int, channel: int, seq: int, body: bytes) -> None:
        """One frame."""
        if kind == PING:
            await self.seal(frame(PONG, DATAGRAM, 0, 0, body[:4] + self.acknowledgement()))
        elif seq == self.received + 1 and lane == RELIABLE:
            self.received = seq
            if kind == TEXT:
                assert channel == 0
                self.handled += len(body) + 64
                self.texts.put_nowait(body.decode())
            await self.seal(frame(ACK, DATAGRAM, 0, 0, self.acknowledgement()))
            if kind == BYE:
                self.said_bye.set()

    def acknowledgement(self) -> bytes:
        """What is wanted next of each lane; limit and handled of channel 0."""
        return u48(self.received + 1) + u48(1) + b"\0\0" + u48(self.handled + 64 * 1024) + u48(self.handled)
