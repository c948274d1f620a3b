"""Servers with webhooks, and who posts there."""

from typing import Any

from signalling.webhooks.database import Dead
from signalling.webhooks.webhooks import Webhooks
from tests.signalling.actor import Actor
from tests.signalling.conftest import Server
from tests.signalling.webhooks.receivers import SECRET


def options(*urls: str, **changed: Any) -> dict[str, Any]:
    """Those of a server with webhooks."""
    given = {
        "webhook": urls,
        "webhook_secret": (SECRET,),
        "webhook_topics": ("orders.**",),
        "webhook_store": ":memory:",
        "webhook_allow_private": True,
        "webhook_timeout": 5.0,
    }
    return {**given, **changed}


async def post(actor: Actor, number: int, room: str = "room", topic: str = "orders.new", **more: Any) -> int:
    """Posts, and returns the id."""
    reply = await actor.call("post", {"room": room, "topic": topic, "data": number, **more})
    assert "error" not in reply, reply
    return int(reply["id"])


def everything(dead: Dead) -> bool:
    """All dead letters."""
    return True


def webhooks(server: Server) -> Webhooks:
    return server.signalling.webhooks
