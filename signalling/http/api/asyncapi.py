"""The AsyncAPI 3.0 document: Socket.IO events, streams and webhooks."""

from typing import Any, Final

import msgspec

from signalling.http.api.openapi import schemas
from signalling.http.api.types import Closing, Gone, Here
from signalling.protocol import events as wire
from signalling.protocol.errors import Code
from signalling.webhooks.events import EVENTS, type_of

_SCHEMAS: Final = "#/components/schemas/"


class Error(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a client's event is answered with under `error`, if it is refused."""

    code: Code
    message: str
    retry_after: float | None = None
    statement: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An event by Socket.IO. `reply` is the acknowledgement; None: an empty object. `id` tells two of a name apart."""

    name: str
    id: str = ""
    payload: Any
    reply: Any = None
    is_acknowledged: bool = True


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook: its type, and what its body is."""

    name: str
    payload: Any


FROM_CLIENTS: Final[list[Event]] = [
    Event(name="join", payload=wire.Join, reply=wire.Joined),
    Event(name="join", id="join-as-guest", payload=wire.JoinAsGuest, reply=wire.Joined),
    Event(name="leave", payload=wire.Leave),
    Event(name="profile", payload=wire.Profile),
    Event(name="signal", payload=wire.Signal),
    Event(name="relay", payload=wire.Relay, is_acknowledged=False),
    Event(name="post", payload=wire.Post, reply=wire.Posted),
    Event(name="watch", payload=wire.Watch, reply=wire.Watching),
    Event(name="auth", payload=wire.Auth, reply=wire.Authorized),
    Event(name="unwatch", payload=wire.Unwatch),
    Event(name="report", payload=wire.Report),
]
"""What a client emits."""

FROM_SERVER: Final[list[Event]] = [
    Event(name="roster", payload=wire.Roster),
    Event(name="signal", payload=wire.SignalFrom),
    Event(name="relay", payload=wire.RelayFrom),
    Event(name="relayed", payload=wire.Relayed),
    Event(name="refused", payload=wire.Refused),
    Event(name="replaced", payload=wire.Replaced),
    Event(name="room-closed", payload=wire.RoomClosed),
    Event(name="shutdown", payload=wire.Shutdown),
    Event(name="post", payload=wire.PostFrom),
    Event(name="missed", payload=wire.Missed),
]
"""What the server emits."""

WEBHOOKS: Final[list[Hook]] = [Hook(name=type_of(event), payload=event) for event in EVENTS]
"""What the server sends to others' servers."""

_ABOUT: Final = """\
Events by Socket.IO, streams of feeds by HTTP, and webhooks. Requests and their answers are in `openapi.json`.
"""

_STREAMS: Final[dict[str, tuple[str, Any]]] = {
    "post": (
        "A post. As Server-Sent Event its `id` is the event's, and its `event`, if it has one, the event's name.",
        wire.PostFrom,
    ),
    "watching": (
        "The stream has brought everything up to this id: at its beginning, and later if other topics have moved on.",
        Here,
    ),
    "missed": ("Posts up to this id may be missing: the room keeps them no longer.", Gone),
    "closing": ("The last of a stream: why it ends.", Closing),
}

_ON_TOPICS: Final = (wire.Watchers,)
"""The data of posts on the server's own topics."""


def asyncapi(version: str, base: str) -> dict[str, Any]:
    """The document. `base` is the path that the HTTP API is served under."""
    types = [Error, *_ON_TOPICS]
    for event in (*FROM_CLIENTS, *FROM_SERVER):
        types += [each for each in (event.payload, event.reply) if each is not None]
    types += [payload for _, payload in _STREAMS.values()] + [hook.payload for hook in WEBHOOKS]
    channels = {"socketio": _socketio(), "feed": _feed(base)}
    operations = {**_socketio_operations(), "streamFeed": _operation("send", "feed", list(_STREAMS), "Stream a feed.")}
    if WEBHOOKS:
        channels["webhooks"] = {
            "address": None,
            "description": "POST requests to the URLs that the server was given (Standard Webhooks).",
            "messages": {hook.name: _message(hook.name, hook.payload) for hook in WEBHOOKS},
        }
        names = [hook.name for hook in WEBHOOKS]
        operations["sendWebhook"] = _operation("send", "webhooks", names, "Tell others' servers what has happened.")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "eitherway",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"schemas": _as_asyncapi(schemas(dict.fromkeys(types)))},
    }


