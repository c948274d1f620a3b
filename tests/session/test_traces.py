"""The kept session traces are what a session does today, and a replay finds what is different."""

import json
from pathlib import Path
from typing import Any

import pytest

from peers.session.rules import Rules
from tests.session import traces

KEPT = Path(__file__).parent.parent / "vectors" / "session.json"


def kept() -> dict[str, Any]:
    """The vectors of the session."""
    found: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8"))
    return found


def plain(steps: list[traces.Step]) -> Any:
    """Steps as JSON gives them back."""
    return json.loads(json.dumps(steps))


@pytest.mark.parametrize("trace", kept()["traces"], ids=lambda trace: trace["name"])
def test_a_replay_gives_what_is_kept(trace: dict[str, Any]) -> None:
    steps = plain(traces.replay(trace["steps"], Rules(**kept()["rules"])))
    for found, wanted in zip(steps, trace["steps"], strict=True):
        assert found == wanted


def test_the_kept_traces_are_made_by_the_script() -> None:
    assert plain(traces.make()["traces"]) == kept()["traces"]


def test_a_replay_notices_what_is_different() -> None:
    steps = kept()["traces"][0]["steps"]
    tampered = [step for step in steps if step[0] != "listen"]
    assert plain(traces.replay(tampered, Rules(**kept()["rules"]))) != tampered


def test_the_traces_show_every_event_and_call() -> None:
    steps = [step for trace in kept()["traces"] for step in trace["steps"]]
    events = {step[2]["event"] for step in steps if step[0] == "next_event"}
    assert events == {
        "MessageReceived",
        "DatagramReceived",
        "ChannelOpened",
        "ChannelClosed",
        "SendReady",
        "Flushed",
        "PathChanged",
        "DirectAdopted",
        "Suspected",
        "Trusted",
        "ByeReceived",
        "ByeDone",
        "PingAnswered",
    }
    calls = {step[0] for step in steps}
    assert calls >= {"refused", "close", "flush", "send_datagram", "handle_timeout", "path_ended", "close_channel"}
