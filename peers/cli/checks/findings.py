"""What a check has found, and what all of it comes to."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

State = Literal["ok", "warning", "failed", "skipped"]


class Finding(NamedTuple):
    """One thing that was looked at: `failed` means that peers cannot talk, `warning` that they can, with less."""

    check: str
    state: State
    text: str
    advice: str = ""
    """What to do about it."""
    data: Mapping[str, Any] = {}
    """The same for machines."""


def verdict(findings: Sequence[Finding]) -> str:
    """All of it in one sentence."""
    for finding in findings:
        if finding.state == "failed":
            return f"Peers cannot talk from here: {finding.text}."
    data = {finding.check: finding.data for finding in findings}
    talk, udp = data.get("peers", {}), data.get("udp", {}).get("state")
    by = " (and the server is reached by polling only)" if data.get("server", {}).get("transport") == "polling" else ""
    if talk.get("path") != "direct":
        return f"Peers can talk, but only over the server{by}: see the warnings."
    nat = data.get("nat", {}).get("mapping")
    turn = any(finding.check == "turn" and finding.state == "ok" for finding in findings)
    if udp == "silent":
        reach = "and directly over TURN where that answers" if turn else "and directly only with peers on this network"
        return f"Peers can talk{by}: over the server, {reach}, since nothing answers over UDP."
    if nat == "address-dependent":
        reach = (
            "with most others directly, with the rest over TURN" if turn else "with many others only over the server"
        )
        return f"Peers can talk{by}: {reach}, since this network's NAT maps each destination anew."
    return f"Peers can talk{by}: over the server at once, and directly wherever the other side's network lets them."