def _as_asyncapi(schema: Any) -> Any:
    """A discriminator is the name of a property here, where OpenAPI has an object."""
    if isinstance(schema, list):
        return [_as_asyncapi(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: each["propertyName"] if name == "discriminator" and "propertyName" in each else _as_asyncapi(each)
        for name, each in schema.items()
    }


def _socketio() -> dict[str, Any]:
    messages = {_from_client(event): _message(event.name, event.payload) for event in FROM_CLIENTS}
    messages |= {_from_server(event): _message(event.name, event.payload) for event in FROM_SERVER}
    for event in FROM_CLIENTS:
        if event.is_acknowledged:
            messages[_reply(event)] = {
                "name": event.name,
                "summary": f"The acknowledgement of `{event.name}`.",
                "payload": {"anyOf": [_payload(event.reply), _REFUSAL]},
            }
    return {
        "address": "/socket.io/",
        "title": "Socket.IO",
        "description": (
            'Protocol 5 over Engine.IO 4, namespace `/`, by WebSocket or long-polling, with `auth: {"protocol": 1, '
            '"token": ...}`. Bytes are binary attachments, whatever their schema says of an encoding.'
        ),
        "messages": messages,
    }


def _socketio_operations() -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for event in FROM_CLIENTS:
        operation = _operation("receive", "socketio", [_from_client(event)], _summary(event.payload))
        if event.is_acknowledged:
            operation["reply"] = {
                "channel": {"$ref": "#/channels/socketio"},
                "messages": [{"$ref": f"#/channels/socketio/messages/{_reply(event)}"}],
            }
        operations[_from_client(event)] = operation
    for event in FROM_SERVER:
        message = _from_server(event)
        operations[message] = _operation("send", "socketio", [message], _summary(event.payload))
    return operations


def _feed(base: str) -> dict[str, Any]:
    return {
        "address": f"{base}/rooms/{{room}}/feed",
        "title": "Streams of a feed",
        "description": (
            "GET with `Accept: text/event-stream` or `application/x-ndjson`; the parameters are in `openapi.json`. As "
            "Server-Sent Events, messages but posts have the event names that they have here; as lines of JSON, the "
            "name is a key of the object, and posts are those with a `topic`. Comments and empty lines, one every "
            "15 s, mean nothing."
        ),
        "parameters": {"room": {"description": "The room's name, percent-encoded."}},
        "messages": {
            name: {**_message(name, payload), "summary": summary} for name, (summary, payload) in _STREAMS.items()
        },
    }


def _operation(action: str, channel: str, messages: list[str], summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages],
    }


def _message(name: str, payload: Any) -> dict[str, Any]:
    return {"name": name, "summary": _summary(payload), "payload": _payload(payload)}


def _payload(kind: Any) -> dict[str, Any]:
    return {"type": "object"} if kind is None else {"$ref": _SCHEMAS + kind.__name__}


_REFUSAL: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"$ref": _SCHEMAS + "Error"}},
}


def _summary(kind: Any) -> str:
    return " ".join((kind.__doc__ or kind.__name__).split())


def _from_client(event: Event) -> str:
    return f"client-{event.id or event.name}"


def _from_server(event: Event) -> str:
    return f"server-{event.id or event.name}"


def _reply(event: Event) -> str:
    return f"reply-{event.id or event.name}"
